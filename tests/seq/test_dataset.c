#include "base/rng.h"
#include "scratch.h"
#include "seq/alphabet.h"
#include "seq/dataset.h"

#include <math.h>
#include <signal.h>
#include <sys/resource.h>

/* A FASTA file of contigs c0, c1, ... of these lengths with random bases, one in 50 unknown; keeps what it wrote. */
enum { MOST = 8, LONGEST = 20000 };
static uint8_t truth[MOST][LONGEST];
static size_t truth_length[MOST];

static char *make_fasta(const char *name, int contigs, const size_t *lengths, uint64_t seed) {
    char *path = scratch_path(name);
    FILE *file = fopen(path, "w");
    for (int c = 0; c < contigs; c++) {
        fprintf(file, ">c%d", c);
        truth_length[c] = lengths[c];
        for (size_t i = 0; i < lengths[c]; i++) {
            uint32_t word = vq_rng_u32(seed, VQ_STREAM_TEST, (uint64_t)c, i);
            truth[c][i] = word % 50 == 0 && i > 0 && i + 1 < lengths[c] ? 4 : (uint8_t)(word >> 30);
            fprintf(file, "%s%c", i % 60 ? "" : "\n", vq_letter_of_code(truth[c][i]));
        }
        fputc('\n', file);
    }
    ck_assert_int_eq(fclose(file), 0);
    return path;
}

/* Where a window (or its reverse complement) lies: contig, position and strand; false if nowhere. */
static bool locate(const uint8_t *window, int count, int length, int contigs, int *contig, size_t *position, bool *reverse) {
    uint8_t turned[1024];
    for (int i = 0; i < count; i++)
        turned[i] = window[count - 1 - i] < 4 ? (uint8_t)(3 - window[count - 1 - i]) : 4;
    for (*contig = 0; *contig < contigs; ++*contig) {
        size_t n = truth_length[*contig] < (size_t)length ? truth_length[*contig] : (size_t)length;
        if (n != (size_t)count)
            continue;
        for (*position = 0; *position + n <= truth_length[*contig]; ++*position)
            for (int r = 0; r < 2; r++)
                if (memcmp(truth[*contig] + *position, r ? turned : window, n) == 0) {
                    *reverse = r == 1;
                    return true;
                }
    }
    return false;
}

START_TEST(windows) {
    static const size_t lengths[] = {1001, 1, 20, 5000, 64, 63};
    enum { CONTIGS = 6, LENGTH = 64, DRAWS = 6000 };
    vq_dataset *dataset;
    ck_ok(vq_dataset_create(&dataset));
    ck_ok(vq_dataset_add(dataset, make_fasta("w.fa", CONTIGS, lengths, 1)));
    vqdna_dataset_info info = vq_dataset_describe(dataset);
    ck_assert_uint_eq(info.files, 1);
    ck_assert_uint_eq(info.contigs, CONTIGS);
    ck_assert_uint_eq(info.bases, 1001 + 1 + 20 + 5000 + 64 + 63);
    uint64_t unknown = 0;
    for (int c = 0; c < CONTIGS; c++)
        for (size_t i = 0; i < lengths[c]; i++)
            unknown += truth[c][i] == 4;
    ck_assert_uint_eq(info.unknown, unknown);

    double hits[CONTIGS] = {0}, places[8] = {0}, total = 0, weight[CONTIGS], reversed = 0;
    uint8_t window[LENGTH + 1], again[LENGTH + 1];
    int count, contig, count_again;
    size_t position;
    bool reverse;
    for (int i = 0; i < DRAWS; i++) {
        window[LENGTH] = 99;
        ck_ok(vq_dataset_window(dataset, 7, (uint64_t)i / 8, (uint32_t)i % 8, LENGTH, true, window, &count));
        ck_assert_uint_eq(window[LENGTH], 99);
        ck_assert(locate(window, count, LENGTH, CONTIGS, &contig, &position, &reverse));
        hits[contig]++;
        if (contig == 3)
            places[position * 8 / 4937]++;
        if (count > 12) /* a single base lies on both strands */
            reversed += reverse;
    }
    for (int c = 0; c < CONTIGS; c++)
        total += weight[c] = lengths[c] < LENGTH ? 1 : (double)lengths[c] - LENGTH + 1;
    double chi = 0, chi_places = 0, small_hits = 0, small_weight = 0;
    for (int c = 0; c < CONTIGS; c++) {
        if (weight[c] > 1)
            chi += pow(hits[c] - DRAWS * weight[c] / total, 2) / (DRAWS * weight[c] / total);
        else
            small_hits += hits[c], small_weight += DRAWS / total;
    }
    chi += pow(small_hits - small_weight, 2) / small_weight; /* 3 cells: above 30 has a probability below 1e-6 */
    ck_assert_double_lt(chi, 30);
    for (int i = 0; i < 8; i++)
        chi_places += pow(places[i] - hits[3] / 8, 2) / (hits[3] / 8);
    ck_assert_double_lt(chi_places, 40);
    ck_assert_double_eq_tol(reversed / DRAWS, 0.5, 0.04);

    /* A pure function: the same in any order, and from another dataset of the same sequences. */
    vq_dataset *other;
    ck_ok(vq_dataset_create(&other));
    ck_ok(vq_dataset_add(other, scratch_path("w.fa")));
    for (int i = 200; i-- > 0;) {
        ck_ok(vq_dataset_window(dataset, 9, 1000 - (uint64_t)i, 3, LENGTH, true, window, &count));
        ck_ok(vq_dataset_window(other, 9, 1000 - (uint64_t)i, 3, LENGTH, true, again, &count_again));
        ck_assert_int_eq(count, count_again);
        ck_assert_mem_eq(window, again, (size_t)count);
    }
    int different = 0;
    for (uint32_t i = 0; i < 100; i++) {
        ck_ok(vq_dataset_window(dataset, 9, 5, i, LENGTH, true, window, &count));
        ck_ok(vq_dataset_window(dataset, i % 2 ? 10 : 9, i % 2 ? 5 : 6, i, LENGTH, true, again, &count_again));
        different += count != count_again || memcmp(window, again, (size_t)count) != 0;
    }
    ck_assert_int_gt(different, 95);
    vq_dataset_destroy(other);
    vq_dataset_destroy(dataset);
}
END_TEST

