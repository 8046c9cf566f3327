/* Runs the case tables: ops_run [--small] [--cut] [--items N] [--time [--cpu]] [operation...]. --cut cuts all launches as only the
 * largest problems of a GPU are; --items lets the device take work-groups of no more than N items, and 16 KiB of local memory. As a
 * test, Check counts each operation; with --time, prints speeds, by wall clock or the process's CPU time. */
#include "check/case.h"
#include "device/open.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static vq_device *device;
static bool small_only;
static char **wanted;

/* A simulator runs some ten thousand times slower than a device. */
static bool is_small(const vq_case_shape *s) {
    double product = 1;
    for (int i = 0; i < VQ_CASE_DIMS; i++)
        product *= s->dims[i] > 1 ? s->dims[i] : 1;
    return product <= 36000;
}

static bool is_wanted(const char *operation) {
    if (!*wanted)
        return true;
    for (char **w = wanted; *w; w++)
        if (strcmp(*w, operation) == 0)
            return true;
    return false;
}

START_TEST(operation) {
    const vq_case_table *t = vq_case_tables[_i];
    if (!is_wanted(t->operation))
        return;
    for (const vq_case_shape *s = t->shapes; s->dims[0]; s++) {
        if (s->large || (small_only && !is_small(s)))
            continue;
        char label[160];
        double error;
        vq_case_label(t, s, label, sizeof label);
        vq_status status = vq_case_run(t, s, device, &error);
        printf("%-14s %-40s error %8.3g %s\n", t->operation, label, error, status < 0 ? vq_error() : "");
        fflush(stdout);
        ck_assert_msg(status == VQDNA_OK, "%s %s: %s", t->operation, label, vq_error());
    }
}
END_TEST

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int time_all(bool cpu) {
    enum { REPEATS = 15 };
    printf("%-14s %-40s %10s %10s %10s\n", "operation", "shape", "ms", "GFLOP/s", "GB/s");
    for (const vq_case_table *const *t = vq_case_tables; *t; t++)
        for (const vq_case_shape *s = (*t)->shapes; s->dims[0]; s++) {
            if (!s->large || !is_wanted((*t)->operation))
                continue;
            for (int backward = 0; backward < ((*t)->backward ? 2 : 1); backward++) {
                char label[160];
                double seconds[REPEATS];
                vq_case_label(*t, s, label, sizeof label);
                if (vq_case_time(*t, s, device, backward, cpu, REPEATS, seconds) < 0) {
                    fprintf(stderr, "%s %s: %s\n", (*t)->operation, label, vq_error());
                    return 1;
                }
                qsort(seconds, REPEATS, sizeof *seconds, by_value);
                double median = seconds[REPEATS / 2];
                printf("%-14s %-40s %10.3f", (*t)->operation, label, median * 1e3);
                if (backward)
                    printf("   forward + backward\n");
                else
                    printf(" %10.1f %10.2f\n", (*t)->flops ? (*t)->flops(s->dims) / median / 1e9 : 0,
                           (*t)->bytes ? (*t)->bytes(s->dims) / median / 1e9 : 0);
                fflush(stdout);
            }
        }
    return 0;
}

int main(int argc, char **argv) {
    bool timing = false, cpu = false, cut = false;
    size_t items = 0;
    (void)argc;
    for (wanted = argv + 1; *wanted && strncmp(*wanted, "--", 2) == 0; wanted++) {
        small_only |= strcmp(*wanted, "--small") == 0;
        timing |= strcmp(*wanted, "--time") == 0;
        cut |= strcmp(*wanted, "--cut") == 0;
        if (strcmp(*wanted, "--items") == 0 && wanted[1])
            items = (size_t)atoi(*++wanted);
        cpu |= strcmp(*wanted, "--cpu") == 0;
    }
    if (vq_device_open(&device, NULL, 0) < 0) {
        fprintf(stderr, "%s\n", vq_error());
        return 1;
    }
    if (cut) {
        device->most_groups = 2;
        device->most_flops = 5000;
    }
    if (items) {
        device->info.max_work_group = items;
        device->info.local_bytes = 16 << 10;
    }
    int failed;
    if (timing) {
        failed = time_all(cpu);
    } else {
        int tables = 0;
        while (vq_case_tables[tables])
            tables++;
        Suite *suite = suite_create("operations");
        TCase *tc = tcase_create("cases");
        tcase_set_timeout(tc, 0);
        tcase_add_loop_test(tc, operation, 0, tables);
        suite_add_tcase(suite, tc);
        SRunner *runner = srunner_create(suite);
        srunner_set_fork_status(runner, CK_NOFORK);
        srunner_run_all(runner, CK_NORMAL);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
    }
    vq_device_close(device);
    return failed ? 1 : 0;
}
