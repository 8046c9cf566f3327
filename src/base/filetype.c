#include "base/filetype.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define MAGIC(text) text, sizeof text - 1

static const char table[] = "a table of intervals (BED or GFF), not sequences", sam[] = "a file of alignments (SAM, BAM or CRAM)";
static const char web[] = "a web page: the download failed", utf16[] = "UTF-16 text", annotated[] = "GenBank's or EMBL's format";
static const char getfasta[] = "bedtools getfasta -fi GENOME.fa -bed %s";

static const vq_filetype types[] = {
    {MAGIC("\xFD\x37zXZ\0"), "compressed by xz", "xz -dc %s", NULL},
    {MAGIC("\x28\xB5\x2F\xFD"), "compressed by zstd", "zstd -dc %s", NULL},
    {MAGIC("BZh"), "compressed by bzip2", "bzip2 -dc %s", NULL},
    {MAGIC("\x04\x22\x4D\x18"), "compressed by lz4", "lz4 -dc %s", NULL},
    {MAGIC("\x1F\x9D"), "compressed by compress", "gzip -dc %s", NULL},
    {MAGIC("\x1F\x8B"), "compressed by gzip more than once", "gzip -dc %s | gzip -dc", NULL},
    {MAGIC("PK\3\4"), "a zip archive", "unzip -p %s", NULL},
    {MAGIC("7z\xBC\xAF\x27\x1C"), "a 7z archive", "7z x -so %s", NULL},
    {MAGIC("Rar!\x1A\x07"), "a rar archive", "unrar p -inul %s", NULL},
    {MAGIC("BAM\1"), sam, "samtools fasta %s", NULL},
    {MAGIC("CRAM"), sam, "samtools fasta %s", NULL},
    {MAGIC("@HD\tVN:"), sam, "samtools fasta %s", NULL},
    {MAGIC("@SQ\t"), sam, "samtools fasta %s", NULL},
    {MAGIC("@RG\t"), sam, "samtools fasta %s", NULL},
    {MAGIC("@PG\t"), sam, "samtools fasta %s", NULL},
    {MAGIC("@CO\t"), sam, "samtools fasta %s", NULL},
    {MAGIC("BCF\2"), "a file of variants (BCF)", "bcftools consensus -f REFERENCE.fa %s", NULL},
    {MAGIC("##fileformat=VCF"), "a file of variants (VCF)", "bcftools consensus -f REFERENCE.fa %s", NULL},
    {MAGIC("##gff-version"), "a file of annotation (GFF)", getfasta, NULL},
    {MAGIC("#gff-version"), "a file of annotation (GFF)", getfasta, NULL},
    {MAGIC("#!genome-build"), "a file of annotation (GTF)", getfasta, NULL},
    {MAGIC("track "), table, getfasta, NULL},
    {MAGIC("browser "), table, getfasta, NULL},
    {MAGIC("LOCUS  "), annotated, "any2fasta %s", NULL},
    {MAGIC("ID   "), annotated, "any2fasta %s", NULL},
    {MAGIC("\x43\x27\x41\x1A"), "a 2bit file", "twoBitToFa %s stdout", NULL},
    {MAGIC("NCBI.sra"), "an SRA archive", "fasterq-dump -Z %s", NULL},
    {MAGIC("\xFF\xFE"), utf16, "iconv -f UTF-16 -t UTF-8 %s", NULL},
    {MAGIC("\xFE\xFF"), utf16, "iconv -f UTF-16 -t UTF-8 %s", NULL},
    {MAGIC("version https://git-lfs"), "a Git LFS pointer, not the file it stands for", NULL, "fetch that with git lfs pull"},
    {MAGIC("%PDF-"), "a PDF document", NULL, "take the sequences as FASTA from where it is about"},
    {MAGIC("<!"), web, NULL, "fetch the file again"},
    {MAGIC("<html"), web, NULL, "fetch the file again"},
    {MAGIC("<HTML"), web, NULL, "fetch the file again"},
    {MAGIC("<?xml"), "an XML document", NULL, "take the sequences as FASTA from where it came from"},
    {MAGIC("\x89HDF"), "an HDF5 file", NULL, "convert it to FASTA or FASTQ"},
    {MAGIC("\x93NUMPY"), "an array of NumPy's", NULL, "tokens are read by vqdna detokenize"},
    {MAGIC("#vqdna tokens"), "tokens, not sequences", NULL, "they are read by vqdna detokenize"},
    {MAGIC("{\"format\":\"vqdna tokens\""), "tokens, not sequences", NULL, "they are read by vqdna detokenize"},
    {MAGIC("{"), "JSON", NULL, "give FASTA or FASTQ"},
};

