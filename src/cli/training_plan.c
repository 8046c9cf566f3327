#include "cli/training_plan.h"

#include <stdio.h>

void vq_training_plan_row(void *user, const char *name, const char *role, int rank, const size_t *shape, size_t bytes, int slab,
                          size_t offset) {
    char sizes[64];
    bool *begun = user;
    if (!*begun)
        printf("%-40s %-8s %-24s %14s %5s %14s\n", "tensor", "role", "shape", "bytes", "slab", "offset");
    *begun = true;
    int used = 0;
    for (int d = 0; d < rank && used < (int)sizeof sizes - 1; d++)
        used += snprintf(sizes + used, sizeof sizes - (size_t)used, "%s%zu", d ? " x " : "", shape[d]);
    sizes[rank ? sizeof sizes - 1 : 0] = '\0';
    printf("%-40s %-8s %-24s %14zu %5d %14zu\n", name, role, sizes, bytes, slab, offset);
}

int vq_training_plan_end(vq_cli *cli, vqdna_status status, const vqdna_plan_summary *summary, const char *examples) {
    if (status < 0 && status != VQDNA_ERR_MEMORY)
        return vq_cli_failed(cli, status);
    printf("\ntotal %.1f MiB of the device's %.1f MiB; largest batch %d %s\n", (double)summary->device_bytes / (1 << 20),
           (double)summary->device_limit / (1 << 20), summary->largest_batch, examples);
    return vq_cli_failed(cli, status);
}
