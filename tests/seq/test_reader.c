#include "scratch.h"
#include "seq/reader.h"

#include <fcntl.h>
#include <htslib/bgzf.h>
#include <sys/resource.h>
#include <sys/stat.h>

static const size_t read_sizes[] = {1, 2, 3, 7, 64, 4096, 0};
enum { READ_SIZES = sizeof read_sizes / sizeof *read_sizes };

/* Everything a file holds as text, "name=ACGTN;" for each record; checks what each piece promises on the way. */
static char collected[1 << 16];
static vq_status collect(const char *path, size_t read_bytes) {
    vq_reader *reader;
    VQ_TRY(vq_reader_open(&reader, path, read_bytes));
    size_t used = 0;
    uint64_t record = 0, expected = 0, bases = 0, unknown = 0;
    vq_piece piece;
    vq_status status;
    while ((status = vq_reader_next(reader, &piece)) == VQDNA_OK) {
        ck_assert_uint_eq(piece.record, record);
        ck_assert_uint_eq(piece.start, expected);
        ck_assert_uint_le(piece.count, read_bytes ? read_bytes : 256 << 10);
        ck_assert(piece.count || piece.last);
        ck_assert_uint_lt(used + strlen(piece.name) + piece.count + 3, sizeof collected);
        if (piece.start == 0)
            used += (size_t)sprintf(collected + used, "%s=", piece.name);
        for (size_t i = 0; i < piece.count; i++) {
            ck_assert_uint_le(piece.codes[i], 4);
            unknown += piece.codes[i] == 4;
            collected[used++] = vq_letter_of_code(piece.codes[i]);
        }
        bases += piece.count;
        expected = piece.last ? 0 : piece.start + piece.count;
        record += piece.last;
        if (piece.last)
            collected[used++] = ';';
    }
    collected[used] = 0;
    vq_reader_stats stats = vq_reader_describe(reader);
    vq_reader_close(reader);
    if (status == VQDNA_END) {
        ck_assert_uint_eq(stats.records, record);
        ck_assert_uint_eq(stats.bases, bases);
        ck_assert_uint_eq(stats.unknown, unknown);
        return VQDNA_OK;
    }
    return status;
}

static void ck_holds(const char *path, const char *expected) {
    for (int i = 0; i < READ_SIZES; i++) {
        ck_ok(collect(path, read_sizes[i]));
        ck_assert_str_eq(collected, expected);
    }
}

static void ck_refuses(const char *path, const char *a, const char *b, const char *c) {
    for (int i = 0; i < READ_SIZES; i++)
        ck_fails(collect(path, read_sizes[i]), VQDNA_ERR_INPUT, path, a, b, c);
}

START_TEST(alphabet) {
    static const char known[] = "ACGTacgtUu", codes[] = {0, 1, 2, 3, 0, 1, 2, 3, 3, 3}, unknown[] = "RYSWKMBDHVNXryswkmbdhvnx*-.";
    for (int letter = 0; letter < 256; letter++) {
        const char *k = letter ? strchr(known, letter) : NULL, *u = letter ? strchr(unknown, letter) : NULL;
        ck_assert_uint_eq(vq_code_of_letter((uint8_t)letter), k ? codes[k - known] : u ? VQ_BASE_UNKNOWN : VQ_LETTER_ILLEGAL);
    }
    for (uint8_t code = 0; code < 4; code++) {
        ck_assert_uint_eq(vq_code_of_letter((uint8_t)vq_letter_of_code(code)), code);
        ck_assert_int_eq(vq_letter_of_code(vq_complement(code)), "TGCA"[code]);
    }
    ck_assert_uint_eq(vq_complement(4), 4);
    ck_assert_int_eq(vq_letter_of_code(4), 'N');
}
END_TEST

START_TEST(fasta) {
    ck_holds(scratch_text("a.fa", ">a text here\nACGT\nacgtu\n>b\tmore\nN\n"), "a=ACGTACGTT;b=N;");
    ck_holds(scratch_text("a.fa", ">a\r\nAC\r\nGT\r\n\r\n>b\r\nT\r\n"), "a=ACGT;b=T;");
    ck_holds(scratch_text("a.fa", "\n\n>a\n\nAC\n\n\nGT"), "a=ACGT;");
    ck_holds(scratch_text("a.fa", "\xEF\xBB\xBF>a\nAC GT\t \n"), "a=ACGT;");
    ck_holds(scratch_text("a.fa", ">iupac\nRYSWKMBDHVNXryswkmbdhvnx*-.A\n"), "iupac=NNNNNNNNNNNNNNNNNNNNNNNNNNNA;");
    ck_holds(scratch_text("a.fa", ">a\nAC\r\r\nGT\r\n>b\nT\r"), "a=ACGT;b=T;");
    ck_holds(scratch_text("a.fa", ">x\001y\nAC\n> \tx\001z\v1\nGG\n"), "x\001y=AC;x\001z=GG;");
    ck_holds(scratch_text("a.fa", ">one\nG\n>twenty\nACGTACGTACGTACGTACGT"), "one=G;twenty=ACGTACGTACGTACGTACGT;");
}
END_TEST

