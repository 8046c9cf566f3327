#include "base/safetensors.h"

#include "base/filetype.h"

#include "base/json.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 4 << 20, HEADER_LIMIT = 4 << 20 };

struct vq_safetensors {
    char *path;
    int fd;
    json_t *header;
    vq_tensor_info *tensors;
    size_t count;
};

/* Bytes of an element; 0: unknown type. */
static unsigned dtype_size(const char *dtype) {
    static const struct {
        const char *name;
        unsigned size;
    } types[] = {
        {"F64", 8}, {"I64", 8}, {"U64", 8}, {"F32", 4}, {"I32", 4},  {"U32", 4},     {"F16", 2},     {"BF16", 2},
        {"I16", 2}, {"U16", 2}, {"I8", 1},  {"U8", 1},  {"BOOL", 1}, {"F8_E4M3", 1}, {"F8_E5M2", 1},
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(dtype, types[i].name) == 0)
            return types[i].size;
    return 0;
}

/* Bytes of a tensor; false if they overflow. */
static bool tensor_bytes(uint64_t *out, const char *dtype, int rank, const uint64_t *shape) {
    *out = dtype_size(dtype);
    for (int i = 0; i < rank; i++)
        if (__builtin_mul_overflow(*out, shape[i], out))
            return false;
    return *out <= INT64_MAX;
}

/* ---- Writing ---- */

static vq_status write_data(vq_outfile *out, const vq_tensor_entry *tensor, uint64_t bytes, void *buffer) {
    if (tensor->data)
        return vq_outfile_write(out, tensor->data, bytes);
    for (uint64_t at = 0; at < bytes; at += CHUNK) {
        size_t n = bytes - at < CHUNK ? bytes - at : CHUNK;
        VQ_TRY(tensor->fill(tensor->user, at, buffer, n));
        VQ_TRY(vq_outfile_write(out, buffer, n));
    }
    return VQDNA_OK;
}

static json_t *describe(const vq_tensor_entry *tensor, uint64_t begin, uint64_t end) {
    json_t *shape = json_array();
    for (int i = 0; i < tensor->rank; i++)
        json_array_append_new(shape, json_integer((json_int_t)tensor->shape[i]));
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", tensor->dtype, "shape", shape, "data_offsets", (json_int_t)begin,
                     (json_int_t)end);
}

vq_status vq_safetensors_write(vq_outfile *out, const vq_tensor_entry *tensors, size_t count, const json_t *metadata) {
    vq_status status = VQDNA_OK;
    void *buffer = NULL;
    char *text = NULL;
    uint64_t bytes, end = 0;
    json_t *header = json_object();
    if (metadata && json_object_size(metadata))
        json_object_set(header, "__metadata__", (json_t *)metadata);
    for (unsigned size = 8; size; size /= 2)
        for (size_t i = 0; i < count; i++) {
            const vq_tensor_entry *tensor = &tensors[i];
            if (dtype_size(tensor->dtype) != size)
                continue;
            if (!tensor_bytes(&bytes, tensor->dtype, tensor->rank, tensor->shape) || bytes > INT64_MAX - end) {
                status = vq_fail(VQDNA_ERR_OUTPUT, "%s: tensor %s is too large to be written", out->path, tensor->name);
                goto done;
            }
            json_object_set_new(header, tensor->name, describe(tensor, end, end + bytes));
            end += bytes;
        }
    text = json_dumps(header, JSON_COMPACT);
    if (!text || json_object_size(header) != count + (json_object_get(header, "__metadata__") != NULL)) {
        status = vq_fail(VQDNA_ERR_OUTPUT, "%s: a tensor name is no UTF-8 or appears twice, or memory is short", out->path);
        goto done;
    }
    size_t length = strlen(text), padding = -length % 8;
    uint64_t total = length + padding;
    VQ_TRY_OR(done, vq_alloc(&buffer, CHUNK, 1));
    VQ_TRY_OR(done, vq_outfile_write(out, &total, sizeof total));
    VQ_TRY_OR(done, vq_outfile_write(out, text, length));
    VQ_TRY_OR(done, vq_outfile_write(out, "        ", padding));
    for (unsigned size = 8; size; size /= 2)
        for (size_t i = 0; i < count; i++)
            if (dtype_size(tensors[i].dtype) == size && tensor_bytes(&bytes, tensors[i].dtype, tensors[i].rank, tensors[i].shape))
                VQ_TRY_OR(done, write_data(out, &tensors[i], bytes, buffer));
done:
    free(text);
    free(buffer);
    json_decref(header);
    return status;
}

