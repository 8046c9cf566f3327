/* Fine-tuning as users of the library see it: through the public header and the shared object alone. */
#include "api/outside.h"

#include <math.h>

/* The weights of a predictor, *count of them. */
static float *weights_of(vqdna_predictor *p, const char *name, size_t *count) {
    uint64_t header;
    char path[512];
    ok(vqdna_predictor_save(p, in_folder(name), NULL));
    snprintf(path, sizeof path, "%s/model.safetensors", in_folder(name));
    FILE *f = fopen(path, "rb");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fread(&header, sizeof header, 1, f), 1);
    ck_assert_int_eq(fseek(f, 0, SEEK_END), 0);
    *count = ((size_t)ftell(f) - sizeof header - header) / sizeof(float);
    float *weights = malloc(*count * sizeof *weights);
    ck_assert_int_eq(fseek(f, (long)(sizeof header + header), SEEK_SET), 0);
    ck_assert_uint_eq(fread(weights, sizeof *weights, *count, f), *count);
    fclose(f);
    return weights;
}

/* Without dev what is kept are the averages of the last step, of the second step 10 of 11 parts its weights and one the first's. */
START_TEST(averages) {
    const char *path = in_folder("rows.csv");
    float *weights[3];
    size_t count;
    FILE *f = fopen(path, "w");
    fprintf(f, "sequence,label\n");
    for (int i = 0; i < 16; i++)
        fprintf(f, "%s,%d\n", i % 2 ? "ACGTAACC" : "TTGACCAG", i % 2);
    fclose(f);
    for (int averaged = 0; averaged < 2; averaged++) {
        vqdna_examples *train;
        vqdna_predictor *p;
        vqdna_trainer *trainer;
        ok(vqdna_examples_read(&train, path, NULL, NULL));
        ok(vqdna_predictor_create(
            &p, context, NULL, train, 8,
            &(vqdna_predictor_options){
                .size = sizeof(vqdna_predictor_options), .vocabulary = "onehot", .width = 16, .layers = 1, .heads = 2},
            1));
        ok(vqdna_finetuner_create(
            &trainer, p, train, NULL,
            &(vqdna_finetune_options){
                .size = sizeof(vqdna_finetune_options), .batch = 8, .steps = 2, .warmup = 0.5, .average = averaged ? 0.9 : 0}));
        ok(vqdna_trainer_step(trainer));
        if (!averaged)
            weights[0] = weights_of(p, "weights-one", &count);
        ok(vqdna_trainer_step(trainer));
        weights[averaged + 1] = weights_of(p, averaged ? "weights-averaged" : "weights-two", &count);
        vqdna_trainer_destroy(trainer);
        vqdna_predictor_destroy(p);
        vqdna_examples_destroy(train);
    }
    double moved = 0;
    for (size_t i = 0; i < count; i++) {
        const double one = weights[0][i], two = weights[1][i];
        ck_assert_double_eq_tol(weights[2][i], one + 10 * (two - one) / 11, 1e-6);
        moved += fabs(two - one);
    }
    ck_assert_double_gt(moved, 0.01);
    for (int i = 0; i < 3; i++)
        free(weights[i]);
}
END_TEST

int main(void) {
    if (!outside_begin())
        return 1;
    Suite *suite = suite_create("finetuner");
    TCase *t = tcase_create("finetuner");
    tcase_set_timeout(t, 300);
    tcase_add_test(t, averages);
    suite_add_tcase(suite, t);
    return outside_run(suite);
}
