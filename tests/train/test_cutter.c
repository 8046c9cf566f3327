/* Records of random lengths, pushed in runs of random sizes: every element comes out once, in order, with its neighbours beside it.
 */
#include "base/rng.h"
#include "scratch.h"
#include "train/cutter.h"

#include <check.h>

enum { MOST_RECORDS = 400 };

/* Elements are told apart by record and place. */
static uint32_t element(int record, uint64_t place) {
    return (uint32_t)record * 1000003u + (uint32_t)place;
}

typedef struct {
    int M, halo, records;
    uint64_t start[MOST_RECORDS], length[MOST_RECORDS];
    int record;    /* being received */
    uint64_t next; /* its next element */
    bool ended;    /* the last segment ended its record */
    int batches, segments;
    uint64_t cores, rows;
    int stop_after; /* batches; 0: never */
    vq_status stop_with;
} stream;

static vq_status receive(void *user, const vq_batch *batch) {
    stream *s = user;
    int row = 0;
    ck_assert_int_gt(batch->segment_count, 0);
    ck_assert_int_le(batch->used, s->M);
    for (int i = 0; i < batch->segment_count; i++) {
        const vq_segment *g = &batch->segments[i];
        if (s->ended) {
            s->record++;
            s->ended = false;
            s->next = s->start[s->record];
        }
        ck_assert_int_lt(s->record, s->records);
        uint64_t first = s->start[s->record], end = first + s->length[s->record];
        char name[16];
        snprintf(name, sizeof name, "r%d", s->record);
        ck_assert_str_eq(g->record, name);
        ck_assert_uint_eq(g->start, s->next);
        ck_assert_int_eq(g->row, row);
        ck_assert(g->count > 0 || s->length[s->record] == 0);
        /* Halos as wide as they should be, but for the record's ends. */
        int right = g->rows - g->left - g->count;
        uint64_t before = g->start - first, after = end - g->start - (uint64_t)g->count;
        ck_assert_int_eq(g->left, before < (uint64_t)s->halo ? (int)before : s->halo);
        ck_assert_int_eq(right, after < (uint64_t)s->halo ? (int)after : s->halo);
        ck_assert_int_eq(g->last, after == 0);
        const uint32_t *elements = batch->elements;
        for (int j = 0; j < g->rows; j++)
            ck_assert_uint_eq(elements[g->row + j], element(s->record, g->start - (uint64_t)g->left + (uint64_t)j));
        s->next += (uint64_t)g->count;
        s->ended = g->last;
        row += g->rows;
        s->cores += (uint64_t)g->count;
        s->segments++;
    }
    ck_assert_int_eq(row, batch->used);
    s->rows += (uint64_t)s->M;
    return ++s->batches == s->stop_after ? s->stop_with : VQDNA_OK;
}

static vq_status push_all(stream *s, int push) {
    vq_cutter *cutter;
    ck_ok(vq_cutter_create(&cutter, s->M, sizeof(uint32_t), s->halo, receive, s));
    vq_status status = VQDNA_OK;
    uint32_t *elements = malloc(100000 * sizeof *elements);
    s->next = s->start[0];
    for (int r = 0; r < s->records && status == VQDNA_OK; r++) {
        uint64_t at = 0;
        do {
            uint64_t n = push == 0  ? s->length[r]
                         : push > 0 ? (uint64_t)push
                                    : 1 + vq_rng_below(3 * (uint64_t)s->M, 5, VQ_STREAM_TEST, (uint64_t)r, at);
            n = n < s->length[r] - at ? n : s->length[r] - at;
            for (uint64_t i = 0; i < n; i++)
                elements[i] = element(r, s->start[r] + at + i);
            char name[16];
            snprintf(name, sizeof name, "r%d", r);
            at += n;
            /* Some runs say that the record is over only afterwards. */
            bool late = at == s->length[r] && r % 3 == 0;
            status = vq_cutter_push(cutter, name, s->start[r] + at - n, elements, n, at == s->length[r] && !late);
            if (late && status == VQDNA_OK)
                status = vq_cutter_push(cutter, name, s->start[r] + at, elements, 0, true);
        } while (at < s->length[r] && status == VQDNA_OK);
    }
    free(elements);
    if (status == VQDNA_OK)
        status = vq_cutter_finish(cutter);
    vq_cutter_destroy(cutter);
    return status;
}

