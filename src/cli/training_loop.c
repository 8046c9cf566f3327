#include "cli/training_loop.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* Perplexity below this share of the codes is a collapse. */
static const double collapse = 0.1;

int vq_training_begin(vq_training_loop *t) {
    vqdna_status status = vqdna_trainer_peek(t->trainer, &t->shown);
    if (status < 0)
        return vq_cli_failed(t->cli, status);
    t->warned = vq_need(NULL, t->shown.count * sizeof *t->warned);
    memset(t->warned, 0, t->shown.count * sizeof *t->warned);
    t->step = t->shown.step;
    t->reported = false;
    return VQ_GO_ON;
}

void vq_training_end(vq_training_loop *t) {
    free(t->warned);
    t->warned = NULL;
}

/* Seconds the training will still take: as the last report says, or before the first from the pace so far. */
static double seconds_left(const vq_training_loop *t) {
    const vqdna_report *r = &t->shown;
    double elapsed = cli_clock() - t->report_time;
    if (!t->reported && r->steps)
        return t->step > r->step ? elapsed / (double)(t->step - r->step) * (double)(r->steps - t->step) : NAN;
    return fmax(0, r->seconds_left - elapsed);
}

/* One number of a progress line. */
static size_t put_number(char *out, size_t size, const vqdna_number *n) {
    return (size_t)(n->kind == VQDNA_SHARE   ? snprintf(out, size, " %.2f %%", 100 * n->value)
                    : n->kind == VQDNA_COUNT ? snprintf(out, size, " %.0f", n->value)
                    : n->of > 0              ? snprintf(out, size, " %.2f", n->value / n->of)
                                             : snprintf(out, size, " %.4f", n->value));
}

/* The numbers that have a word for it, those of one word together; a part of nothing yet is left out. */
static void put_means(char *out, size_t size, const vqdna_report *r) {
    size_t used = 0;
    for (size_t i = 0; i < r->count; i++) {
        const char *word = r->numbers[i].brief;
        bool first = word != NULL;
        for (size_t j = 0; j < i && first; j++)
            first = !r->numbers[j].brief || strcmp(r->numbers[j].brief, word) != 0;
        if (!first || (r->numbers[i].of > 0 && r->numbers[i].value == 0) || used >= size)
            continue;
        used += (size_t)snprintf(out + used, size - used, "  %s", word);
        for (size_t j = i; j < r->count && used < size; j++)
            if (r->numbers[j].brief && !strcmp(r->numbers[j].brief, word))
                used += put_number(out + used, size - used, &r->numbers[j]);
    }
}

/* What matters most comes first: a narrow terminal shows only as many fields as fit. */
static void show(vq_training_loop *t, bool force) {
    const vqdna_report *r = &t->shown;
    char planned[32] = "", left[16], number[16], rate[32] = "", means[512] = "";
    if (r->steps)
        snprintf(planned, sizeof planned, "/%llu", (unsigned long long)r->steps);
    if (t->reported) {
        put_means(means, sizeof means, r);
        snprintf(rate, sizeof rate, "  %s bases/s", vq_short_number(number, vqdna_report_value(r, "bases_per_second")));
    }
    vq_cli_progress(t->cli, force, "%sstep %llu%s  %s left%s%s", t->prefix ? t->prefix : "", (unsigned long long)t->step, planned,
                    vq_short_time(left, seconds_left(t)), means, rate);
}

static void warn_of_collapse(vq_training_loop *t) {
    const vqdna_report *r = &t->shown;
    for (size_t i = 0; i < r->count; i++) {
        const vqdna_number *n = &r->numbers[i];
        if (n->kind != VQDNA_REAL || !(n->of > 0) || n->value == 0)
            continue;
        bool collapsed = n->value < collapse * n->of;
        if (collapsed && !t->warned[i])
            vq_cli_warn(t->cli, "step %llu: a codebook collapses: %s %.1f of %.0f", (unsigned long long)r->step, n->label, n->value,
                        n->of);
        t->warned[i] = collapsed;
    }
}

static int report(vq_training_loop *t, bool force) {
    vqdna_report r;
    vqdna_status status = vqdna_trainer_report(t->trainer, &r);
    if (status < 0)
        return vq_cli_failed(t->cli, status);
    t->shown = r;
    t->report_time = cli_clock();
    t->reported = true;
    show(t, force || r.progress >= 1);
    warn_of_collapse(t);
    return vq_training_log_append(t->log, t->cli, &r);
}

static int checkpoint(vq_training_loop *t) {
    char *provenance = vq_provenance_text(t->cli, t->session);
    vqdna_status status = vqdna_trainer_checkpoint(t->trainer, t->folder, provenance);
    free(provenance);
    return status < 0 ? vq_cli_failed(t->cli, status) : VQ_GO_ON;
}

/* Reports stand at fixed steps so that two runs log the same, also if one of them was stopped between two reports: the checkpoint
 * holds the sums since the last. */
int vq_training_run(vq_training_loop *t) {
    double checkpoint_time = cli_clock();
    size_t logged = json_array_size(t->log->reports);
    uint64_t reported = logged ? (uint64_t)vq_report_number(json_array_get(t->log->reports, logged - 1), "step") : 0;
    int code = VQ_GO_ON;
    t->report_time = checkpoint_time;
    signal(SIGPIPE, SIG_IGN); /* a reader of messages that goes away is no reason to stop */
    while (code == VQ_GO_ON && !vq_signals_caught(NULL)) {
        vqdna_status status = vqdna_trainer_step(t->trainer);
        if (status < 0)
            return vq_cli_failed(t->cli, status);
        if (status == VQDNA_END)
            break;
        vq_signals_hold(); /* from the first step on there is something to save */
        t->step++;
        if (t->step % t->report_every) {
            if (t->cli->terminal) /* a step of a large model takes seconds: show that it goes on */
                show(t, false);
            continue;
        }
        code = report(t, false);
        reported = t->step;
        if (code == VQ_GO_ON && cli_clock() - checkpoint_time >= t->checkpoint_every) {
            code = checkpoint(t);
            checkpoint_time = cli_clock();
        }
    }
    if (code != VQ_GO_ON)
        return code;
    if (vq_signals_caught(NULL)) {
        code = checkpoint(t);
        if (code == VQ_GO_ON)
            code = vq_cli_fail(t->cli, VQ_EXIT_INTERRUPTED,
                               "stopped after step %llu with a checkpoint in %s; the same command with --resume goes on",
                               (unsigned long long)t->step, t->folder);
        return code;
    }
    if (t->step != reported)
        code = report(t, true);
    return code == VQ_GO_ON ? checkpoint(t) : code;
}
