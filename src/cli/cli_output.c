#include "cli/cli_output.h"
#include "cli/cli_options.h"

#include <errno.h>
#include <fcntl.h>
#include <htslib/bgzf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER = 1 << 20, HEAD = 256 };

/* ---- What may be replaced ---- */

/* How a file of a kind begins, and what else stands near its beginning; or, of a shard, how it begins or what stands on its last line. */
static const struct {
    const char *name, *begins, *holds, *shard, *ends;
} kinds[] = {
    [VQ_KIND_TSV] = {"tokens as TSV", "#vqdna tokens", "", NULL, "\n#block "},
    [VQ_KIND_NDJSON] = {"tokens as NDJSON", "{\"format\":\"vqdna tokens\"", "", NULL, "\n{\"block\":"},
    [VQ_KIND_BIN] = {"tokens as bin", "#vqdna tokens", "", "VQB\n", NULL},
    [VQ_KIND_NPY] = {"an array of tokens", "\x93NUMPY", "u2'"},
    [VQ_KIND_INDEX] = {"an index of tokens", "#vqdna index", ""},
    [VQ_KIND_FASTA] = {"FASTA", ">", ""},
    [VQ_KIND_BENCHMARK] = {"benchmark results", "{", "\"schema_version\""},
    [VQ_KIND_SVG] = {"a picture", "<svg", ""},
    [VQ_KIND_TUNING] = {"tuning", "# Tuning of vqdna", ""},
    [VQ_KIND_LOG] = {"the log of a training", "{\"step\":", ""},
    [VQ_KIND_METRICS] = {"the metrics of a training", "{", "\"steps\""},
    [VQ_KIND_PREDICTIONS] = {"predictions", "#vqdna predictions", ""},
    [VQ_KIND_TOKENIZER] = {"a tokenizer", "{", "\"added_tokens\""},
    [VQ_KIND_MUTATIONS] = {"what bases do to predictions", "#vqdna mutations", ""},
    [VQ_KIND_BEDGRAPH] = {"a bedGraph of predictions", "#vqdna bedGraph", ""},
    [VQ_KIND_BED] = {"codes as BED", "#vqdna intervals", ""},
    [VQ_KIND_COUNTS] = {"counts of codes", "#vqdna counts", ""},
    [VQ_KIND_REPORT] = {"a report", "<!DOCTYPE html>", "\"vqdna report\""},
    [VQ_KIND_VECTORS] = {"an array of vectors", "\x93NUMPY", "f4'"},
    [VQ_KIND_ROWS] = {"names of vectors", "#vqdna vectors", ""},
    [VQ_KIND_CONTRAST] = {"a comparison", "#vqdna contrast", ""},
    [VQ_KIND_MAP] = {"a map", "#vqdna map", ""},
    [VQ_KIND_NEIGHBOURS] = {"neighbours", "#vqdna neighbours", ""},
    [VQ_KIND_MAP_METRICS] = {"the metrics of a map", "{", "\"features\""},
    [VQ_KIND_ANY] = {"", "", ""},
};

static bool is_standard(const char *path) {
    return !path || !strcmp(path, "-");
}

/* What a name stands for, links followed; false unless it is a regular file. */
static bool look(const char *path, int standard, struct stat *found) {
    return (is_standard(path) ? fstat(standard, found) : stat(path, found)) == 0 && S_ISREG(found->st_mode);
}