static const vq_filetype little = {NULL, 0, utf16, "iconv -f UTF-16LE -t UTF-8 %s", NULL};
static const vq_filetype big = {NULL, 0, utf16, "iconv -f UTF-16BE -t UTF-8 %s", NULL};
static const vq_filetype tar = {NULL, 0, "a tar archive", "tar -xOf %s", NULL};
static const vq_filetype model = {NULL, 0, "the weights of a model", NULL, "a model is given by its folder, with -m"};
static const vq_filetype bed = {NULL, 0, table, getfasta, NULL}, headless = {NULL, 0, sam, "samtools fasta %s", NULL};

/* Tables without a word of what they are: numbers where only they have them. */
static const vq_filetype *table_of(const char *line, size_t bytes) {
    enum { COLUMNS = 12 };
    bool number[COLUMNS] = {false};
    int columns = 0;
    const char *at = line, *end = line + bytes, *stop = memchr(line, '\n', bytes);
    if (stop)
        end = stop;
    while (columns < COLUMNS && at < end) {
        const char *tab = memchr(at, '\t', (size_t)(end - at)), *to = tab ? tab : end;
        bool digits = to > at;
        for (const char *c = at; c < to; c++)
            digits = digits && ((*c >= '0' && *c <= '9') || (*c == '\r' && c > at && c + 1 == to));
        number[columns++] = digits;
        at = to + 1;
    }
    if (columns >= 3 && number[1] && number[2])
        return &bed;
    if (columns >= 8 && number[3] && number[4] && !number[1])
        return &bed; /* GFF without its first line */
    return columns >= 11 && number[1] && number[3] && number[4] ? &headless : NULL;
}

const vq_filetype *vq_filetype_of(const void *head, size_t bytes) {
    const uint8_t *byte = head;
    const vq_filetype *type = bytes >= 10 && byte[8] == '{' && !byte[5] && !byte[6] && !byte[7] ? &model : NULL;
    for (size_t i = 0; !type && i < sizeof types / sizeof *types; i++)
        if (bytes >= types[i].bytes && !memcmp(head, types[i].magic, types[i].bytes))
            type = &types[i];
    if (!type && bytes >= 4 && byte[0] && !byte[1] && byte[2] && !byte[3]) /* without a mark of the order of its bytes */
        type = &little;
    if (!type && bytes >= 4 && !byte[0] && byte[1] && !byte[2] && byte[3])
        type = &big;
    if (!type && bytes >= 262 && !memcmp(byte + 257, "ustar", 5))
        type = &tar;
    if (!type && bytes && *byte != '>' && *byte != '@' && !memchr(head, 0, bytes))
        type = table_of(head, bytes);
    return type;
}

bool vq_filetype_explain(char *out, size_t room, const char *path, const void *head, size_t bytes) {
    const vq_filetype *type = vq_filetype_of(head, bytes);
    if (!type)
        return false;
    if (!type->pipe) {
        snprintf(out, room, "%s is %s: %s", path, type->is, type->way);
        return true;
    }
    char pipe[600];
    snprintf(pipe, sizeof pipe, type->pipe, strchr(path, ' ') ? "FILE" : path); /* "standard input" is no path either */
    snprintf(out, room, "%s is %s: %s | vqdna ... -", path, type->is, pipe);
    return true;
}
