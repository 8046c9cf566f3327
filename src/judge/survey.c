#include "judge/survey.h"

#include "base/rng.h"
#include "judge/tails.h"
#include "seq/alphabet.h"
#include "seq/shuffle.h"
#include "seq/source.h"
#include "train/infer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Windows, shorter where records are, are long beside a code's reach and short beside what composition changes over. CHANGED of them are mutated in the middle. */
enum { WINDOW = 2000, LEAST = 4, BATCH = 48, LONGEST_WORD = 48, CHANGED = 200, DOWNSTREAM = 100 };
enum { REAL, SHUFFLED, REVERSED, VERSIONS };

/* Paired sums over windows of real less shuffled counts. */
typedef struct {
    double sum, squares;
    uint64_t real, shuffled, reversed;
    int32_t here; /* in the window under way */
} contrast;

typedef struct {
    uint8_t mask[LONGEST_WORD], reverse[LONGEST_WORD]; /* bit b: base b fits */
    int length;
    bool palindrome;
    contrast count;
    uint32_t *spelt[VQDNA_MAX_LEVELS]; /* [length][codes]: codes at the word's places */
} word;

struct vq_survey {
    int levels, reach;
    int codes[VQDNA_MAX_LEVELS];
    contrast *code[VQDNA_MAX_LEVELS];
    uint32_t *partner[VQDNA_MAX_LEVELS]; /* [codes][codes]: of a code, that of the same base on the other strand */
    word *words;
    size_t word_count, windows;
    size_t window; /* bases of one, at most WINDOW */
    uint64_t bases;
    uint64_t changes, substituted, inserted, compared; /* codes that differ; downstream of insertions, those that do and all */

    uint8_t *batch; /* [VERSIONS][BATCH][WINDOW] */
    uint16_t *out;  /* the same x levels */
    uint8_t *room;
    size_t held;

    vqdna_survey_code *reported[VQDNA_MAX_LEVELS];
    vqdna_survey_word *reported_words;
};

static uint8_t mask_of(char letter) {
    static const char letters[] = "ACGTURYSWKMBDHVN";
    static const uint8_t masks[] = {1, 2, 4, 8, 8, 5, 10, 6, 9, 12, 3, 14, 13, 11, 7, 15};
    const char *at = letter ? strchr(letters, letter) : NULL;
    return at ? masks[at - letters] : 0;
}

static uint8_t complement_mask(uint8_t m) {
    return (uint8_t)((m & 1) << 3 | (m & 2) << 1 | (m & 4) >> 1 | (m & 8) >> 3);
}

static vq_status take_word(const vq_survey *s, word *w, const char *text) {
    w->length = (int)strlen(text);
    if (w->length < 2 || w->length > LONGEST_WORD)
        return vq_fail(VQDNA_ERR_USAGE, "word %.60s: words of 2 to %d letters are looked up", text, LONGEST_WORD);
    for (int i = 0; i < w->length; i++)
        if (!(w->mask[i] = mask_of(text[i])))
            return vq_fail(VQDNA_ERR_USAGE, "word %.60s: '%c' is no letter of IUPAC's for bases", text, text[i]);
    for (int i = 0; i < w->length; i++)
        w->reverse[i] = complement_mask(w->mask[w->length - 1 - i]);
    w->palindrome = !memcmp(w->mask, w->reverse, (size_t)w->length);
    for (int n = 0; n < s->levels; n++)
        VQ_TRY(vq_alloc(&w->spelt[n], (size_t)w->length * (size_t)s->codes[n], sizeof *w->spelt[n]));
    return VQDNA_OK;
}