START_TEST(fastq) {
    ck_holds(scratch_text("a.fq", "@a x\nACGT\n+\nIIII\n@b\nN\n+b\n@\n"), "a=ACGT;b=N;");
    ck_holds(scratch_text("a.fq", "@a\r\nACGT\r\n+\r\n@@@@\r\n@b\r\nT\r\n+\r\n!"), "a=ACGT;b=T;");
    ck_holds(scratch_text("a.fq", "@a\nAC\nGT\nA\n+\n@+\n@I\n>\n\n@b\nC\n+\n~\n"), "a=ACGTA;b=C;"); /* wrapped */
    ck_refuses(scratch_text("a.fq", "@a\nACGT\n+\nIII\n@b\nA\n+\nI\n"), "line 4", "'a'", "4 bases but 3 qualities");
    ck_refuses(scratch_text("a.fq", "@a\nACGT\n+\nIIIII\n"), "line 4", "'a'", "5 qualities");
    ck_refuses(scratch_text("a.fq", "@a\nAC\nGT\n+\nII\nIII\n"), "line 6", "'a'", "5 qualities");
    ck_refuses(scratch_text("a.fq", "@a\nACGT\n+\nIII"), "'a'", "3 qualities", "truncated");
    ck_refuses(scratch_text("a.fq", "@a\nACGT\n"), "'a'", "'+'", "truncated");
    ck_refuses(scratch_text("a.fq", "@a\nACGT\n+\nII\x01I\n"), "line 4", "0x01", "qualities");
    ck_refuses(scratch_text("a.fq", "@a\nA\n+\nI\nACGT\n"), "line 5", "'A'", "'@'");
}
END_TEST

START_TEST(empty_and_duplicate_records) {
    *scratch_log = 0;
    ck_holds(scratch_text("a.fa", ">none\n>a\nA\n>last\n"), "none=;a=A;last=;");
    ck_assert_ptr_nonnull(strstr(scratch_log, "'none' has no bases"));
    ck_assert_ptr_nonnull(strstr(scratch_log, "'last' has no bases"));
    *scratch_log = 0;
    ck_ok(collect(scratch_text("dup.fa", ">a\nA\n>b\nC\n>a\nG\n>b\nT\n"), 0));
    ck_assert_str_eq(collected, "a=A;b=C;a=G;b=T;");
    char *told = strstr(scratch_log, "dup.fa, line 5, record 'a': its name appears a second time");
    ck_assert_ptr_nonnull(told);
    ck_assert_ptr_null(strstr(strchr(told, '\n'), "second time"));
    *scratch_log = 0;
    char *many = malloc(1 << 17), *end = many;
    for (int i = 0; i < 5000; i++)
        end += sprintf(end, ">n%d\nA\n", i);
    strcpy(end, ">n17\nC\n"); /* found again after the table of names grew */
    ck_ok(collect(scratch_text("many.fa", many), 0));
    ck_assert_ptr_nonnull(strstr(scratch_log, "line 10001, record 'n17'"));
    strcpy(end, ">m17\nC\n");
    *scratch_log = 0;
    ck_ok(collect(scratch_text("many.fa", many), 0));
    ck_assert_str_eq(scratch_log, "");
    free(many);
}
END_TEST

/* One odd line costs no more than itself, and is told. */
START_TEST(stray_marks) {
    *scratch_log = 0;
    ck_holds(scratch_text("a.fa", ">a\nAC\n>\nGG\n> \n>b\nT\n"), "a=AC;=GG;=;b=T;");
    ck_assert_ptr_nonnull(strstr(scratch_log, "line 3: a record without a name"));
    *scratch_log = 0;
    ck_holds(scratch_text("a.fa", ">a\nAC>GT\nA>\n>b\nT\n"), "a=ACNGTAN;b=T;");
    ck_assert_ptr_nonnull(strstr(scratch_log, "line 2, record 'a': a '>' within a line"));
}
END_TEST