/* With one strand the window is always as given; with both, the other strand is its reverse complement at the same place. */
START_TEST(strands) {
    static const size_t lengths[] = {5000};
    vq_dataset *dataset;
    ck_ok(vq_dataset_create(&dataset));
    ck_ok(vq_dataset_add(dataset, make_fasta("s.fa", 1, lengths, 2)));
    uint8_t plain[101], both[101];
    int count, contig, turned = 0;
    size_t position;
    bool reverse;
    for (int length = 95; length <= 101; length++)
        for (uint32_t i = 0; i < 50; i++) {
            ck_ok(vq_dataset_window(dataset, 1, 1, i, length, false, plain, &count));
            ck_assert_int_eq(count, length);
            ck_assert(locate(plain, count, length, 1, &contig, &position, &reverse) && !reverse);
            ck_ok(vq_dataset_window(dataset, 1, 1, i, length, true, both, &count));
            bool same = memcmp(plain, both, (size_t)length) == 0;
            for (int k = 0; !same && k < length; k++)
                ck_assert_uint_eq(both[k], vq_complement(plain[length - 1 - k]));
            turned += !same;
        }
    ck_assert_int_gt(turned, 350 / 3);
    ck_assert_int_lt(turned, 700 / 3);
    vq_dataset_destroy(dataset);
}
END_TEST

/* Every position of a contig of every small length, even and odd starts, window longer and shorter. */
START_TEST(small_contigs) {
    uint8_t window[9];
    int count;
    for (size_t bases = 1; bases <= 9; bases++) {
        vq_dataset *dataset;
        ck_ok(vq_dataset_create(&dataset));
        ck_ok(vq_dataset_add(dataset, make_fasta("t.fa", 2, (size_t[]){bases, 3}, bases)));
        for (int length = 1; length <= 9; length++)
            for (uint32_t i = 0; i < 60; i++) {
                int contig;
                size_t position;
                bool reverse;
                ck_ok(vq_dataset_window(dataset, 3, 0, i, length, false, window, &count));
                ck_assert_int_ge(count, 1);
                ck_assert_int_le(count, length);
                ck_assert(locate(window, count, length, 2, &contig, &position, &reverse));
            }
        vq_dataset_destroy(dataset);
    }
}
END_TEST

