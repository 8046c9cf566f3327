/* What is taken of inputs: parts, cuts, strands, tables. */
#include "scratch.h"
#include "seq/intervals.h"
#include "seq/source.h"

#include <time.h>
#include <utime.h>

static char collected[1 << 14];

/* "name=LETTERS;" for each record. */
static vq_status collect(const char *const *paths, size_t count, const vqdna_input_options *options, size_t read_bytes,
                         vqdna_stream_stats *stats) {
    vq_source *source;
    vq_piece piece;
    collected[0] = 0;
    VQ_TRY(vq_source_open(&source, paths, count, options, read_bytes));
    size_t used = 0;
    uint64_t next = 0, records = 0;
    vq_status status;
    while ((status = vq_source_next(source, &piece)) == VQDNA_OK) {
        ck_assert_uint_eq(piece.start, next);
        ck_assert_uint_eq(piece.record, records);
        if (piece.start == 0)
            used += (size_t)sprintf(collected + used, "%s=", piece.name);
        for (size_t i = 0; i < piece.count; i++)
            collected[used++] = vq_letter_of_code(piece.codes[i]);
        next = piece.last ? 0 : next + piece.count;
        records += piece.last;
        if (piece.last)
            collected[used++] = ';';
        collected[used] = 0;
    }
    ck_assert(status < 0 || next == 0);
    if (stats)
        *stats = vq_source_describe(source);
    vq_source_close(source);
    return status == VQDNA_END ? VQDNA_OK : status;
}

static void holds(const char *const *paths, size_t count, vqdna_input_options options, const char *expected) {
    static const size_t reads[] = {0, 1, 2, 3, 7};
    options.size = sizeof options;
    for (int i = 0; i < 5; i++) {
        ck_ok(collect(paths, count, &options, reads[i], NULL));
        ck_assert_str_eq(collected, expected);
    }
}

/* An indexed FASTA as samtools faidx has it: lines of 10 bases, the offsets in order. */
static const char *indexed(const char *name, const char *first, const char *second) {
    char text[512], index[256], fai[64];
    snprintf(text, sizeof text, ">c1 about\n%s\n>c2\n%s\n", first, second);
    size_t one = strlen(first), two = strlen(second);
    snprintf(index, sizeof index, "c1\t%zu\t10\t%zu\t%zu\nc2\t%zu\t%zu\t%zu\t%zu\n", one, one, one + 1, two, 10 + one + 1 + 4, two,
             two + 1);
    const char *path = scratch_text(name, text);
    snprintf(fai, sizeof fai, "%s.fai", name);
    scratch_text(fai, index);
    return path;
}

START_TEST(streams_all_of_several_files) {
    const char *paths[] = {scratch_text("a.fa", ">a x\nACGTN\nRac\n>b\n>c\nGG\n"), scratch_text("b.fq", "@q\nACG\n+\nIII\n"),
                           scratch_text("t.tsv", "label\tid\tsequence\n1\tr1 x\tACnT\n0\tr2\tGGGG\n"),
                           scratch_text("u.csv", "ACGT,1\nGGCC,0\n")};
    holds(paths, 4, (vqdna_input_options){0}, "a=ACGTNNAC;b=;c=GG;q=ACG;r1=ACNT;r2=GGGG;1=ACGT;2=GGCC;");
    vqdna_stream_stats stats;
    ck_ok(collect(paths, 4, NULL, 0, &stats));
    ck_assert_uint_eq(stats.records, 8);
    ck_assert_uint_eq(stats.bases, 29);
    ck_assert_uint_eq(stats.unknown, 3);
    ck_assert_uint_eq(stats.left_out, 0);
    const char *table[] = {scratch_text("plain.txt", "dna;what\nACGT;x\n")};
    holds(table, 1, (vqdna_input_options){.column = "dna"}, "1=ACGT;");
    ck_fails(collect(table, 1, &(vqdna_input_options){.size = sizeof(vqdna_input_options), .column = "none"}, 0, NULL),
             VQDNA_ERR_INPUT, "plain.txt", "no column 'none'");
}
END_TEST

START_TEST(cuts_where_bases_are_left_out) {
    const char *paths[] = {scratch_text("c.fa", ">a\nNACGTN\nnacGTa\n>b\nACGT\n>e\n>n\nNN\n>l\nACg\n")};
    holds(paths, 1, (vqdna_input_options){.ambiguous = VQDNA_AMBIGUOUS_SKIP}, "a:2-5=ACGT;a:8-12=ACGTA;b=ACGT;e=;l=ACG;");
    holds(paths, 1, (vqdna_input_options){.skip_soft_masked = true}, "a:1-6=NACGTN;a:10-11=GT;b=ACGT;e=;n=NN;l:1-2=AC;");
    holds(paths, 1, (vqdna_input_options){.ambiguous = VQDNA_AMBIGUOUS_SKIP, .skip_soft_masked = true},
          "a:2-5=ACGT;a:10-11=GT;b=ACGT;e=;l:1-2=AC;");
    holds(paths, 1, (vqdna_input_options){.strand = VQDNA_STRAND_MINUS}, "a/rc=TACGTNNACGTN;b/rc=ACGT;e/rc=;n/rc=NN;l/rc=CGT;");
    holds(paths, 1, (vqdna_input_options){.ambiguous = VQDNA_AMBIGUOUS_SKIP, .strand = VQDNA_STRAND_BOTH},
          "a:2-5=ACGT;a:2-5/rc=ACGT;a:8-12=ACGTA;a:8-12/rc=TACGT;b=ACGT;b/rc=ACGT;e=;e/rc=;l=ACG;l/rc=CGT;");
    vqdna_stream_stats stats;
    vqdna_input_options skip = {.size = sizeof skip, .ambiguous = VQDNA_AMBIGUOUS_SKIP},
                        refuse = {.size = sizeof refuse, .ambiguous = VQDNA_AMBIGUOUS_REFUSE};
    ck_ok(collect(paths, 1, &skip, 0, &stats));
    ck_assert_uint_eq(stats.left_out, 5);
    ck_assert_uint_eq(stats.bases, 16);
    ck_assert_uint_eq(stats.unknown, 0);
    ck_fails(collect(paths, 1, &refuse, 2, NULL), VQDNA_ERR_INPUT, "record a", "base 0 ");
    const char *none[] = {scratch_text("n.fa", ">n\nNNNN\n")};
    ck_fails(collect(none, 1, &skip, 0, NULL), VQDNA_ERR_INPUT, "n.fa", "no base is left", "4 are left out");
}
END_TEST