/* A CR that ends no line is refused wherever it stands, after all that comes before it. */
START_TEST(lone_carriage_returns) {
    ck_refuses(scratch_text("a.fa", ">a\rACGT\r>b\rGG\r"), "line 1", "record 'a'", "carriage return");
    ck_refuses(scratch_text("a.fa", ">a x\rACGT\n>b\nGG\n"), "line 1", "record 'a'", "carriage return");
    ck_refuses(scratch_text("a.fa", ">a\r\nAC\r\nGT\rAC\r\n"), "line 3", "record 'a'", "carriage return");
    ck_assert_str_eq(collected, "");
    ck_refuses(scratch_text("a.fq", "@a\nAC\n+\nI\rI\n"), "line 4", "record 'a'", "carriage return");
    ck_refuses(scratch_text("a.fa", "\r>a\nAC\n"), "line 1", "carriage return", "");
    ck_refuses(scratch_text("a.fa", ">a\nA!\n>b\rGG\r"), "line 2", "'!'", "");
}
END_TEST

/* Files of other kinds, by their first bytes: what they are and what reads them. */
#define BYTES(text) text, sizeof text - 1
START_TEST(other_kinds) {
    static const struct {
        const char *bytes;
        size_t count;
        const char *is, *way;
    } kinds[] = {
        {BYTES("\xFD\x37zXZ\0\0\4"), "compressed by xz", "xz -dc "},
        {BYTES("\x28\xB5\x2F\xFD\x24"), "compressed by zstd", "zstd -dc "},
        {BYTES("BZh91AY&SY"), "compressed by bzip2", "bzip2 -dc "},
        {BYTES("PK\3\4\x14"), "zip archive", "unzip -p "},
        {BYTES("@HD\tVN:1.6\n@SQ\tSN:a\tLN:4\n"), "SAM", "samtools fasta "},
        {BYTES("r1\t0\tchr1\t7\t30\t4M\t*\t0\t0\tACGT\tIIII\n"), "SAM", "samtools fasta "},
        {BYTES("BAM\1\0\0\0"), "BAM", "samtools fasta "},
        {BYTES("CRAM\3\0"), "CRAM", "samtools fasta "},
        {BYTES("##fileformat=VCFv4.2\n"), "VCF", "bcftools consensus"},
        {BYTES("##gff-version 3\n"), "GFF", "bedtools getfasta"},
        {BYTES("chr1\t10\t20\r\n"), "intervals", "bedtools getfasta"},
        {BYTES("version https://git-lfs.github.com/spec/v1\n"), "Git LFS pointer", "git lfs pull"},
        {BYTES("%PDF-1.4\n"), "PDF", ""},
        {BYTES("<!DOCTYPE html>\n"), "web page", ""},
        {BYTES("\xFF\xFE>\0a\0\n\0"), "UTF-16", "iconv -f UTF-16 "},
        {BYTES(">\0a\0\n\0"), "UTF-16", "iconv -f UTF-16LE "},
        {BYTES("#vqdna tokens 2\n"), "tokens", "detokenize"},
        {BYTES("@\0\0\0\0\0\0\0{\"__metadata__\":{"), "weights of a model", "-m"},
        {BYTES("\x48\1\0\0\0\0\0\0{\"__metadata__\":{"), "weights of a model", "-m"},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        ck_fails(collect(scratch_write("a.x", kinds[i].bytes, kinds[i].count), 0), VQDNA_ERR_INPUT, "a.x is ", kinds[i].is,
                 kinds[i].way, "");
}
END_TEST

START_TEST(bad_text) {
    ck_fails(collect(scratch_path("missing.fa"), 0), VQDNA_ERR_INPUT, "missing.fa", "does not exist");
    ck_fails(collect("ftp://127.0.0.1/x.fa", 0), VQDNA_ERR_INPUT, "does not exist");
    ck_fails(collect(scratch_folder, 0), VQDNA_ERR_INPUT, scratch_folder, "is a folder");
    ck_refuses(scratch_text("a.fa", ""), "is empty", "", "");
    ck_refuses(scratch_text("a.fa", "\n \r\n"), "is empty", "", "");
    ck_refuses(scratch_text("a.fa", "ACGT\n>a\nA\n"), "line 1", "'A'", "'>'");
    ck_refuses(scratch_text("a.fa", ";comment\n>a\nA\n"), "line 1", "';'", "");
    ck_refuses(scratch_text("a.fa", ">a\n;comment\nA\n"), "line 2", "';'", "");
    ck_refuses(scratch_text("a.fa", "\x7f"
                                    "ELF\n"),
               "binary", "0x7F", "");
    ck_refuses(scratch_write("a.fa", "\0\0a>\nA\n", 8), "binary", "0x00", "");
    ck_refuses(scratch_text("a.fa", ">a\nAC\n>b c\nACJT\n"), "line 4", "record 'b'", "'J'");
    ck_refuses(scratch_text("a.fa", ">a\nAC1\n"), "line 2", "record 'a'", "'1'");
    ck_refuses(scratch_write("a.fa", ">a\nAC\0T\n", 8), "line 2", "record 'a'", "0x00");
    ck_refuses(scratch_write("a.fa", ">a\0b\nACT\n", 9), "line 1", "record 'a'", "0x00");
    ck_refuses(scratch_text("a.fa", ">a\nAC\n\xC3\xA9\n"), "line 3", "record 'a'", "0xC3");
    ck_refuses(scratch_text("a.fa", ">a"), "no bases", "(1)", "");
    ck_refuses(scratch_text("a.fa", ">a\n\n>b\n"), "no bases", "(2)", "");
    if (geteuid() != 0) {
        char *secret = scratch_text("secret.fa", ">a\nA\n");
        chmod(secret, 0);
        ck_fails(collect(secret, 0), VQDNA_ERR_INPUT, "secret.fa", "denied");
    }
}
END_TEST

/* Compressed copies: mode "w" is bgzip, "wg" gzip. */
static char *compress(const char *name, const char *mode, const char *text) {
    char *path = scratch_path(name);
    BGZF *file = bgzf_open(path, mode);
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(bgzf_write(file, text, strlen(text)), (ssize_t)strlen(text));
    ck_assert_int_eq(bgzf_close(file), 0);
    return path;
}

static size_t load(const char *path, char *out, size_t room) {
    FILE *file = fopen(path, "rb");
    size_t bytes = fread(out, 1, room, file);
    fclose(file);
    ck_assert_uint_lt(bytes, room);
    return bytes;
}

/* Every truncation of a compressed file fails, but that of bgzip's end mark, which is told; and so does or has no effect every
 * flipped byte. */
START_TEST(damaged_compression) {
    static const char *const modes[] = {"w", "wg"};
    char text[4000] = ">a\n", bytes[8192];
    for (size_t i = 3; i < sizeof text - 1; i++)
        text[i] = "ACGT"[i * i % 1009 % 4];
    for (int m = 0; m < 2; m++) {
        char *good = compress("good.gz", modes[m], text);
        ck_ok(collect(good, 0));
        ck_holds(good, collected);
        char *expected = strdup(collected);
        ck_assert_uint_eq(strlen(expected), sizeof text - 4 + 3);
        size_t size = load(good, bytes, sizeof bytes);
        for (size_t cut = 0; cut < size; cut++)
            if (m || cut != size - 28)
                ck_fails(collect(scratch_write("cut.gz", bytes, cut), 0), VQDNA_ERR_INPUT, "cut.gz");
        ck_fails(collect(scratch_write("cut.gz", bytes, size - 29), 0), VQDNA_ERR_INPUT, "cut.gz, line 2, record 'a'", "truncated");
        for (size_t at = 0; at < size; at++) {
            bytes[at] ^= 0x40;
            if (collect(scratch_write("flip.gz", bytes, size), 0) == VQDNA_OK)
                ck_assert_str_eq(collected, expected);
            bytes[at] ^= 0x40;
        }
        size_t crc = size - 8 - (m ? 0 : 28);
        bytes[crc] ^= 1;
        ck_refuses(scratch_write("crc.gz", bytes, size), "line 2, record 'a'", "incorrect data check", "");
        bytes[crc] ^= 1;
        *scratch_log = 0;
        if (!m) {
            ck_holds(scratch_write("cut.gz", bytes, size - 28), expected);
            ck_assert_ptr_nonnull(strstr(scratch_log, "cut.gz: the end mark of bgzip is absent"));
        }
        memset(bytes + size, 0, 300);
        ck_holds(scratch_write("padded.gz", bytes, size + 300), expected);
        ck_assert_ptr_nonnull(strstr(scratch_log, "padded.gz: 300 zero bytes"));
        bytes[size + 200] = 'x';
        ck_refuses(scratch_write("padded.gz", bytes, size + 300), "no gzip data", "damaged", "");
        free(expected);
    }
    ck_fails(collect(compress("empty.gz", "w", ""), 0), VQDNA_ERR_INPUT, "empty.gz", "is empty");
    ck_fails(collect(compress("text.gz", "wg", "hello"), 0), VQDNA_ERR_INPUT, "text.gz", "'h'");
}
END_TEST

/* Two gzip members in a row, and a bgzip file of several blocks. */
START_TEST(members_and_blocks) {
    char bytes[4096];
    size_t n = load(compress("one.gz", "wg", ">a\nAC\n"), bytes, sizeof bytes);
    n += load(compress("two.gz", "wg", "GT\n>b\nT\n"), bytes + n, sizeof bytes - n);
    ck_holds(scratch_write("both.gz", bytes, n), "a=ACGT;b=T;");
    char *path = scratch_path("blocks.gz");
    BGZF *file = bgzf_open(path, "w");
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(bgzf_write(file, i ? "ACG\n" : ">a\n", i ? 4 : 3), i ? 4 : 3);
        ck_assert_int_eq(bgzf_flush(file), 0);
    }
    bgzf_close(file);
    ck_holds(path, "a=ACGACGACGACG;");
}
END_TEST