/* No window is drawn from a gap, nor across one: 16 unknown bases cut, 15 do not; those at the ends are left out. */
START_TEST(gaps) {
    char *path = scratch_path("gaps.fa"), text[400] = ">all\nNNNNNNNNNN\n>a\nNNN", *end = text + strlen(text);
    for (int part = 0; part < 3; part++) {
        for (int i = 0; i < 30; i++)
            *end++ = "ACG"[part];
        for (int i = 0; i < (part == 0 ? 15 : 16); i++)
            *end++ = 'N';
    }
    strcpy(end, "\n>b\nTTTTT\n");
    FILE *file = fopen(path, "w");
    fputs(text, file);
    fclose(file);
    vq_dataset *dataset;
    ck_ok(vq_dataset_create(&dataset));
    ck_ok(vq_dataset_add(dataset, path));
    ck_assert_uint_eq(vq_dataset_describe(dataset).contigs, 3);
    ck_assert_uint_eq(vq_dataset_describe(dataset).bases, 10 + 3 + 90 + 47 + 5);
    uint8_t window[100];
    int count, drawn[4] = {0};
    for (uint32_t i = 0; i < 400; i++) {
        ck_ok(vq_dataset_window(dataset, 3, 0, i, 100, false, window, &count));
        ck_assert(window[0] < 4 && window[count - 1] < 4);
        ck_assert_int_eq(count, window[0] == 0 ? 75 : window[0] == 2 ? 30 : 5); /* A, 15 unknown, C; G; T */
        drawn[window[0]]++;
    }
    ck_assert(drawn[0] > 100 && drawn[1] == 0 && drawn[2] > 100 && drawn[3] > 100);
    vq_dataset_destroy(dataset);
}
END_TEST

START_TEST(all_or_nothing) {
    vq_dataset *dataset, *clean;
    uint8_t a[100], b[100];
    int count, other;
    ck_ok(vq_dataset_create(&dataset));
    ck_ok(vq_dataset_create(&clean));
    ck_fails(vq_dataset_window(dataset, 1, 1, 1, 10, true, a, &count), VQDNA_ERR_INPUT, "no sequences");
    char *first = make_fasta("1.fa", 3, (size_t[]){700, 301, 5}, 4), *second = make_fasta("2.fa", 2, (size_t[]){99, 2000}, 5);
    ck_fails(vq_dataset_add(dataset, scratch_text("bad.fa", ">x\nACGTACGTA\n>y\nACGT!\n")), VQDNA_ERR_INPUT, "bad.fa, line 4",
             "'!'");
    ck_assert_uint_eq(vq_dataset_describe(dataset).contigs, 0);
    ck_ok(vq_dataset_add(dataset, first));
    ck_fails(vq_dataset_add(dataset, scratch_path("bad.fa")), VQDNA_ERR_INPUT, "bad.fa");
    ck_fails(vq_dataset_add(dataset, scratch_path("missing.fa")), VQDNA_ERR_INPUT, "missing.fa");
    ck_ok(vq_dataset_add(dataset, second));
    ck_ok(vq_dataset_add(clean, first));
    ck_ok(vq_dataset_add(clean, second));
    ck_assert_uint_eq(vq_dataset_fingerprint(dataset), vq_dataset_fingerprint(clean));
    vqdna_dataset_info info = vq_dataset_describe(dataset), expected = vq_dataset_describe(clean);
    ck_assert_uint_eq(info.files, 2);
    ck_assert_uint_eq(info.contigs, 5);
    ck_assert_uint_eq(info.bases, expected.bases);
    ck_assert_uint_eq(info.unknown, expected.unknown);
    for (uint32_t i = 0; i < 300; i++) {
        ck_ok(vq_dataset_window(dataset, 1, 2, i, 100, true, a, &count));
        ck_ok(vq_dataset_window(clean, 1, 2, i, 100, true, b, &other));
        ck_assert_int_eq(count, other);
        ck_assert_mem_eq(a, b, (size_t)count);
    }
    vq_dataset_destroy(dataset);
    vq_dataset_destroy(clean);
    vq_dataset_destroy(NULL);
}
END_TEST

static uint64_t fingerprint(const char *one, const char *two) {
    vq_dataset *dataset;
    ck_ok(vq_dataset_create(&dataset));
    ck_ok(vq_dataset_add(dataset, scratch_text("1.fa", one)));
    if (two)
        ck_ok(vq_dataset_add(dataset, scratch_text("2.fa", two)));
    uint64_t print = vq_dataset_fingerprint(dataset);
    vq_dataset_destroy(dataset);
    return print;
}

START_TEST(fingerprints) {
    uint64_t here = fingerprint(">a\nACGT\n>b\nGG\n", NULL);
    ck_assert_uint_eq(here, fingerprint(">a\nAC\ngt\n>none\n>c\nGG", NULL)); /* sequences count, not how they are written */
    ck_assert_uint_eq(here, fingerprint(">a\nACGT\n", ">b\nGG\n"));
    ck_assert_uint_ne(here, fingerprint(">b\nGG\n>a\nACGT\n", NULL));
    ck_assert_uint_ne(here, fingerprint(">a\nACGTGG\n", NULL));
    ck_assert_uint_ne(here, fingerprint(">a\nACG\n>b\nTGG\n", NULL));
    ck_assert_uint_ne(here, fingerprint(">a\nACGT\n>b\nGN\n", NULL));
    ck_assert_uint_ne(fingerprint(">a\nACG\n", NULL), fingerprint(">a\nACGA\n", NULL));
}
END_TEST

