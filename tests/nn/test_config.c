#include "base/json.h"
#include "nn/model.h"
#include "scratch.h"

#include <math.h>

static vq_config resolve(vqdna_model_options options) {
    vq_config c;
    ck_ok(vq_config_resolve(&c, &options));
    return c;
}

START_TEST(presets) {
    static const struct {
        const char *name;
        int dim, stem, blocks, codes[2], taps[2];
    } want[] = {{"tiny", 64, 32, 4, {512, 1024}, {2, 4}},
                {"small", 192, 128, 6, {1024, 2048}, {3, 6}},
                {"base", 384, 256, 6, {1024, 2048}, {3, 6}}};
    for (size_t i = 0; i < 3; i++) {
        vq_config c = resolve((vqdna_model_options){.preset = want[i].name});
        ck_assert_str_eq(c.preset, want[i].name);
        ck_assert_str_eq(c.quantizer, "hrq");
        ck_assert_int_eq(c.dim, want[i].dim);
        ck_assert_int_eq(c.stem, want[i].stem);
        ck_assert_int_eq(c.blocks, want[i].blocks);
        ck_assert_int_eq(c.levels, 2);
        ck_assert_int_eq(c.decoder_stride, 1);
        for (int n = 0; n < 2; n++) {
            ck_assert_int_eq(c.codes[n], want[i].codes[n]);
            ck_assert_int_eq(c.taps[n], want[i].taps[n]);
        }
    }
    vq_config none;
    ck_ok(vq_config_resolve(&none, NULL));
    ck_assert_str_eq(none.preset, "tiny");
    vq_config vq = resolve((vqdna_model_options){.preset = "base", .quantizer = "vq"});
    ck_assert_int_eq(vq.levels, 1);
    ck_assert_int_eq(vq.codes[0], 512);
    ck_assert_int_eq(vq.taps[0], 6);
}
END_TEST

/* A code sees 5 bases through the stem and 6 more for each block: 41 at block 6, as published. */
START_TEST(reach) {
    ck_assert_int_eq(2 * vq_config_encoder_halo(&(vq_config){.levels = 1, .taps = {3}, .blocks = 6}) + 1, 23);
    vq_config base = resolve((vqdna_model_options){.preset = "base"});
    ck_assert_int_eq(2 * vq_config_encoder_halo(&base) + 1, 41);
    ck_assert_int_eq(vq_config_decoder_halo(&base), 20);
}
END_TEST

START_TEST(taps) {
    for (int blocks = 1; blocks <= VQ_MAX_BLOCKS; blocks++)
        for (int levels = 1; levels <= VQDNA_MAX_LEVELS && levels <= blocks; levels++) {
            vq_config c = resolve((vqdna_model_options){.blocks = blocks, .levels = levels, .codes = 3});
            ck_assert_int_eq(c.taps[levels - 1], blocks);
            for (int n = 0; n < levels; n++) {
                ck_assert_int_gt(c.taps[n], n ? c.taps[n - 1] : 0);
                ck_assert_double_le(fabs(c.taps[n] - (double)blocks * (n + 1) / levels), 0.5);
                ck_assert_int_eq(c.codes[n], 3 << (n + 1));
            }
        }
}
END_TEST

