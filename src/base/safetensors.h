/* The safetensors format: 8 bytes of header length, a JSON header {name: {dtype, shape, data_offsets}, "__metadata__": {...}}, then
 * the tensors without gaps (https://huggingface.co/docs/safetensors). */
#ifndef VQ_BASE_SAFETENSORS_H
#define VQ_BASE_SAFETENSORS_H

#include "base/file.h"

#include <jansson.h>
#include <stdint.h>

enum { VQ_TENSOR_MAX_RANK = 8 };

/* ---- Writing ---- */

/* Copies `bytes` bytes of a tensor, from its byte `offset` on, into `out`. Called with rising offsets, at most 4 MiB at a time. */
typedef vq_status (*vq_tensor_fill)(void *user, uint64_t offset, void *out, size_t bytes);

typedef struct vq_tensor_entry {
    const char *name;
    const char *dtype; /* "F32", "I32", "I64", "U16", ... */
    int rank;          /* 0 is a scalar */
    uint64_t shape[VQ_TENSOR_MAX_RANK];
    const void *data; /* the whole tensor, or NULL: fill gives it */
    vq_tensor_fill fill;
    void *user; /* for fill */
} vq_tensor_entry;

/* Writes the whole format to an open output, which the caller commits or discards. `metadata`: an object of strings, borrowed, or
 * NULL. In the file wide types come first, each group in the given order, so that every tensor is aligned to its type. */
vq_status vq_safetensors_write(vq_outfile *out, const vq_tensor_entry *tensors, size_t count, const json_t *metadata);

/* ---- Reading ---- */

typedef struct vq_tensor_info {
    const char *name, *dtype;
    int rank;
    uint64_t shape[VQ_TENSOR_MAX_RANK];
    uint64_t offset, bytes; /* offset: in the file */
} vq_tensor_info;

typedef struct vq_safetensors vq_safetensors;

/* Opens a file and checks its header whole before anything of it is used: lengths, types, shapes, and that the tensors fill the
 * file without overlap or gap. VQDNA_ERR_INPUT names file and tensor. */
vq_status vq_safetensors_open(vq_safetensors **out, const char *path);
void vq_safetensors_close(vq_safetensors *file);

/* Tensors in the order of their data; borrowed. */
size_t vq_safetensors_count(const vq_safetensors *file);
const vq_tensor_info *vq_safetensors_at(const vq_safetensors *file, size_t index);

/* By name; the second fails unless dtype and shape are as expected. */
bool vq_safetensors_has(const vq_safetensors *file, const char *name);
vq_status vq_safetensors_find(const vq_tensor_info **out, const vq_safetensors *file, const char *name, const char *dtype, int rank,
                              const uint64_t *shape);

/* Reads bytes [offset, offset + bytes) of a tensor. An F32 or F64 value that is not finite fails, so offset and bytes must be
 * multiples of the element. */
vq_status vq_safetensors_read(const vq_safetensors *file, const vq_tensor_info *tensor, uint64_t offset, void *out, size_t bytes);

/* find, then read whole. */
vq_status vq_safetensors_load(const vq_safetensors *file, const char *name, const char *dtype, int rank, const uint64_t *shape,
                              void *out);

/* A string of "__metadata__", borrowed; NULL if there is none. */
const char *vq_safetensors_metadata(const vq_safetensors *file, const char *key);

#endif