START_TEST(takes_parts_of_indexed_fasta) {
    const char *paths[] = {indexed("i.fa", "AACCGGTTNa", "ACGTACGTAC"), indexed("j.fa", "TTTTTTTTTT", "A")};
    ((char **)paths)[1] = scratch_text("j.fa", ">c3\nGGGGC\n");
    scratch_text("j.fa.fai", "c3\t5\t4\t5\t6\n");
    const char *regions[] = {"c1:3-6", "c2", "c3:4-", "c3:2", "c1:9-9"};
    holds(paths, 2, (vqdna_input_options){.regions = regions, .region_count = 5},
          "c1:3-6=CCGG;c2=ACGTACGTAC;c3:4-5=GC;c3:2-5=GGGC;c1:9-9=N;");
    const char *bed = scratch_text("w.bed", "# x\ntrack name=y\nc1\t0\t4\tone\t0\t+\nc1\t2\t9\ttwo\t0\t-\r\nc2\t5\t5\n\nc3 0 2\n");
    holds(paths, 2, (vqdna_input_options){.intervals = bed}, "c1:1-4=AACC;c1:3-9/rc=NAACCGG;c2:5-5=;c3:1-2=GG;");
    holds(paths, 2, (vqdna_input_options){.intervals = bed, .strand = VQDNA_STRAND_MINUS},
          "c1:1-4/rc=GGTT;c1:3-9=CCGGTTN;c2:5-5/rc=;c3:1-2/rc=CC;");
    holds(paths, 2, (vqdna_input_options){.intervals = bed, .ambiguous = VQDNA_AMBIGUOUS_SKIP},
          "c1:1-4=AACC;c1:3-8/rc=AACCGG;c2:5-5=;c3:1-2=GG;");
    const char *gff = scratch_text("w.gff", "##gff-version 3\nc1\t.\tCDS\t2\t4\t.\t-\t0\tID=x\n##FASTA\n>c1\nACGT\n");
    holds(paths, 1, (vqdna_input_options){.intervals = gff}, "c1:2-4/rc=GGT;");
}
END_TEST

static void bad_part(const char *path, const char *bed, const char *region, const char *a, const char *b) {
    vqdna_input_options o = {.size = sizeof o,
                             .intervals = bed ? scratch_text("bad.bed", bed) : NULL,
                             .regions = &region,
                             .region_count = region != NULL};
    ck_fails(collect(&path, 1, &o, 0, NULL), VQDNA_ERR_INPUT, a, b);
}

START_TEST(bad_parts_are_told_before_any_work) {
    const char *path = indexed("k.fa", "AACCGGTTNA", "ACGTACGTAC");
    bad_part(path, "c1\t0\t4\nc1\t3\t11\n", NULL, "bad.bed, line 2", "ends at 11, and contig c1 has 10 bases");
    bad_part(path, "\nchr9\t0\t4\n", NULL, "bad.bed, line 2", "no contig 'chr9'");
    bad_part(path, "c1\t4\t2\n", NULL, "bad.bed, line 1", "ends before it starts");
    bad_part(path, "c1\tx\t2\n", NULL, "bad.bed, line 1", "neither BED");
    bad_part(path, "c1\t.\tCDS\t0\t4\t.\t-\t0\tID=x\n", NULL, "line 1", "counts from 1");
    bad_part(path, "# nothing\n", NULL, "bad.bed", "no interval");
    bad_part(path, NULL, "c1:5-12", "c1:5-12", "bases 1 to 10");
    bad_part(path, NULL, "c1:15-", "c1:15-", "bases 1 to 10");
    bad_part(path, NULL, "chr1:1-2", "chr1:1-2", "no such contig");
    bad_part(scratch_text("bare.fa", ">c1\nACGT\n"), NULL, "c1", "bare.fa has no index", "samtools faidx");
    bad_part("-", NULL, "c1", "not from standard input", "");
    bad_part(scratch_path("missing.fa"), NULL, "c1", "cannot open", "missing.fa");
    path = scratch_path("k.fa");
    struct utimbuf later = {time(NULL) + 60, time(NULL) + 60};
    ck_assert_int_eq(utime(path, &later), 0);
    bad_part(path, NULL, "c1", "k.fa.fai is older than", "makes a new one");
    path = scratch_text("l.fa", ">c1\nAC\nGT\n>c2\nA\n"); /* of another file, and as new */
    scratch_text("l.fa.fai", "c1\t14\t4\t14\t15\n");
    bad_part(path, NULL, "c1:1-14", "index", "samtools faidx");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("source");
    TCase *t = tcase_create("all");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, streams_all_of_several_files);
    tcase_add_test(t, cuts_where_bases_are_left_out);
    tcase_add_test(t, takes_parts_of_indexed_fasta);
    tcase_add_test(t, bad_parts_are_told_before_any_work);
    suite_add_tcase(suite, t);
    return scratch_run(suite);
}