/* ---- Reading ---- */

static vq_status read_at(const vq_safetensors *file, uint64_t offset, void *out, size_t bytes) {
    for (size_t done = 0; done < bytes;) {
        ssize_t n = pread(file->fd, (char *)out + done, bytes - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return vq_fail_errno(VQDNA_ERR_INPUT, "%s cannot be read", file->path);
        if (n == 0)
            return vq_fail(VQDNA_ERR_INPUT, "%s became shorter while it was read", file->path);
        done += (size_t)n;
    }
    return VQDNA_OK;
}

static vq_status bad_tensor(const vq_safetensors *file, const char *name, const char *what) {
    return vq_fail(VQDNA_ERR_INPUT, "%s is damaged: tensor %.80s %s", file->path, name, what);
}

/* One entry of the header; offsets stay relative to the data. */
static vq_status parse_tensor(const vq_safetensors *file, vq_tensor_info *out, const char *name, const json_t *entry) {
    const json_t *dtype = json_object_get(entry, "dtype"), *shape = json_object_get(entry, "shape");
    const json_t *offsets = json_object_get(entry, "data_offsets"), *value;
    if (!json_is_string(dtype) || !json_is_array(shape) || !json_is_array(offsets) || json_array_size(offsets) != 2)
        return bad_tensor(file, name, "lacks its dtype, shape or data_offsets");
    *out = (vq_tensor_info){.name = name, .dtype = json_string_value(dtype)};
    if (!dtype_size(out->dtype))
        return bad_tensor(file, name, "has an unknown dtype");
    if (json_array_size(shape) > VQ_TENSOR_MAX_RANK)
        return bad_tensor(file, name, "has more than 8 dimensions");
    size_t i;
    json_array_foreach(shape, i, value) {
        if (!json_is_integer(value) || json_integer_value(value) < 0)
            return bad_tensor(file, name, "has a shape that is not of whole numbers from 0");
        out->shape[out->rank++] = (uint64_t)json_integer_value(value);
    }
    if (!tensor_bytes(&out->bytes, out->dtype, out->rank, out->shape))
        return bad_tensor(file, name, "has a shape too large for any file");
    const json_t *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);
    if (!json_is_integer(begin) || !json_is_integer(end) || json_integer_value(begin) < 0 ||
        json_integer_value(end) < json_integer_value(begin))
        return bad_tensor(file, name, "has data_offsets that are not two rising whole numbers");
    out->offset = (uint64_t)json_integer_value(begin);
    if ((uint64_t)json_integer_value(end) - out->offset != out->bytes)
        return bad_tensor(file, name, "has data_offsets that do not fit its dtype and shape");
    return VQDNA_OK;
}

