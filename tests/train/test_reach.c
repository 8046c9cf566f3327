/* A code depends on the bases within the halo and on nothing else, bit for bit: not on how a contig was cut, not on the number of
 * rows, not on where in the batch its row lies, not on what lies beside it. */
#include "fixture.h"
#include "train/infer.h"

#include <check.h>

enum { CONTIG = 700, MOST_ROWS = 1024 };

static const vqdna_model_options shapes[] = {
    {.preset = "tiny", .codes = 64},
    {.dim = 33, .stem = 17, .blocks = 3, .codes = 50, .levels = 3},
    {.dim = 20, .stem = 9, .blocks = 2, .codes = 37, .quantizer = "vq"},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static vq_config config;
static vq_state state;
static uint8_t contig[CONTIG];

static void begin(int shape) {
    ck_ok(vq_config_resolve(&config, &shapes[shape]));
    ck_ok(vq_model_state(&state, &config));
    vq_state_start(&state, 11);
    for (int n = 0; n < config.levels; n++) {
        char name[24];
        snprintf(name, sizeof name, "books.%d.e", n);
        vq_state_tensor *e = vq_state_find(&state, name);
        for (size_t i = 0; i < e->count; i++)
            e->data[i] = (float)fixture_uniform((uint64_t)n, i, -1, 1);
    }
    fixture_bases(contig, CONTIG, 50, 30);
}

static vq_model *open_model(int M) {
    vq_model *model;
    ck_ok(vq_model_create(&model, device, &config, M, VQ_INFERENCE));
    ck_ok(vq_model_put(model, &state));
    return model;
}

/* Codes [M] of each level of a batch. */
static void encode_rows(vq_model *model, const vq_row *rows, int32_t codes[][MOST_ROWS]) {
    ck_ok(vq_model_upload(model, rows));
    ck_ok(vq_model_encode(model));
    for (int n = 0; n < config.levels; n++)
        ck_ok(vq_read(device, codes[n], model->quantizer.level[n].codes.view, 0, (size_t)model->M * sizeof(int32_t)));
}

/* The codes of the whole contig in one piece. */
static int32_t whole[VQDNA_MAX_LEVELS][MOST_ROWS];

static void encode_whole(void) {
    static vq_row rows[CONTIG];
    vq_model *model = open_model(CONTIG);
    vq_rows_piece(rows, contig, CONTIG, 0, 1);
    encode_rows(model, rows, whole);
    vq_model_destroy(model);
    /* Worth comparing only if codes vary. */
    for (int n = 0; n < config.levels; n++) {
        bool met[65536] = {false};
        int distinct = 0;
        for (int i = 0; i < CONTIG; i++) {
            ck_assert_int_lt(whole[n][i], config.codes[n]);
            distinct += !met[whole[n][i]];
            met[whole[n][i]] = true;
        }
        ck_assert_int_ge(distinct, 4);
    }
}

START_TEST(cut_out) {
    begin(_i);
    encode_whole();
    int halo = vq_config_encoder_halo(&config), compared = 0;
    static const int sizes[] = {3 * 31, 256, 413, 1000};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        int M = sizes[s];
        vq_model *model = open_model(M);
        for (int trial = 0; trial < 6; trial++) {
            /* Pieces of the contig from anywhere, packed one after another, then padding. */
            static vq_row rows[MOST_ROWS];
            static int32_t codes[VQDNA_MAX_LEVELS][MOST_ROWS];
            int from[MOST_ROWS], first[MOST_ROWS], length[MOST_ROWS], pieces = 0, at = 0;
            while (at < M && pieces < 40) {
                uint64_t draw = s * 1000 + (uint64_t)(trial * 40 + pieces);
                int n = (int)fixture_uniform(60, draw, 1, trial % 2 ? 60 : 300);
                n = n < M - at ? n : M - at;
                first[pieces] = at;
                length[pieces] = n;
                from[pieces] = (int)fixture_uniform(61, draw, 0, CONTIG - n);
                vq_rows_piece(rows + at, contig + from[pieces], n, 0, 1);
                at += n;
                pieces++;
                if (pieces == 9 && trial == 3)
                    break;
            }
            vq_rows_padding(rows + at, M - at);
            encode_rows(model, rows, codes);
            for (int p = 0; p < pieces; p++)
                for (int i = 0; i < length[p]; i++) {
                    bool left = i >= halo || from[p] == 0, right = length[p] - 1 - i >= halo || from[p] + length[p] == CONTIG;
                    for (int n = 0; left && right && n < config.levels; n++) {
                        ck_assert_msg(codes[n][first[p] + i] == whole[n][from[p] + i], "M %d row %d level %d: %d, in the whole %d",
                                      M, first[p] + i, n, codes[n][first[p] + i], whole[n][from[p] + i]);
                        compared++;
                    }
                }
        }
        vq_model_destroy(model);
    }
    ck_assert_int_gt(compared, 3000);
    vq_state_destroy(&state);
}
END_TEST