static bool same(const struct stat *a, const struct stat *b) {
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

void vq_output_protect(vq_cli *cli, const char *path) {
    vq_list_append(&cli->protected, vq_need_text(path));
}

/* Whether `path`, there or not, is the file `name` of the model in use. */
static bool is_of_model(const vq_cli *cli, const char *path, const char *name) {
    struct stat a, b;
    char *file = vq_join("%s/%s", cli->model, name);
    bool is = look(path, STDOUT_FILENO, &a) && look(file, -1, &b) && same(&a, &b);
    const char *slash = is_standard(path) ? NULL : strrchr(path, '/');
    if (!is && !is_standard(path) && !strcmp(slash ? slash + 1 : path, name)) {
        char *folder = vq_join("%.*s.", slash ? (int)(slash - path) + 1 : 0, path);
        is = stat(folder, &a) == 0 && stat(cli->model, &b) == 0 && same(&a, &b);
        free(folder);
    }
    free(file);
    return is;
}

/* For strstr. */
static void as_text(char *data, ssize_t length) {
    data[length] = '\0';
    for (char *c = data; c < data + length; c++)
        *c = *c ? *c : ' ';
}

static bool ends_in(const char *path, const char *text) {
    char tail[HEAD + 1];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END), from = size > HEAD ? size - HEAD : 0;
    ssize_t length = fd < 0 ? -1 : pread(fd, tail, HEAD, from);
    if (fd >= 0)
        close(fd);
    if (length > 0)
        as_text(tail, length);
    return length > 0 && strstr(tail, text);
}

static bool is_kind(const char *path, vq_kind kind) {
    char head[HEAD + 1];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    BGZF *file = fd < 0 ? NULL : bgzf_dopen(fd, "r"); /* plain files, too */
    ssize_t length = file ? bgzf_read(file, head, HEAD) : -1;
    if (file)
        (void)!bgzf_close(file);
    else if (fd >= 0)
        close(fd);
    if (length <= 0)
        return length == 0;
    as_text(head, length);
    const char *shard = kinds[kind].shard;
    return (!strncmp(head, kinds[kind].begins, strlen(kinds[kind].begins)) && strstr(head, kinds[kind].holds)) ||
           (shard && !strncmp(head, shard, strlen(shard))) || (kinds[kind].ends && ends_in(path, kinds[kind].ends));
}

int vq_output_check(vq_cli *cli, const char *path, vq_kind kind) {
    struct stat out, in;
    bool there = look(path, STDOUT_FILENO, &out);
    const char *name = is_standard(path) ? "standard output" : path;
    for (size_t i = 0; there && i < cli->protected.count; i++)
        if (look(cli->protected.items[i], STDIN_FILENO, &in) && same(&out, &in))
            return vq_cli_fail(cli, VQ_EXIT_USAGE, "%s is also an input: an output that replaced it would destroy it", name);
    for (const char *const *file = vqdna_model_files(); cli->model && *file; file++)
        if (is_of_model(cli, path, *file))
            return vq_cli_fail(cli, VQ_EXIT_USAGE, "%s is %s of the model: an output that replaced it would destroy it", name,
                               *file);
    /* What /dev/stdout and its like stand for is not replaced, but written on to. */
    there = there && !is_standard(path) && strncmp(path, "/dev/", 5) && strncmp(path, "/proc/", 6);
    if (there && !cli->force && out.st_size > 0 && !is_kind(path, kind))
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "%s exists and is something else than %s: --force replaces it", path,
                           kinds[kind].name);
    return VQ_GO_ON;
}

/* ---- Writing ---- */

bool vq_ends_in(const char *name, const char *end) {
    size_t length = name ? strlen(name) : 0, most = strlen(end);
    return length >= most && !strcasecmp(name + length - most, end);
}

int vq_output_open(vq_output *out, vq_cli *cli, const char *path, vq_kind kind) {
    *out = (vq_output){.fd = -1};
    int code = vq_output_check(cli, path, kind);
    static const char *const others[] = {".xz", ".zst", ".bz2", ".zip"};
    for (int i = 0; i < 4 && code == VQ_GO_ON; i++)
        if (path && vq_ends_in(path, others[i]))
            code = vq_cli_fail(cli, VQ_EXIT_USAGE, "%s is named as if compressed, and only .gz is compressed here", path);
    if (code != VQ_GO_ON)
        return code;
    vqdna_status status = vqdna_output_open(&out->file, is_standard(path) ? "-" : path);
    if (status < 0)
        return vq_cli_failed(cli, status);
    struct stat found;
    out->fd = vqdna_output_fd(out->file);
    out->seekable = fstat(out->fd, &found) == 0 && S_ISREG(found.st_mode) && lseek(out->fd, 0, SEEK_CUR) == 0 &&
                    !(fcntl(out->fd, F_GETFL) & O_APPEND);
    int copy = vq_ends_in(path, ".gz") ? fcntl(out->fd, F_DUPFD_CLOEXEC, 0) : -1;
    out->zip = copy >= 0 ? bgzf_dopen(copy, "w") : NULL;
    if (vq_ends_in(path, ".gz") && !out->zip)
        out->error = errno;
    out->path = vq_need_text(is_standard(path) ? "standard output" : path);
    out->size = BUFFER;
    out->buffer = vq_need(NULL, out->size);
    return VQ_GO_ON;
}