vq_status vq_survey_create(vq_survey **out, const vq_config *config, const char *const *words, size_t count) {
    vq_survey *s;
    VQ_TRY(vq_alloc(&s, 1, sizeof *s));
    s->levels = config->levels;
    s->reach = vq_config_encoder_halo(config);
    s->word_count = count;
    vq_status status;
    for (int n = 0; n < s->levels; n++) {
        size_t K = (size_t)(s->codes[n] = config->codes[n]);
        VQ_TRY_OR(failed, vq_alloc(&s->code[n], K, sizeof *s->code[n]));
        VQ_TRY_OR(failed, vq_alloc(&s->partner[n], K * K, sizeof *s->partner[n]));
        VQ_TRY_OR(failed, vq_alloc(&s->reported[n], K, sizeof *s->reported[n]));
    }
    VQ_TRY_OR(failed, vq_alloc(&s->words, count, sizeof *s->words));
    VQ_TRY_OR(failed, vq_alloc(&s->reported_words, count, sizeof *s->reported_words));
    for (size_t i = 0; i < count; i++)
        VQ_TRY_OR(failed, take_word(s, &s->words[i], words[i]));
    VQ_TRY_OR(failed, vq_alloc(&s->batch, VERSIONS * BATCH * WINDOW, 1));
    VQ_TRY_OR(failed, vq_alloc(&s->out, VERSIONS * BATCH * WINDOW * (size_t)s->levels, sizeof *s->out));
    VQ_TRY_OR(failed, vq_alloc(&s->room, WINDOW, 1));
    *out = s;
    return VQDNA_OK;
failed:
    vq_survey_destroy(s);
    return status;
}

void vq_survey_destroy(vq_survey *s) {
    if (!s)
        return;
    for (size_t i = 0; s->words && i < s->word_count; i++)
        for (int n = 0; n < s->levels; n++)
            free(s->words[i].spelt[n]);
    for (int n = 0; n < s->levels; n++) {
        free(s->code[n]);
        free(s->partner[n]);
        free(s->reported[n]);
    }
    free(s->words);
    free(s->reported_words);
    free(s->batch);
    free(s->out);
    free(s->room);
    free(s);
}

/* ---- A window ---------------------------------------------------------------------------------------------------------------- */

static uint8_t *window(const vq_survey *s, int version, size_t i) {
    return s->batch + ((size_t)version * BATCH + i) * s->window;
}

static const uint16_t *codes_of(const vq_survey *s, int version, size_t i) {
    return s->out + ((size_t)version * BATCH + i) * s->window * (size_t)s->levels;
}

static void settle(contrast *c) {
    c->sum += c->here;
    c->squares += (double)c->here * c->here;
    c->here = 0;
}

/* Away from the ends, where codes see less. */
static void count_codes(vq_survey *s, size_t i) {
    const uint16_t *real = codes_of(s, REAL, i), *shuffled = codes_of(s, SHUFFLED, i), *reversed = codes_of(s, REVERSED, i);
    size_t levels = (size_t)s->levels, from = (size_t)s->reach, to = s->window - from;
    for (size_t n = 0; n < levels; n++) {
        contrast *code = s->code[n];
        for (size_t j = from; j < to; j++) {
            uint16_t a = real[j * levels + n], b = shuffled[j * levels + n], c = reversed[(s->window - 1 - j) * levels + n];
            code[a].real++;
            code[a].here++;
            code[b].shuffled++;
            code[b].here--;
            code[c].reversed++;
            s->partner[n][(size_t)a * (size_t)s->codes[n] + c]++;
        }
        for (size_t j = from; j < to; j++) {
            settle(&code[real[j * levels + n]]);
            settle(&code[shuffled[j * levels + n]]);
        }
    }
    s->bases += to - from;
    s->windows++;
}

static bool fits(const uint8_t *mask, const uint8_t *bases, int length) {
    for (int i = 0; i < length; i++)
        if (!(mask[i] >> bases[i] & 1))
            return false;
    return true;
}

static void count_word(vq_survey *s, word *w, size_t i) {
    size_t levels = (size_t)s->levels;
    for (int version = REAL; version <= SHUFFLED; version++) {
        const uint8_t *bases = window(s, version, i);
        for (size_t at = (size_t)s->reach; at + (size_t)w->length + (size_t)s->reach <= s->window; at++) {
            bool plus = fits(w->mask, bases + at, w->length), minus = !w->palindrome && fits(w->reverse, bases + at, w->length);
            int found = plus + minus;
            w->count.here += version == REAL ? found : -found;
            *(version == REAL ? &w->count.real : &w->count.shuffled) += (uint64_t)found;
            const uint16_t *codes = codes_of(s, REAL, i) + at * levels;
            for (int j = 0; version == REAL && plus && j < w->length; j++)
                for (int n = 0; n < s->levels; n++)
                    w->spelt[n][j * s->codes[n] + codes[(size_t)j * levels + (size_t)n]]++;
        }
    }
    settle(&w->count);
}

/* ---- Batches ----------------------------------------------------------------------------------------------------------------- */