static vq_status collect_stdin(int fd) {
    int old = dup(STDIN_FILENO);
    dup2(fd, STDIN_FILENO);
    close(fd);
    vq_status status = collect("-", 5);
    dup2(old, STDIN_FILENO);
    close(old);
    return status;
}

static int piped(const char *bytes, size_t count) {
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(write(ends[1], bytes, count), (ssize_t)count);
    close(ends[1]);
    return ends[0];
}

START_TEST(standard_input) {
    static const char text[] = ">a\nACGT\n";
    char bytes[4096];
    ck_ok(collect_stdin(open(scratch_text("in.fa", text), O_RDONLY)));
    ck_assert_str_eq(collected, "a=ACGT;");
    ck_ok(collect_stdin(piped(text, strlen(text))));
    ck_assert_str_eq(collected, "a=ACGT;");
    static const char *const modes[] = {"w", "wg"};
    for (int m = 0; m < 2; m++) {
        size_t n = load(compress("in.gz", modes[m], text), bytes, sizeof bytes);
        ck_ok(collect_stdin(piped(bytes, n)));
        ck_assert_str_eq(collected, "a=ACGT;");
        ck_fails(collect_stdin(piped(bytes, m ? n - 8 : n - 29)), VQDNA_ERR_INPUT, "standard input", "truncated");
    }
    ck_fails(collect_stdin(piped("", 0)), VQDNA_ERR_INPUT, "standard input is empty");
}
END_TEST