static void write_all(vq_output *out, const char *data, size_t length) {
    while (length && !out->error) {
        errno = 0;
        ssize_t taken = out->zip ? bgzf_write(out->zip, data, length) : write(out->fd, data, length);
        if (taken < 0 && (errno != EINTR || out->zip))
            out->error = errno ? errno : EIO;
        if (taken > 0) {
            data += taken;
            length -= (size_t)taken;
        }
    }
}

static void flush(vq_output *out) {
    write_all(out, out->buffer, out->used);
    out->used = 0;
}

/* Writes the last block and the end mark of a compressed output. */
static bool end_zip(vq_output *out) {
    BGZF *zip = out->zip;
    out->zip = NULL;
    return !zip || bgzf_close(zip) == 0;
}

char *vq_output_room(vq_output *out, size_t length) {
    if (out->size - out->used < length) {
        flush(out);
        if (out->size < length) {
            out->size = length;
            out->buffer = vq_need(out->buffer, length);
        }
    }
    return out->buffer + out->used;
}

void vq_output_write(vq_output *out, const void *data, size_t length) {
    memcpy(vq_output_room(out, length), data, length);
    out->used += length;
}

void vq_output_print(vq_output *out, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    va_start(arguments, format);
    vsnprintf(vq_output_room(out, (size_t)length + 1), (size_t)length + 1, format, arguments);
    va_end(arguments);
    out->used += (size_t)length;
}

void vq_output_patch(vq_output *out, size_t offset, const void *data, size_t length) {
    flush(out);
    if (!out->error && pwrite(out->fd, data, length, (off_t)offset) != (ssize_t)length)
        out->error = errno ? errno : EIO;
}

int vq_output_failed(const vq_output *out, vq_cli *cli) {
    if (out->error == EPIPE)
        return VQ_EXIT_INPUT;
    return vq_cli_fail(cli, VQ_EXIT_INPUT, "cannot write %s: %s", out->path, strerror(out->error));
}

int vq_output_commit(vq_output *out, vq_output *other, vq_cli *cli) {
    vq_output *all[] = {out, other};
    vqdna_output *files[2];
    size_t count = other ? 2 : 1;
    int code = VQ_GO_ON;
    for (size_t i = 0; i < count && code == VQ_GO_ON; i++) {
        flush(all[i]);
        errno = 0;
        if (!end_zip(all[i]) && !all[i]->error)
            all[i]->error = errno ? errno : EIO;
        files[i] = all[i]->file;
        code = all[i]->error ? vq_output_failed(all[i], cli) : VQ_GO_ON;
    }
    if (code == VQ_GO_ON) {
        vqdna_status status = vqdna_outputs_commit(files, count);
        out->file = NULL;
        if (other)
            other->file = NULL;
        code = status < 0 ? vq_cli_failed(cli, status) : VQ_GO_ON;
    }
    for (size_t i = 0; i < count; i++)
        vq_output_abandon(all[i]);
    return code;
}

void vq_output_abandon(vq_output *out) {
    (void)end_zip(out);
    vqdna_output_discard(out->file);
    free(out->path);
    free(out->buffer);
    *out = (vq_output){.fd = -1};
}

int vq_output_file(vq_cli *cli, const char *path, vq_kind kind, const char *text) {
    vq_output out;
    int code = vq_output_open(&out, cli, path, kind);
    if (code != VQ_GO_ON)
        return code;
    vq_output_write(&out, text, strlen(text));
    return vq_output_commit(&out, NULL, cli);
}