START_TEST(bad_values) {
    vq_config c;
    static const struct {
        vqdna_model_options options;
        const char *a, *b;
    } bad[] = {
        {{.preset = "huge"}, "huge", "tiny, small or base"},
        {{.quantizer = "fsq"}, "fsq", "hrq or vq"},
        {{.dim = -1}, "dim", "-1"},
        {{.dim = 5000}, "dim", "4096"},
        {{.stem = -3}, "stem", "-3"},
        {{.blocks = 25}, "blocks", "24"},
        {{.blocks = 1}, "2 levels", "1"},
        {{.levels = 9, .blocks = 12}, "levels", "8"},
        {{.levels = -1}, "levels", "-1"},
        {{.quantizer = "vq", .levels = 2}, "vq", "hrq"},
        {{.codes = -5}, "codes", "-5"},
        {{.codes = 65536}, "131072", "65536"},
        {{.codes = 1 << 30, .quantizer = "vq"}, "codes", "65536"},
        {{.decoder_stride = -1}, "decoder_stride", "-1"},
        {{.decoder_stride = 257}, "decoder_stride", "256"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_fails(vq_config_resolve(&c, &bad[i].options), VQDNA_ERR_USAGE, bad[i].a, bad[i].b);
}
END_TEST

START_TEST(json) {
    vq_config c = resolve((vqdna_model_options){.preset = "small", .dim = 19, .levels = 3, .codes = 11, .decoder_stride = 6}), back;
    json_t *good, *bad;
    ck_ok(vq_config_to_json(&good, &c));
    ck_ok(vq_config_from_json(&back, good, "x.json"));
    ck_assert_mem_eq(&c, &back, sizeof c);
    const char *key;
    json_t *value;
    json_object_foreach(good, key, value) {
        if (strcmp(key, "model") == 0) /* says what the file is; not needed to read it */
            continue;
        bad = json_deep_copy(good);
        json_object_del(bad, key);
        ck_fails(vq_config_from_json(&back, bad, "x.json"), VQDNA_ERR_INPUT, "x.json", key);
        json_decref(bad);
    }
    json_decref(good);
    static const struct {
        const char *key, *value, *part;
    } wrong[] = {{"dim", "0", "dim"},
                 {"dim", "4097", "dim"},
                 {"levels", "9", "levels"},
                 {"codes", "[1, 2, 3]", "codes"},
                 {"codes", "[22, 44]", "codes"},
                 {"taps", "[1, 2, 6]", "taps"},
                 {"blocks", "2", "blocks"},
                 {"quantizer", "\"fsq\"", "fsq"},
                 {"taps", "[\"2\", 4, 6]", "taps"},
                 {"base_codes", "\"x\"", "base_codes"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ck_ok(vq_config_to_json(&bad, &c));
        json_object_set_new(bad, wrong[i].key, json_loads(wrong[i].value, JSON_DECODE_ANY, NULL));
        ck_fails(vq_config_from_json(&back, bad, "x.json"), VQDNA_ERR_INPUT, "x.json", wrong[i].part);
        json_decref(bad);
    }
}
END_TEST

/* The sizes published for the preset: 17 million parameters with hrq, 16 with vq. */
START_TEST(state_dict) {
    vq_config c = resolve((vqdna_model_options){.preset = "base"});
    vq_state s, again;
    ck_ok(vq_model_state(&s, &c));
    ck_assert_double_eq_tol((double)vq_state_parameters(&s), 16e6, 1.2e6);
    for (size_t i = 0; i < s.count; i++)
        for (size_t j = 0; j < i; j++)
            ck_assert_str_ne(s.tensors[i].name, s.tensors[j].name);
    ck_assert_ptr_null(vq_state_find(&s, "enc.6.up.weight"));
    const vq_state_tensor *up = vq_state_find(&s, "enc.5.up.weight");
    ck_assert_ptr_nonnull(up);
    ck_assert_uint_eq(up->count, 4 * 384 * 384);

    /* Uniform in +-1/sqrt(fan in): 384. */
    vq_state_start(&s, 3);
    double bound = 1 / sqrt(384), sum = 0, squares = 0;
    for (size_t i = 0; i < up->count; i++) {
        ck_assert_double_le(fabs(up->data[i]), bound);
        sum += up->data[i];
        squares += (double)up->data[i] * up->data[i];
    }
    ck_assert_double_lt(fabs(sum / (double)up->count), 0.01 * bound);
    ck_assert_double_eq_tol(squares / (double)up->count, bound * bound / 3, 0.01 * bound * bound);
    const vq_state_tensor *bias = vq_state_find(&s, "enc.5.down.bias"), *norm = vq_state_find(&s, "dec.0.norm.weight");
    double largest = 0;
    for (size_t i = 0; i < bias->count; i++)
        largest = fmax(largest, fabs(bias->data[i]));
    ck_assert_double_le(largest, 1 / sqrt(4 * 384));
    ck_assert_double_gt(largest, 0.9 / sqrt(4 * 384));
    for (size_t i = 0; i < norm->count; i++)
        ck_assert_float_eq(norm->data[i], 1);

    /* The seed decides, and it alone. */
    ck_ok(vq_model_state(&again, &c));
    vq_state_start(&again, 3);
    for (size_t i = 0; i < s.count; i++)
        ck_assert_mem_eq(s.tensors[i].data, again.tensors[i].data, s.tensors[i].count * sizeof(float));
    vq_state_start(&again, 4);
    ck_assert_mem_ne(up->data, vq_state_find(&again, up->name)->data, up->count * sizeof(float));
    ck_assert_mem_ne(up->data, vq_state_find(&s, "enc.4.up.weight")->data, up->count * sizeof(float));
    vq_state_destroy(&again);
    vq_state_destroy(&s);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("config");
    TCase *t = tcase_create("config");
    tcase_add_test(t, presets);
    tcase_add_test(t, reach);
    tcase_add_test(t, taps);
    tcase_add_test(t, bad_values);
    tcase_add_test(t, json);
    tcase_add_test(t, state_dict);
    suite_add_tcase(suite, t);
    return scratch_run(suite);
}