static int by_offset(const void *a, const void *b) {
    const vq_tensor_info *x = a, *y = b;
    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

/* The tensors must tile [0, data) exactly; makes their offsets those in the file. */
static vq_status check_layout(vq_safetensors *file, uint64_t start, uint64_t data) {
    qsort(file->tensors, file->count, sizeof *file->tensors, by_offset);
    uint64_t end = 0;
    for (size_t i = 0; i < file->count; i++) {
        vq_tensor_info *tensor = &file->tensors[i];
        if (tensor->offset < end)
            return bad_tensor(file, tensor->name, "overlaps another");
        if (tensor->offset > end)
            return bad_tensor(file, tensor->name, "leaves a gap before its data");
        if (tensor->bytes > data - end)
            return bad_tensor(file, tensor->name, "reaches beyond the end of the file: is the file truncated?");
        end += tensor->bytes;
        tensor->offset += start;
    }
    if (end != data)
        return vq_fail(VQDNA_ERR_INPUT, "%s is damaged: %" PRIu64 " bytes follow its last tensor", file->path, data - end);
    return VQDNA_OK;
}

static vq_status parse_header(vq_safetensors *file) {
    json_t *entry, *value;
    const char *name, *key;
    VQ_TRY(vq_alloc(&file->tensors, json_object_size(file->header), sizeof *file->tensors));
    json_object_foreach(file->header, name, entry) {
        if (strcmp(name, "__metadata__") != 0) {
            VQ_TRY(parse_tensor(file, &file->tensors[file->count], name, entry));
            file->count++;
            continue;
        }
        if (!json_is_object(entry))
            return vq_fail(VQDNA_ERR_INPUT, "%s is damaged: its __metadata__ is not an object", file->path);
        json_object_foreach(entry, key, value) if (!json_is_string(value)) return vq_fail(
            VQDNA_ERR_INPUT, "%s is damaged: its __metadata__ \"%.80s\" is not a string", file->path, key);
    }
    return VQDNA_OK;
}

/* A file whose first number is no header's size: what is it? */
static vq_status not_safetensors(const vq_safetensors *file, uint64_t size, uint64_t length) {
    char head[512];
    size_t bytes = size < sizeof head ? (size_t)size : sizeof head;
    VQ_TRY(read_at(file, 0, head, bytes));
    const vq_filetype *type = vq_filetype_of(head, bytes);
    if (type && (bytes < 9 || head[8] != '{'))
        return vq_fail(VQDNA_ERR_INPUT, "%s is no safetensors file, but %s%s%s", file->path, type->is, type->way ? ": " : "",
                       type->way ? type->way : "");
    if (bytes < sizeof length)
        return vq_fail(VQDNA_ERR_INPUT, "%s is not a safetensors file: it has only %" PRIu64 " bytes", file->path, size);
    return vq_fail(VQDNA_ERR_INPUT,
                   "%s is no safetensors file, or damaged: it claims a header of %" PRIu64 " bytes in a file of %" PRIu64,
                   file->path, length, size);
}

vq_status vq_safetensors_open(vq_safetensors **out, const char *path) {
    vq_safetensors *file;
    VQ_TRY(vq_alloc(&file, 1, sizeof *file));
    file->fd = -1;
    file->path = strdup(path);
    char *text = NULL;
    vq_status status = VQDNA_OK;
    VQ_TRY_OR(done, vq_input_open(&file->fd, path, false));
    struct stat st;
    if (fstat(file->fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        status = vq_fail(VQDNA_ERR_INPUT, "%s is not a regular file", path);
        goto done;
    }
    uint64_t size = (uint64_t)st.st_size, length = UINT64_MAX;
    if (size >= sizeof length)
        VQ_TRY_OR(done, read_at(file, 0, &length, sizeof length));
    if (size < sizeof length || length > size - sizeof length || length > HEADER_LIMIT) {
        status = not_safetensors(file, size, length);
        goto done;
    }
    VQ_TRY_OR(done, vq_alloc(&text, length, 1));
    VQ_TRY_OR(done, read_at(file, sizeof length, text, length));
    VQ_TRY_OR(done, vq_json_parse(&file->header, text, length, path));
    VQ_TRY_OR(done, parse_header(file));
    VQ_TRY_OR(done, check_layout(file, sizeof length + length, size - sizeof length - length));
done:
    free(text);
    if (status < 0)
        vq_safetensors_close(file);
    else
        *out = file;
    return status;
}

void vq_safetensors_close(vq_safetensors *file) {
    if (!file)
        return;
    if (file->fd >= 0)
        close(file->fd);
    json_decref(file->header);
    free(file->tensors);
    free(file->path);
    free(file);
}

size_t vq_safetensors_count(const vq_safetensors *file) {
    return file->count;
}

const vq_tensor_info *vq_safetensors_at(const vq_safetensors *file, size_t index) {
    return index < file->count ? &file->tensors[index] : NULL;
}

static const vq_tensor_info *look_up(const vq_safetensors *file, const char *name) {
    for (size_t i = 0; i < file->count; i++)
        if (strcmp(file->tensors[i].name, name) == 0)
            return &file->tensors[i];
    return NULL;
}

bool vq_safetensors_has(const vq_safetensors *file, const char *name) {
    return look_up(file, name) != NULL;
}

static const char *shape_text(char out[128], int rank, const uint64_t *shape) {
    int n = snprintf(out, 128, "[");
    for (int i = 0; i < rank && n < 120; i++)
        n += snprintf(out + n, (size_t)(128 - n), "%s%" PRIu64, i ? ", " : "", shape[i]);
    if (n < 127)
        snprintf(out + n, (size_t)(128 - n), "]");
    return out;
}

vq_status vq_safetensors_find(const vq_tensor_info **out, const vq_safetensors *file, const char *name, const char *dtype, int rank,
                              const uint64_t *shape) {
    const vq_tensor_info *tensor = look_up(file, name);
    if (!tensor)
        return vq_fail(VQDNA_ERR_INPUT, "%s: tensor %s is missing", file->path, name);
    if (strcmp(tensor->dtype, dtype) != 0)
        return vq_fail(VQDNA_ERR_INPUT, "%s: tensor %s is of type %s, expected %s", file->path, name, tensor->dtype, dtype);
    if (tensor->rank != rank || (rank && memcmp(tensor->shape, shape, (size_t)rank * sizeof *shape) != 0)) {
        char found[128], expected[128];
        return vq_fail(VQDNA_ERR_INPUT, "%s: tensor %s has shape %s, expected %s", file->path, name,
                       shape_text(found, tensor->rank, tensor->shape), shape_text(expected, rank, shape));
    }
    *out = tensor;
    return VQDNA_OK;
}

static bool all_finite(const char *dtype, const void *data, size_t bytes) {
    bool finite = true;
    if (strcmp(dtype, "F32") == 0)
        for (size_t i = 0; i < bytes / sizeof(float); i++)
            finite &= isfinite(((const float *)data)[i]) != 0;
    else if (strcmp(dtype, "F64") == 0)
        for (size_t i = 0; i < bytes / sizeof(double); i++)
            finite &= isfinite(((const double *)data)[i]) != 0;
    return finite;
}

vq_status vq_safetensors_read(const vq_safetensors *file, const vq_tensor_info *tensor, uint64_t offset, void *out, size_t bytes) {
    if (offset > tensor->bytes || bytes > tensor->bytes - offset)
        return vq_fail(VQDNA_ERR_INPUT, "%s: tensor %s has only %" PRIu64 " bytes", file->path, tensor->name, tensor->bytes);
    VQ_TRY(read_at(file, tensor->offset + offset, out, bytes));
    if (!all_finite(tensor->dtype, out, bytes))
        return vq_fail(VQDNA_ERR_INPUT, "%s: tensor %s holds a value that is not finite (NaN or infinity)", file->path,
                       tensor->name);
    return VQDNA_OK;
}

vq_status vq_safetensors_load(const vq_safetensors *file, const char *name, const char *dtype, int rank, const uint64_t *shape,
                              void *out) {
    const vq_tensor_info *tensor;
    VQ_TRY(vq_safetensors_find(&tensor, file, name, dtype, rank, shape));
    return vq_safetensors_read(file, tensor, 0, out, tensor->bytes);
}

const char *vq_safetensors_metadata(const vq_safetensors *file, const char *key) {
    return json_string_value(json_object_get(json_object_get(file->header, "__metadata__"), key));
}