static const int halos[] = {1, 2, 5, 14, 34};
enum { HALOS = sizeof halos / sizeof *halos };

static void make(stream *s, int M, int halo, uint64_t seed) {
    *s = (stream){.M = M, .halo = halo};
    const uint64_t special[] = {0,
                                1,
                                2,
                                (uint64_t)halo,
                                (uint64_t)halo + 1,
                                2 * (uint64_t)halo,
                                (uint64_t)M - 1,
                                (uint64_t)M,
                                (uint64_t)M + 1,
                                (uint64_t)(M - halo),
                                7 * (uint64_t)M + 3,
                                0,
                                0,
                                1,
                                1};
    enum { SPECIAL = sizeof special / sizeof *special };
    for (s->records = 0; s->records < 70; s->records++) {
        uint64_t draw = vq_rng_below(SPECIAL + 3, seed, VQ_STREAM_TEST, 1, (uint64_t)s->records);
        s->length[s->records] = s->records < SPECIAL ? special[s->records]
                                : draw < SPECIAL     ? special[draw]
                                                     : vq_rng_below(4 * (uint64_t)M, seed, VQ_STREAM_TEST, 2, (uint64_t)s->records);
        s->start[s->records] = s->records % 4 == 1 ? 1000 : 0;
    }
}

START_TEST(every_element_once) {
    int halo = halos[_i], least = vq_cutter_least_rows(halo);
    const int rows[] = {least, least + 1, 3 * least, 500}, pushes[] = {1, 7, 0, -1, 333};
    for (size_t m = 0; m < sizeof rows / sizeof *rows; m++)
        for (size_t p = 0; p < sizeof pushes / sizeof *pushes; p++) {
            static stream s;
            make(&s, rows[m] < least ? least : rows[m], halo, m * 10 + p);
            ck_ok(push_all(&s, pushes[p]));
            uint64_t total = 0;
            for (int r = 0; r < s.records; r++)
                total += s.length[r];
            ck_assert_int_eq(s.record, s.records - 1);
            ck_assert(s.ended);
            ck_assert_uint_eq(s.cores, total);
            ck_assert_uint_le(s.rows, 3 * total + 3 * (uint64_t)s.M); /* little of a batch is halo or padding */
        }
}
END_TEST

/* Where runs are cut must not change the batches: results and speed are the same for every way to read a file. */
START_TEST(runs_do_not_matter) {
    static stream a, b;
    int halo = halos[_i], M = 3 * vq_cutter_least_rows(halo);
    make(&a, M, halo, 9);
    make(&b, M, halo, 9);
    ck_ok(push_all(&a, 1));
    ck_ok(push_all(&b, 0));
    ck_assert_uint_eq(a.cores, b.cores);
    ck_assert_int_eq(a.segments, b.segments);
    ck_assert_int_eq(a.batches, b.batches);
}
END_TEST

START_TEST(many_empty_records) {
    static stream s;
    s = (stream){.M = 21, .halo = 5, .records = MOST_RECORDS};
    ck_ok(push_all(&s, 1));
    ck_assert_int_eq(s.segments, MOST_RECORDS);
    ck_assert_int_eq(s.batches, (MOST_RECORDS + 20) / 21);
}
END_TEST

START_TEST(nothing) {
    static stream s;
    s = (stream){.M = 21, .halo = 5};
    ck_ok(push_all(&s, 1));
    ck_assert_int_eq(s.batches, 0);
}
END_TEST

/* Whatever the sink says but OK stops the stream there and then. */
START_TEST(stops) {
    static const vq_status with[] = {VQDNA_END, VQDNA_ERR_OUTPUT, VQDNA_ERR_INTERRUPTED};
    for (size_t i = 0; i < sizeof with / sizeof *with; i++)
        for (int push = 0; push < 2; push++) {
            static stream s;
            make(&s, 60, 5, 3);
            s.stop_after = 2;
            s.stop_with = with[i];
            ck_assert_int_eq(push_all(&s, push), with[i]);
            ck_assert_int_eq(s.batches, 2);
        }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("cutter");
    TCase *t = tcase_create("cutter");
    tcase_add_loop_test(t, every_element_once, 0, HALOS);
    tcase_add_loop_test(t, runs_do_not_matter, 0, HALOS);
    tcase_add_test(t, many_empty_records);
    tcase_add_test(t, nothing);
    tcase_add_test(t, stops);
    suite_add_tcase(suite, t);
    return scratch_run(suite);
}