/* One base more than the halo away changes nothing; within the halo it does somewhere, or the halo would be too wide. */
START_TEST(exact_halo) {
    begin(_i);
    encode_whole();
    int halo = vq_config_encoder_halo(&config), M = CONTIG, changed_at_halo = 0;
    static vq_row rows[CONTIG];
    static int32_t codes[VQDNA_MAX_LEVELS][MOST_ROWS];
    vq_model *model = open_model(M);
    for (int trial = 0; trial < 3; trial++) {
        uint8_t changed[CONTIG];
        memcpy(changed, contig, CONTIG);
        for (int at = 2 * halo + trial; at < CONTIG - halo; at += 3 * halo) /* far enough apart to tell them from one another */
            changed[at] = (uint8_t)((contig[at] + 1) % 4);
        vq_rows_piece(rows, changed, M, 0, 1);
        encode_rows(model, rows, codes);
        for (int i = 0; i < CONTIG; i++) {
            int nearest = CONTIG;
            for (int j = 0; j < CONTIG; j++)
                if (changed[j] != contig[j] && abs(i - j) < nearest)
                    nearest = abs(i - j);
            for (int n = 0; n < config.levels; n++) {
                if (nearest > halo)
                    ck_assert_int_eq(codes[n][i], whole[n][i]);
                changed_at_halo += nearest <= 2 && codes[n][i] != whole[n][i];
            }
        }
    }
    ck_assert_int_gt(changed_at_halo, 0);
    vq_model_destroy(model);
    vq_state_destroy(&state);
}
END_TEST

/* The same through the streams, which do the cutting themselves. */
START_TEST(encode) {
    begin(_i);
    encode_whole();
    int least = vq_infer_least_rows(&config), halo = vq_config_encoder_halo(&config), N = config.levels;
    const int sizes[] = {least, least + 1, 300, 512, CONTIG + 3};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        vq_model *model = open_model(sizes[s]);
        uint16_t codes[CONTIG * VQDNA_MAX_LEVELS], *out = codes;
        const size_t all = CONTIG;
        ck_ok(vq_encode(model, 1, contig, &all, &out, NULL));
        for (int i = 0; i < CONTIG; i++)
            for (int n = 0; n < N; n++)
                ck_assert_int_eq(codes[i * N + n], whole[n][i]);
        for (int trial = 0; trial < 8; trial++) {
            int length = (int)fixture_uniform(70, s * 8 + (uint64_t)trial, 2 * halo, CONTIG);
            int from = (int)fixture_uniform(71, s * 8 + (uint64_t)trial, 0, CONTIG - length);
            const size_t some = (size_t)length;
            ck_ok(vq_encode(model, 1, contig + from, &some, &out, NULL));
            for (int i = halo; i < length - halo; i++)
                for (int n = 0; n < N; n++)
                    ck_assert_int_eq(codes[i * N + n], whole[n][from + i]);
        }
        vq_model_destroy(model);
    }
    vq_state_destroy(&state);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("reach");
    TCase *t = fixture_case(suite, "reach");
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, cut_out, 0, SHAPES);
    tcase_add_loop_test(t, exact_halo, 0, SHAPES);
    tcase_add_loop_test(t, encode, 0, SHAPES);
    return scratch_run(suite);
}