static vq_status encode(vq_survey *s, vq_model *model, size_t sequences, const uint8_t *bases, size_t first) {
    size_t counts[VERSIONS * BATCH];
    uint16_t *out[VERSIONS * BATCH];
    for (size_t i = 0; i < sequences; i++) {
        counts[i] = s->window;
        out[i] = s->out + (first + i) * s->window * (size_t)s->levels;
    }
    return vq_encode(model, sequences, bases, counts, out, NULL);
}

/* One base exchanged, and one put in, in the middle of some windows: in the room of the shuffled and the reversed ones. */
static vq_status change_windows(vq_survey *s, vq_model *model, uint64_t seed) {
    size_t levels = (size_t)s->levels, middle = s->window / 2, row = levels * sizeof(uint16_t);
    size_t most = s->window - middle - 1 - (size_t)s->reach, behind = most < DOWNSTREAM ? most : DOWNSTREAM;
    size_t changed = s->changes + s->held > CHANGED ? CHANGED - s->changes : s->held;
    for (size_t i = 0; i < changed; i++) {
        const uint8_t *from = window(s, REAL, i);
        uint8_t *exchanged = window(s, SHUFFLED, i), *longer = window(s, REVERSED, i);
        memcpy(exchanged, from, s->window);
        exchanged[middle] = (uint8_t)((from[middle] + 1 + vq_rng_below(3, seed, VQ_STREAM_CHANGE, 0, s->changes + i)) % 4);
        memcpy(longer, from, middle);
        longer[middle] = (uint8_t)vq_rng_below(4, seed, VQ_STREAM_CHANGE, 1, s->changes + i);
        memcpy(longer + middle + 1, from + middle, s->window - middle - 1);
    }
    VQ_TRY(encode(s, model, changed, window(s, SHUFFLED, 0), SHUFFLED * BATCH));
    VQ_TRY(encode(s, model, changed, window(s, REVERSED, 0), REVERSED * BATCH));
    for (size_t i = 0; i < changed; i++) {
        const uint16_t *before = codes_of(s, REAL, i), *exchanged = codes_of(s, SHUFFLED, i), *longer = codes_of(s, REVERSED, i);
        for (size_t j = 0; j < s->window; j++)
            s->substituted += memcmp(before + j * levels, exchanged + j * levels, row) != 0;
        for (size_t j = middle; j < middle + behind; j++)
            s->inserted += memcmp(before + j * levels, longer + (j + 1) * levels, row) != 0;
    }
    s->changes += changed;
    s->compared += changed * behind;
    return VQDNA_OK;
}

static vq_status take_batch(vq_survey *s, vq_model *model, uint64_t seed) {
    for (size_t i = 0; i < s->held; i++) {
        const uint8_t *from = window(s, REAL, i);
        uint8_t *other = window(s, REVERSED, i);
        memcpy(window(s, SHUFFLED, i), from, s->window);
        vq_shuffle(window(s, SHUFFLED, i), s->room, s->window, seed, s->windows + i);
        for (size_t j = 0; j < s->window; j++)
            other[s->window - 1 - j] = vq_complement(from[j]);
    }
    for (int version = 0; version < VERSIONS; version++)
        VQ_TRY(encode(s, model, s->held, window(s, version, 0), (size_t)version * BATCH));
    for (size_t i = 0; i < s->held; i++) {
        count_codes(s, i);
        for (size_t w = 0; w < s->word_count; w++)
            count_word(s, &s->words[w], i);
    }
    VQ_TRY(s->changes < CHANGED ? change_windows(s, model, seed) : VQDNA_OK);
    s->held = 0;
    return VQDNA_OK;
}

