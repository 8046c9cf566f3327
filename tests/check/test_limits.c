/* Small devices: whatever the limits, the values in force are ones the device takes, the kernels give right answers with them, and a
 * value past the limits is not tried. */
#include "check/trial.h"
#include "fixture.h"

static const struct { size_t local_bytes, items; } limits[] = {{48 << 10, 256}, {32 << 10, 1024}, {32 << 10, 128}, {16 << 10, 64}};
enum { LIMITS = sizeof limits / sizeof *limits };

static void confine(int i) {
    device->info.local_bytes = limits[i].local_bytes;
    device->info.max_work_group = limits[i].items;
    for (int d = 0; d < 3; d++)
        device->most_items[d] = limits[i].items;
}

START_TEST(values_in_force) {
    const vq_case_table *table;
    const vq_tunables *set;
    int allowing = 0;
    confine(_i);
    for (int n = 0; (set = vq_case_tunables(&table, n)); n++)
        for (int shape = 0; shape < set->shape_count; shape++) {
            int values[VQ_TUNABLES];
            ck_assert_int_le(set->count, VQ_TUNABLES);
            vq_tuned_all(values, device, set, shape);
            for (int i = 0; i < set->count; i++) {
                const int standard = vq_tunable_standard(device, &set->list[i]);
                ck_assert_msg(values[i] == standard || (standard && vq_tunable_has(&set->list[i], values[i])), "%s %s %s",
                              set->operation, set->shapes[shape].name, set->list[i].name);
                ck_assert_int_eq(values[i], vq_tuned(device, set, i, shape));
            }
            if (set->allows)
                ck_assert_msg(set->allows(device, shape, values), "%s %s", set->operation, set->shapes[shape].name);
            allowing += set->allows != NULL;
        }
    ck_assert_int_ge(allowing, 4);
}
END_TEST

/* Of a GPU's operations whose groups are the largest, at the shapes that stand for a class. Attention compiles for half a minute. */
START_TEST(answers) {
    const vq_case_table *table;
    const vq_tunables *set;
    confine(LIMITS - 1);
    for (int n = 0; (set = vq_case_tunables(&table, n)); n++)
        for (int s = 0; s < set->shape_count && set->allows && device->family == VQ_FAMILY_GPU; s++) {
            if (!strcmp(set->operation, "attention") || !strcmp(set->operation, "clblast"))
                break;
            vq_case_shape shape = {{0}};
            double error;
            memcpy(shape.dims, set->shapes[s].checked, sizeof shape.dims);
            ck_assert_msg(vq_case_run(table, &shape, device, &error) == VQDNA_OK, "%s %s: %s", set->operation, set->shapes[s].name,
                          vq_error());
        }
}
END_TEST

/* Together 33 KB of local memory, where each alone is within bounds. */
START_TEST(a_value_too_many) {
    const vq_choice choice = {"gemm", "large", "DEEP", 32};
    vq_tunable_place at;
    vq_trial trial;
    if (device->family != VQ_FAMILY_GPU)
        return;
    confine(1);
    ck_assert(vq_tunable_find(&at, &choice));
    int values[VQ_TUNABLES];
    vq_tuned_all(values, device, at.set, at.shape);
    ck_assert(vq_tuning_allows(device, at.set, at.which, at.shape, 32));
    const vq_choice wide[] = {{"gemm", "large", "TV", 2}, {"gemm", "large", "TM", 8}};
    setenv("VQDNA_TUNE_FILE", scratch_path("tune.txt"), 1);
    ck_ok(vq_tuning_keep(device, wide, 2));
    ck_assert(!vq_tuning_allows(device, at.set, at.which, at.shape, 32));
    ck_assert_int_eq(vq_trial_run(device, &choice, false, 0.1, &trial), VQDNA_ERR_DEVICE);
    ck_assert_ptr_nonnull(strstr(vq_error(), "more than the device takes"));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("limits");
    TCase *c = fixture_case(suite, "limits");
    tcase_add_loop_test(c, values_in_force, 0, LIMITS);
    tcase_add_test(c, answers);
    tcase_add_test(c, a_value_too_many);
    return scratch_run(suite);
}
