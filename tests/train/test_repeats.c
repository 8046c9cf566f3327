/* Genomes that resemble each other, through a cutter and a device that is a hash of neighbourhoods: every base gets the code of its own
 * neighbourhood, in order, and what repeats was not sent twice. */
#include "base/rng.h"
#include "scratch.h"
#include "train/repeats.h"

#include <check.h>
#include <xxhash.h>

enum { HALO = 11, LEVELS = 2, LENGTH = 20000, RELATIVES = 30 };

typedef struct {
    vq_repeats *repeats;
    uint8_t *bases; /* of all records */
    size_t *length, records;
    uint64_t start;                      /* of each record */
    size_t record, at, next, sent, runs; /* received: in record, of all bases, of its own; bases that the device saw */
    size_t stop_after;
    vq_status stop_with;
} stream;

static uint32_t draw(uint32_t most, size_t i, size_t j) {
    return (uint32_t)vq_rng_below(most, 3, VQ_STREAM_TEST, i, j);
}

/* Of a base in rows: those around it, and where they end. */
static void code_of(uint16_t out[LEVELS], const uint8_t *rows, size_t count, size_t i) {
    const size_t from = i < HALO ? 0 : i - HALO, to = i + HALO + 1 < count ? i + HALO + 1 : count;
    const uint64_t hash = XXH3_64bits_withSeed(rows + from, to - from, i - from);
    out[0] = (uint16_t)hash;
    out[1] = (uint16_t)(hash >> 16);
}

static vq_status device(void *user, const vq_batch *batch) {
    stream *s = user;
    const uint8_t *rows = batch->elements;
    for (int i = 0; i < batch->segment_count; i++) {
        const vq_segment *g = &batch->segments[i];
        uint16_t *codes = malloc(sizeof(uint16_t) * LEVELS * (size_t)(g->count + 1));
        for (int j = 0; j < g->count; j++)
            code_of(codes + j * LEVELS, rows + g->row, (size_t)g->rows, (size_t)(g->left + j));
        s->sent += (size_t)g->count;
        const vq_status status = vq_repeats_take(s->repeats, codes, (size_t)g->count);
        free(codes);
        if (status != VQDNA_OK)
            return status;
    }
    return VQDNA_OK;
}

static vq_status receive(void *user, const vqdna_codes *run) {
    stream *s = user;
    const uint8_t *record = s->bases + s->at - s->next;
    const size_t length = s->length[s->record];
    char name[24];
    snprintf(name, sizeof name, "r%zu", s->record);
    bool right = strcmp(run->contig, name) == 0 && run->start == s->start + s->next && run->levels == LEVELS &&
                 run->last == (s->next + run->count == length) && memcmp(run->bases, record + s->next, run->count) == 0;
    for (size_t i = 0; i < run->count; i++) {
        uint16_t want[LEVELS];
        code_of(want, record, length, s->next + i);
        right = right && memcmp(run->codes + i * LEVELS, want, sizeof want) == 0;
    }
    if (!right) /* an assertion is a write to a file, and these are many */
        ck_abort_msg("record %zu, run at %zu", s->record, s->next);
    s->at += run->count;
    s->next += run->count;
    if (run->last) {
        s->record++;
        s->next = 0;
    }
    return ++s->runs == s->stop_after ? s->stop_with : VQDNA_OK;
}

/* In pieces of random sizes, or (0) whole. */
static vq_status push_all(stream *s, size_t room, uint32_t piece) {
    vq_cutter *cutter;
    char name[24];
    s->record = s->at = s->next = s->sent = s->runs = 0;
    ck_ok(vq_cutter_create(&cutter, 700, 1, HALO, device, s));
    ck_ok(vq_repeats_create(&s->repeats, cutter, HALO, LEVELS, room, receive, s));
    const uint8_t *from = s->bases;
    vq_status status = VQDNA_OK;
    for (size_t r = 0; r < s->records && status == VQDNA_OK; from += s->length[r++]) {
        snprintf(name, sizeof name, "r%zu", r);
        size_t at = 0;
        do {
            size_t n = piece ? 1 + draw(piece, r, at) : s->length[r];
            n = n < s->length[r] - at ? n : s->length[r] - at;
            status = vq_repeats_push(s->repeats, name, s->start + at, from + at, n, at + n == s->length[r]);
            at += n;
        } while (at < s->length[r] && status == VQDNA_OK);
    }
    if (status == VQDNA_OK)
        status = vq_repeats_finish(s->repeats);
    vq_repeats_destroy(s->repeats);
    vq_cutter_destroy(cutter);
    return status;
}