vq_status vq_survey_files(vq_survey *s, vq_model *model, const char *const *paths, size_t count, const vqdna_stream_options *stream,
                          uint64_t total, uint64_t records, const vqdna_survey_options *options) {
    vq_source *source;
    vq_piece piece;
    uint64_t stride = total / options->bases, met = 0;
    size_t filled = 0, mean = records ? (size_t)(total / records) : 0;
    s->window = mean < WINDOW ? mean : WINDOW;
    if (s->window < (size_t)(LEAST * s->reach))
        return vq_fail(VQDNA_ERR_INPUT, "records of %zu bases are too short for a survey, which needs windows of %d", mean,
                       LEAST * s->reach);
    stride += stride == 0;
    VQ_TRY(vq_source_open(&source, paths, count, stream->input, stream->read_bytes));
    vq_status status;
    while ((status = vq_source_next(source, &piece)) == VQDNA_OK) {
        filled = piece.start ? filled : 0;
        for (size_t i = 0; i < piece.count && status == VQDNA_OK; i++) {
            window(s, REAL, s->held)[filled++] = piece.codes[i];
            if (piece.codes[i] >= VQ_BASE_UNKNOWN)
                filled = 0;
            if (filled < s->window)
                continue;
            filled = 0;
            s->held += met++ % stride == 0;
            if (s->held == BATCH)
                status = take_batch(s, model, options->seed);
        }
        if (status == VQDNA_OK && stream->interrupted && stream->interrupted(stream->user))
            status = vq_fail(VQDNA_ERR_INTERRUPTED, "interrupted");
        if (status == VQDNA_OK && stream->progress) {
            vqdna_stream_stats so_far = {.bases = s->bases};
            stream->progress(stream->user, &so_far);
        }
        if (status != VQDNA_OK)
            break;
    }
    vq_source_close(source);
    if (status == VQDNA_END)
        status = s->held ? take_batch(s, model, options->seed) : VQDNA_OK;
    return status == VQDNA_OK && s->windows < 2
               ? vq_fail(VQDNA_ERR_INPUT, "a survey needs at least two windows of %zu known bases, and %zu are there", s->window,
                         s->windows)
               : status;
}

/* ---- What it says ------------------------------------------------------------------------------------------------------------ */

static double corrected(const vq_survey *s, const contrast *c, double tests) {
    double n = (double)s->windows, t = vq_clusters_t(c->sum, c->squares, n);
    return fmin(1, tests * vq_student_p(t, n - 1));
}

static void describe_word(const vq_survey *s, const word *w, vqdna_survey_word *out) {
    *out = (vqdna_survey_word){
        .count = w->count.real, .shuffled = w->count.shuffled, .p = corrected(s, &w->count, (double)s->word_count), .code = -1};
    for (int n = 0; n < s->levels; n++)
        for (int j = 0; j < w->length; j++)
            for (int k = 0; k < s->codes[n]; k++) {
                uint32_t met = w->spelt[n][j * s->codes[n] + k];
                double share = met >= 5 ? fmin(1, (double)met / (double)s->code[n][k].real) : 0;
                if (share <= out->share)
                    continue;
                out->level = n;
                out->code = k;
                out->place = j;
                out->share = share;
                out->recall = 0;
                double all = 0;
                for (int other = 0; other < s->codes[n]; other++)
                    all += w->spelt[n][j * s->codes[n] + other];
                out->recall = met / all;
            }
}

void vq_survey_report(vq_survey *s, vqdna_survey *out) {
    double tests = 0;
    for (int n = 0; n < s->levels; n++)
        tests += s->codes[n];
    *out = (vqdna_survey){.windows = s->windows, .bases = s->bases, .words = s->reported_words, .word_count = s->word_count};
    for (int n = 0; n < s->levels; n++) {
        size_t K = (size_t)s->codes[n];
        for (size_t k = 0; k < K; k++) {
            const contrast *c = &s->code[n][k];
            size_t most = 0;
            for (size_t j = 1; j < K; j++)
                most = s->partner[n][k * K + j] > s->partner[n][k * K + most] ? j : most;
            s->reported[n][k] =
                (vqdna_survey_code){.count = c->real,
                                    .shuffled = c->shuffled,
                                    .p = corrected(s, c, tests),
                                    .partner = c->real ? (int)most : -1,
                                    .partner_share = c->real ? (double)s->partner[n][k * K + most] / (double)c->real : 0};
        }
        out->level[n] = s->reported[n];
    }
    for (size_t i = 0; i < s->word_count; i++)
        describe_word(s, &s->words[i], &s->reported_words[i]);
    out->changes = s->changes;
    out->substitution = s->changes ? (double)s->substituted / (double)s->changes : NAN;
    out->insertion = s->compared ? 1 - (double)s->inserted / (double)s->compared : NAN;
}

double vq_survey_share(const vq_survey *s, int level, int code) {
    const contrast *c = &s->code[level][code];
    return s->bases ? (double)(c->real + c->reversed) / (2 * (double)s->bases) : 0;
}
