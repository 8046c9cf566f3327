#include "train/trainer.h"

#include "base/clock.h"

#include <math.h>
#include <stdlib.h>

vq_status vq_trainer_create(vq_trainer **out, vq_task task, vq_schedule schedule, vq_optimizer_rates rates) {
    vq_trainer *t = NULL;
    vq_status status = vq_alloc(&t, 1, sizeof *t);
    if (status < 0) {
        task.destroy(task.self);
        return status;
    }
    t->task = task;
    t->schedule = schedule;
    t->rates = rates;
    t->clock = vq_clock();
    status = vq_optimizer_open(&t->optimizer, task.device, task.plan);
    if (status < 0)
        vq_trainer_destroy(t);
    else
        *out = t;
    return status;
}

void vq_trainer_destroy(vq_trainer *t) {
    if (!t)
        return;
    vq_optimizer_close(&t->optimizer);
    t->task.destroy(t->task.self);
    free(t);
}

static void tick(vq_trainer *t) {
    double at = vq_clock();
    t->seconds += at - t->clock;
    t->clock = at;
}

/* The one place where nodes meet: every gradient, and what the task moves by itself, becomes the sum over all of them. */
static vq_status add_over_nodes(vq_trainer *t) {
    if (!t->exchange)
        return VQDNA_OK;
    VQ_TRY(t->exchange(t->exchange_user, t->task.device, vq_plan_regions(t->task.plan, VQ_ALL).grad));
    vq_view view;
    for (int i = 0; (view = t->task.sums(t->task.self, i)).mem; i++)
        VQ_TRY(t->exchange(t->exchange_user, t->task.device, view));
    return VQDNA_OK;
}

vq_status vq_trainer_step(vq_trainer *t) {
    vq_task *task = &t->task;
    uint64_t bases;
    tick(t);
    if (vq_schedule_is_over(&t->schedule, t->step, t->seconds))
        return VQDNA_END;
    const double progress = vq_schedule_progress(&t->schedule, t->step, t->seconds);
    const double rate = vq_schedule_rate(&t->schedule, t->step, t->seconds);
    VQ_TRY(task->begin(task->self, t->step, &bases));
    for (int part = 0; part < task->parts; part++)
        VQ_TRY(task->learn(task->self, part));
    VQ_TRY(add_over_nodes(t));
    VQ_TRY(vq_optimizer_step(&t->optimizer, &t->rates, rate, t->step + 1));
    VQ_TRY(task->update(task->self, t->step, progress));
    t->step++;
    t->bases += bases;
    return VQDNA_OK;
}

static vq_status clear_sums(const vq_trainer *t) {
    const vq_tensor *tensor;
    for (size_t i = 0; (tensor = vq_plan_at(t->task.plan, i)); i++)
        if (tensor->role == VQ_SUMS)
            VQ_TRY(vq_zero(t->task.device, tensor->view));
    return VQDNA_OK;
}

static vq_status report(vq_trainer *t, vqdna_report *out, bool ends) {
    vq_standing at = {.step = t->step, .steps = t->schedule.seconds > 0 ? 0 : t->schedule.steps, .bases = t->bases};
    at.steps_since = t->step - t->last.step;
    at.bases_since = t->bases - t->last.bases;
    VQ_TRY(vq_optimizer_norm(&t->optimizer, &at.gradient_norm)); /* waits for what was enqueued: the clock is read after it */
    tick(t);
    at.gradient_norm = at.steps_since ? at.gradient_norm : 0;
    at.seconds = t->seconds;
    at.seconds_since = t->seconds - t->last.seconds;
    at.progress = vq_schedule_progress(&t->schedule, t->step, t->seconds);
    at.learning_rate = vq_schedule_rate(&t->schedule, t->step, t->seconds);
    vq_report_clear(&t->report);
    VQ_TRY(t->task.report(t->task.self, &t->report, &at, ends));
    if (ends) {
        VQ_TRY(clear_sums(t));
        t->last.step = t->step;
        t->last.bases = t->bases;
        t->last.seconds = t->seconds;
    }
    *out = (vqdna_report){.step = at.step, .steps = at.steps, .progress = at.progress};
    out->seconds_left = t->schedule.seconds > 0 ? fmax(0, t->schedule.seconds - t->seconds)
                        : at.steps_since        ? (double)(at.steps - at.step) * at.seconds_since / (double)at.steps_since
                                                : 0;
    out->numbers = t->report.numbers;
    out->count = t->report.count;
    if (at.steps_since && !isfinite(vq_number_value(out->numbers, out->count, "loss") + at.gradient_norm))
        return vq_fail(VQDNA_ERR_NUMERIC,
                       "the loss is not finite after step %llu: train with a lower learning_rate, or from the last checkpoint",
                       (unsigned long long)t->step);
    return VQDNA_OK;
}

vq_status vq_trainer_report(vq_trainer *t, vqdna_report *out) {
    return report(t, out, true);
}

vq_status vq_trainer_peek(vq_trainer *t, vqdna_report *out) {
    return report(t, out, false);
}
