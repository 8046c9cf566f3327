#include "scratch.h"
#include "seq/table.h"

#include <zlib.h>

static char collected[1 << 12];

/* "sequence=label@line;" for each row. */
static vq_status collect(const char *path, const char *sequence, const char *label) {
    vq_table *table;
    vq_table_row row;
    VQ_TRY(vq_table_open(&table, path, sequence, label));
    size_t used = 0;
    uint64_t rows = 0;
    vq_status status;
    while ((status = vq_table_next(table, &row)) == VQDNA_OK) {
        ck_assert_uint_eq(row.row, rows++);
        ck_assert_uint_eq(row.length, strlen(row.sequence));
        used += (size_t)snprintf(collected + used, sizeof collected - used, "%s=%s@%d;", row.sequence, row.label ? row.label : "",
                                 (int)row.line);
    }
    vq_table_close(table);
    return status == VQDNA_END ? VQDNA_OK : status;
}

static void ck_holds(const char *text, const char *sequence, const char *label, const char *expected) {
    ck_ok(collect(scratch_text("t.csv", text), sequence, label));
    ck_assert_str_eq(collected, expected);
}

static void ck_refuses(const char *text, const char *sequence, const char *label, const char *a, const char *b) {
    ck_fails(collect(scratch_text("t.csv", text), sequence, label), VQDNA_ERR_INPUT, "t.csv", a, b);
}

START_TEST(header_and_delimiter_are_found) {
    ck_holds("sequence,label\nACGT,1\nGGN,0\n", NULL, NULL, "ACGT=1@2;GGN=0@3;");
    ck_holds("label\tSequence\twhat\nyes\tacgu\tx\n", NULL, NULL, "acgu=yes@2;");
    ck_holds("id;dna;class\n1;AC;donor\n", "dna", "class", "AC=donor@2;");
    ck_holds("sequence\nACGT\n", NULL, NULL, "ACGT=@2;");
    ck_holds("ACGT,1\nAAAA,0\n", NULL, NULL, "ACGT=1@1;AAAA=0@2;");
    ck_holds("1\tACGTN\n0\tCC\n", NULL, NULL, "ACGTN=1@1;CC=0@2;");
    ck_holds("x,ACGT,1\n", NULL, NULL, "ACGT=@1;"); /* which of two is the label? none */
    ck_holds("\xEF\xBB\xBFsequence,label\r\nACGT,1\r\n\r\nCC,2", NULL, NULL, "ACGT=1@2;CC=2@4;");
}
END_TEST

START_TEST(quotes_are_as_in_rfc_4180) {
    ck_holds("\"label\",\"sequence\"\n\"a, \"\"b\"\"\nc\",\"ACGT\"\n\"d\",CC\r\n", NULL, NULL, "ACGT=a, \"b\"\nc@2;CC=d@4;");
    ck_holds("sequence,label\r\n\"AC\",\"1\"\r\n", NULL, NULL, "AC=1@2;");
    ck_holds("\"a\tb\",sequence\nx,ACGT\n", NULL, NULL, "ACGT=@2;");
    ck_refuses("sequence,label\n\"ACGT,1\nAC,0\n", NULL, NULL, "line 2", "never closed");
    ck_refuses("sequence,label\n\"AC\"GT,1\n", NULL, NULL, "line 2", "closing quote");
}
END_TEST

START_TEST(bad_tables_are_refused_with_their_place) {
    ck_refuses("", NULL, NULL, "empty", "");
    ck_refuses("\n\n", NULL, NULL, "empty", "");
    ck_refuses("sequence,label\n", NULL, NULL, "no rows", "");
    ck_refuses("text,label\nACGT,1\n", NULL, NULL, "no column 'sequence'", "'text', 'label'");
    ck_refuses("sequence,label\nACGT,1\n", "dna", NULL, "no column 'dna'", "'sequence'");
    ck_refuses("sequence,label\nACGT,1\n", NULL, "class", "no column 'class'", "'label'");
    ck_refuses("sequence,label\nACGT,1\nACGT\n", NULL, NULL, "line 3", "1 fields, and the first row has 2");
    ck_refuses("sequence,label\nACGT,1,2\n", NULL, NULL, "line 2", "3 fields");
    ck_refuses("sequence,label\n,1\n", NULL, NULL, "line 2", "no sequence");
    ck_refuses("sequence,label\nACGT,\n", NULL, NULL, "line 2", "no label");
    ck_refuses("sequence,label\nACGT,1\nAC GT,1\n", NULL, NULL, "line 3", "0x20 at place 2");
    ck_refuses(">a\nACGT\n", NULL, NULL, "FASTA", "table");
    ck_fails(collect(scratch_write("t.csv", "sequence\nAC\0GT\n", 15), NULL, NULL), VQDNA_ERR_INPUT, "byte 0", "line 2");
    ck_fails(collect(scratch_path("nowhere.csv"), NULL, NULL), VQDNA_ERR_INPUT, "nowhere.csv");
}
END_TEST

/* Every cut of a file gives a prefix of its rows or a sentence. */
START_TEST(a_cut_never_crashes) {
    static const char text[] = "label,sequence\n\"a\",ACGT\nb,\"CC\"\n\"c\nd\",GGG\n";
    for (size_t bytes = 0; bytes < sizeof text; bytes++) {
        vq_status status = collect(scratch_write("t.csv", text, bytes), NULL, NULL);
        ck_assert_int_eq(status, status < 0 ? VQDNA_ERR_INPUT : VQDNA_OK);
    }
}
END_TEST

START_TEST(gzip_and_long_rows) {
    char *path = scratch_path("t.csv.gz");
    gzFile file = gzopen(path, "wb");
    size_t length = 1 << 20;
    char *bases = malloc(length + 1);
    memset(bases, 'A', length);
    bases[length] = '\0';
    gzprintf(file, "sequence,label\n");
    gzwrite(file, bases, (unsigned)length);
    gzprintf(file, ",7\nCG,8\n");
    gzclose(file);
    vq_table *table;
    vq_table_row row;
    ck_ok(vq_table_open(&table, path, NULL, NULL));
    ck_ok(vq_table_next(table, &row));
    ck_assert_uint_eq(row.length, length);
    ck_assert_mem_eq(row.sequence, bases, length);
    ck_assert_str_eq(row.label, "7");
    ck_ok(vq_table_next(table, &row));
    ck_assert_str_eq(row.sequence, "CG");
    ck_assert_int_eq(vq_table_next(table, &row), VQDNA_END);
    ck_assert_int_eq(vq_table_next(table, &row), VQDNA_END);
    vq_table_close(table);
    free(bases);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("table");
    TCase *tests = tcase_create("table");
    tcase_add_test(tests, header_and_delimiter_are_found);
    tcase_add_test(tests, quotes_are_as_in_rfc_4180);
    tcase_add_test(tests, bad_tables_are_refused_with_their_place);
    tcase_add_test(tests, a_cut_never_crashes);
    tcase_add_test(tests, gzip_and_long_rows);
    suite_add_tcase(suite, tests);
    return scratch_run(suite);
}
