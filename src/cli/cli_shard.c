#include "cli/cli_shard.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool number(const char *text, const char *end, uint64_t *out) {
    char *stop;
    errno = 0;
    *out = text && *text >= '0' && *text <= '9' ? strtoull(text, &stop, 10) : 0;
    return text && *text >= '0' && *text <= '9' && !errno && *stop == *end && *out < UINT32_MAX;
}

static bool variable(const char *name, uint64_t *out) {
    return number(getenv(name), "", out);
}

/* The place of a task among those of its array: numbers from `first` to `last` in steps. */
static int place(vq_shard *out, vq_cli *cli, const char *queue, uint64_t task, uint64_t first, uint64_t last, uint64_t step) {
    if (!step || task < first || task > last || (task - first) % step || (last - first) % step)
        return vq_cli_fail(cli, VQ_EXIT_USAGE,
                           "--shard auto needs an array of evenly spaced tasks, and %s's task %llu is not of one: give "
                           "--shard I/N",
                           queue, (unsigned long long)task);
    *out = (vq_shard){(task - first) / step + 1, (last - first) / step + 1};
    return VQ_GO_ON;
}

/* `count` is what stands behind "auto/", or 0. */
static int ask_the_queue(vq_shard *out, vq_cli *cli, uint64_t count) {
    uint64_t task, first, last, step, tasks;
    if (variable("SLURM_ARRAY_TASK_ID", &task) && variable("SLURM_ARRAY_TASK_MIN", &first) &&
        variable("SLURM_ARRAY_TASK_MAX", &last)) {
        if (!variable("SLURM_ARRAY_TASK_COUNT", &tasks) || tasks < 1)
            tasks = last - first + 1;
        step = tasks > 1 ? (last - first) / (tasks - 1) : 1;
        int code = place(out, cli, "SLURM", task, first, last, step);
        if (code == VQ_GO_ON && out->count != tasks)
            code = place(out, cli, "SLURM", task, first, last, 0);
        return code;
    }
    if (variable("SGE_TASK_ID", &task) && variable("SGE_TASK_FIRST", &first) && variable("SGE_TASK_LAST", &last)) {
        if (!variable("SGE_TASK_STEPSIZE", &step))
            step = 1;
        last -= step && last > first ? (last - first) % step : 0; /* SGE tells the end of the range as it was asked for */
        return place(out, cli, "SGE", task, first, last, step);
    }
    if (variable("PBS_ARRAY_INDEX", &task) || variable("PBS_ARRAYID", &task)) {
        if (!count)
            return vq_cli_fail(cli, VQ_EXIT_USAGE, "PBS tells task %llu and not how many there are: give --shard auto/N",
                               (unsigned long long)task);
        return place(out, cli, "PBS", task, 1, count, 1);
    }
    return vq_cli_fail(cli, VQ_EXIT_USAGE, "--shard auto finds no task of an array of SLURM, PBS or SGE: give --shard I/N");
}

int vq_shard_parse(vq_shard *out, vq_cli *cli, const char *text) {
    *out = (vq_shard){0};
    if (!text)
        return VQ_GO_ON;
    const char *slash = strchr(text, '/');
    uint64_t count = 0;
    bool numbered = slash && number(slash + 1, "", &count) && count;
    if (!strncmp(text, "auto", 4) && (!text[4] || (slash == text + 4 && numbered))) {
        int code = ask_the_queue(out, cli, count);
        if (code == VQ_GO_ON && count && out->count != count)
            code =
                vq_cli_fail(cli, VQ_EXIT_USAGE, "--shard %s: the queue tells of %llu tasks", text, (unsigned long long)out->count);
        return code;
    }
    if (!numbered || !number(text, "/", &out->number) || out->number < 1)
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "--shard takes I/N, I from 1 to N, or auto, not '%s'", text);
    out->count = count;
    if (out->number > count)
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "--shard %s: there are shards 1 to %llu", text, (unsigned long long)count);
    return VQ_GO_ON;
}

void vq_shard_blocks(const vq_shard *shard, uint64_t blocks, uint64_t *first, uint64_t *end) {
    uint64_t share = blocks / shard->count, more = blocks % shard->count, i = shard->number - 1;
    *first = i * share + (i < more ? i : more);
    *end = *first + share + (i < more);
}