static long resident_peak(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss; /* KiB */
}

static char *long_line(const char *name, const char *start, char fill, const char *end) {
    char *path = scratch_path(name), *block = malloc(1 << 20);
    memset(block, fill, 1 << 20);
    FILE *file = fopen(path, "wb");
    fputs(start, file);
    for (int i = 0; i < 64; i++)
        fwrite(block, 1, 1 << 20, file);
    fputs(end, file);
    ck_assert_int_eq(fclose(file), 0);
    free(block);
    return path;
}

START_TEST(long_lines) {
    char *header = long_line("header.fa", ">", 'h', "\nACGT\n"), *words = long_line("words.fa", ">a ", 'h', "\nACGT\n");
    char *sequence = long_line("sequence.fa", ">a\n", 'G', "\n");
    long before = resident_peak();
    ck_fails(collect(header, 0), VQDNA_ERR_INPUT, "header.fa, line 1", "longer than 1 MiB");
    ck_fails(collect(words, 0), VQDNA_ERR_INPUT, "words.fa, line 1", "longer than 1 MiB");
    vq_reader *reader;
    vq_piece piece;
    uint64_t sum = 0;
    ck_ok(vq_reader_open(&reader, sequence, 0));
    while (vq_reader_next(reader, &piece) == VQDNA_OK)
        for (size_t i = 0; i < piece.count; i++)
            sum += piece.codes[i];
    ck_assert_uint_eq(sum, 2 * (64ull << 20));
    ck_assert_uint_eq(vq_reader_describe(reader).bases, 64ull << 20);
    vq_reader_close(reader);
    ck_assert_int_lt(resident_peak() - before, 24 << 10);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("reader");
    TCase *tests = tcase_create("reader");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, alphabet);
    tcase_add_test(tests, fasta);
    tcase_add_test(tests, fastq);
    tcase_add_test(tests, empty_and_duplicate_records);
    tcase_add_test(tests, stray_marks);
    tcase_add_test(tests, lone_carriage_returns);
    tcase_add_test(tests, other_kinds);
    tcase_add_test(tests, bad_text);
    tcase_add_test(tests, damaged_compression);
    tcase_add_test(tests, members_and_blocks);
    tcase_add_test(tests, standard_input);
    tcase_add_test(tests, long_lines);
    suite_add_tcase(suite, tests);
    return scratch_run(suite);
}