/* 16 Mb in one contig: the file grows, memory does not. */
START_TEST(memory_and_disk) {
    char *path = scratch_path("big.fa"), line[81];
    FILE *file = fopen(path, "w");
    fputs(">big\n", file);
    for (int i = 0; i < 200000; i++) {
        uint64_t word = vq_rng_u64(1, VQ_STREAM_TEST, 0, (uint64_t)i);
        for (int k = 0; k < 80; k++)
            line[k] = "ACGT"[word >> (k % 32 * 2) & 3];
        line[80] = '\n';
        fwrite(line, 1, 81, file);
    }
    ck_assert_int_eq(fclose(file), 0);
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    vq_dataset *dataset;
    ck_ok(vq_dataset_create(&dataset));
    ck_ok(vq_dataset_add(dataset, path));
    uint8_t window[512];
    int count;
    for (uint32_t i = 0; i < 5000; i++)
        ck_ok(vq_dataset_window(dataset, 1, 0, i, 512, true, window, &count));
    getrusage(RUSAGE_SELF, &after);
    ck_assert_int_lt(after.ru_maxrss - before.ru_maxrss, 6 << 10);

    /* A limit on the size of files stands for a full disk. */
    struct rlimit old, small = {.rlim_cur = 9 << 20};
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    small.rlim_max = old.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    uint64_t print = vq_dataset_fingerprint(dataset);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    vq_status status = vq_dataset_add(dataset, path);
    setrlimit(RLIMIT_FSIZE, &old);
    ck_fails(status, VQDNA_ERR_OUTPUT, "temporary file", "TMPDIR");
    ck_assert_uint_eq(print, vq_dataset_fingerprint(dataset));
    ck_assert_uint_eq(vq_dataset_describe(dataset).bases, 16000000);
    ck_ok(vq_dataset_add(dataset, path));
    ck_assert_uint_eq(vq_dataset_describe(dataset).bases, 32000000);
    vq_dataset_destroy(dataset);

    setenv("TMPDIR", scratch_path("no-such-folder"), 1);
    ck_fails(vq_dataset_create(&dataset), VQDNA_ERR_OUTPUT, "no-such-folder", "TMPDIR");
    unsetenv("TMPDIR");
}
END_TEST

START_TEST(sequences_in_memory_are_as_a_file) {
    static const uint8_t codes[] = {0, 1, 2, 3, 4, 2, 1, 1, 3, 0, 2, 2, 2};
    static const size_t counts[] = {7, 0, 6};
    vq_dataset *file, *memory;
    ck_ok(vq_dataset_create(&file));
    ck_ok(vq_dataset_create(&memory));
    ck_ok(vq_dataset_add(file, scratch_text("m.fa", ">a\nACGTNGC\n>b\n>c\nCTAGGG\n")));
    ck_ok(vq_dataset_add_sequences(memory, 3, codes, counts));
    ck_assert_uint_eq(vq_dataset_fingerprint(file), vq_dataset_fingerprint(memory));
    vqdna_dataset_info a = vq_dataset_describe(file), b = vq_dataset_describe(memory);
    ck_assert_mem_eq(&a, &b, sizeof a);
    uint8_t x[8], y[8];
    int m, n;
    for (uint32_t i = 0; i < 50; i++) {
        ck_ok(vq_dataset_window(file, 1, 0, i, 4, true, x, &m));
        ck_ok(vq_dataset_window(memory, 1, 0, i, 4, true, y, &n));
        ck_assert_int_eq(m, n);
        ck_assert_mem_eq(x, y, (size_t)m);
    }
    vq_dataset_destroy(file);
    vq_dataset_destroy(memory);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("dataset");
    TCase *tests = tcase_create("dataset");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, windows);
    tcase_add_test(tests, sequences_in_memory_are_as_a_file);
    tcase_add_test(tests, strands);
    tcase_add_test(tests, small_contigs);
    tcase_add_test(tests, gaps);
    tcase_add_test(tests, all_or_nothing);
    tcase_add_test(tests, fingerprints);
    tcase_add_test(tests, memory_and_disk);
    suite_add_tcase(suite, tests);
    return scratch_run(suite);
}
