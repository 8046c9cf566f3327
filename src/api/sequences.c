#include "api/handles.h"

#include "base/filetype.h"
#include "seq/dataset.h"
#include "seq/source.h"

vqdna_status vqdna_dataset_create(vqdna_dataset **out) {
    VQ_REQUIRE(out);
    return vq_dataset_create(out);
}

void vqdna_dataset_destroy(vqdna_dataset *dataset) {
    vq_dataset_destroy(dataset);
}

vqdna_status vqdna_dataset_add(vqdna_dataset *dataset, const char *path) {
    VQ_REQUIRE(dataset);
    VQ_REQUIRE(path);
    return vq_dataset_add(dataset, path);
}

vqdna_status vqdna_dataset_add_files(vqdna_dataset *dataset, const char *const *paths, size_t count,
                                     const vqdna_input_options *input) {
    VQ_REQUIRE(dataset);
    VQ_REQUIRE_EACH(paths, count);
    return vq_dataset_add_files(dataset, paths, count, input);
}

vqdna_dataset_info vqdna_dataset_describe(const vqdna_dataset *dataset) {
    return vq_dataset_describe(dataset);
}

vqdna_status vqdna_measure(const char *const *paths, size_t count, const vqdna_stream_options *options, vqdna_stream_stats *stats) {
    VQ_REQUIRE_EACH(paths, count);
    VQ_REQUIRE(stats);
    vqdna_stream_options own = {0};
    vq_take_options(&own, sizeof own, options, sizeof own);
    vq_source *source;
    vq_piece piece;
    vq_status status;
    VQ_TRY(vq_source_open(&source, paths, count, own.input, own.read_bytes));
    while ((status = vq_source_next(source, &piece)) == VQDNA_OK && !(own.interrupted && own.interrupted(own.user))) {
    }
    *stats = vq_source_describe(source);
    vq_source_close(source);
    return status == VQDNA_END ? VQDNA_OK : status < 0 ? status : vq_fail(VQDNA_ERR_INTERRUPTED, "interrupted");
}

bool vqdna_explain_file(char *out, size_t room, const char *path, const void *head, size_t bytes) {
    return out && path && head && vq_filetype_explain(out, room, path, head, bytes);
}