/* A genome, and relatives: some bases changed, some lost, some won, some unknown; and records of no base, of few, of one letter. */
static stream relatives(void) {
    stream s = {.records = RELATIVES + 4};
    s.bases = malloc((RELATIVES + 4) * (LENGTH + 200));
    s.length = malloc(s.records * sizeof *s.length);
    uint8_t first[LENGTH];
    for (size_t i = 0; i < LENGTH; i++)
        first[i] = (uint8_t)draw(4, 1000, i);
    size_t at = 0;
    for (size_t r = 0; r < RELATIVES; r++) {
        const size_t begin = at, lost = draw(LENGTH, r, 1), unknown = draw(LENGTH - 900, r, 2);
        for (size_t i = r % 3 == 2 ? draw(40, r, 3) : 0; i < LENGTH; i++) {
            if (r % 4 == 1 && i == lost)
                i += 1 + draw(5, r, 4) < LENGTH - i ? 1 + draw(5, r, 4) : 0;
            s.bases[at++] = r && draw(2000, r, 10 + i) == 0 ? (uint8_t)draw(5, r, i) : first[i];
            if (r % 4 == 2 && i == lost)
                s.bases[at++] = 2;
            if (r % 5 == 3 && i >= unknown && i < unknown + 900)
                s.bases[at - 1] = 4;
        }
        s.length[r] = at - begin;
    }
    static const size_t few[] = {0, 1, HALO, 5000};
    for (size_t i = 0; i < 4; i++) {
        memset(s.bases + at, 3, few[i]);
        at += s.length[RELATIVES + i] = few[i];
    }
    return s;
}

static void done(stream *s) {
    free(s->bases);
    free(s->length);
}

START_TEST(codes_of_their_own_neighbours) {
    static const size_t rooms[] = {1 << 20, 30000, 1};
    stream s = relatives();
    for (size_t i = 0; i < 3; i++)
        for (uint32_t piece = 0; piece < 3; piece++) {
            s.start = piece * 1000;
            ck_ok(push_all(&s, rooms[i], piece == 2 ? 40 : piece * 9000));
            ck_assert_uint_eq(s.record, s.records);
            if (i == 0)
                ck_assert_uint_lt(s.sent, s.at / 4);
        }
    done(&s);
}
END_TEST

/* More runs than may wait, all for codes of a batch that is never full. */
START_TEST(many_wait) {
    enum { MANY = 150000 };
    stream s = {.records = MANY, .bases = calloc(MANY, 1), .length = malloc(MANY * sizeof(size_t))};
    for (size_t i = 0; i < MANY; i++)
        s.length[i] = i % 3 != 1;
    ck_ok(push_all(&s, 1 << 20, 0));
    ck_assert_uint_eq(s.record, MANY);
    ck_assert_uint_eq(s.sent, 1);
    done(&s);
}
END_TEST

/* What is new throughout is sent without its neighbours again: one record to the cutter, whatever the stretches. */
START_TEST(nothing_repeats) {
    stream s = {.records = 1, .bases = malloc(300000), .length = malloc(sizeof(size_t))};
    for (size_t i = 0; i < 300000; i++)
        s.bases[i] = (uint8_t)draw(4, 7, i);
    s.length[0] = 300000;
    ck_ok(push_all(&s, 1 << 20, 0));
    ck_assert_uint_eq(s.sent, 300000);
    done(&s);
}
END_TEST

START_TEST(a_sink_ends_it) {
    stream s = relatives();
    static const vq_status with[] = {VQDNA_END, VQDNA_ERR_INPUT};
    for (size_t i = 0; i < 2; i++)
        for (size_t after = 1; after < 1200; after = 3 * after + 1) {
            s.stop_after = after;
            s.stop_with = with[i];
            ck_assert_int_eq(push_all(&s, 1 << 20, 5000), with[i]);
            ck_assert_uint_eq(s.runs, after);
        }
    done(&s);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("repeats");
    TCase *t = tcase_create("repeats");
    tcase_add_test(t, codes_of_their_own_neighbours);
    tcase_add_test(t, many_wait);
    tcase_add_test(t, nothing_repeats);
    tcase_add_test(t, a_sink_ends_it);
    suite_add_tcase(suite, t);
    return scratch_run(suite);
}
