#include "api/handles.h"

#include "base/filetype.h"
#include "seq/dataset.h"

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
    VQ_REQUIRE(paths);
    for (size_t i = 0; i < count; i++)
        VQ_REQUIRE(paths[i]);
    return vq_dataset_add_files(dataset, paths, count, input);
}

vqdna_dataset_info vqdna_dataset_describe(const vqdna_dataset *dataset) {
    return vq_dataset_describe(dataset);
}

bool vqdna_explain_file(char *out, size_t room, const char *path, const void *head, size_t bytes) {
    return out && path && head && vq_filetype_explain(out, room, path, head, bytes);
}
