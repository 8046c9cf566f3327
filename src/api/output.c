#include "api/handles.h"

#include "base/file.h"
#include "base/lock.h"
#include "base/temporary.h"

#include <stdlib.h>

struct vqdna_output {
    vq_outfile file;
};

vqdna_status vqdna_output_open(vqdna_output **out, const char *path) {
    VQ_REQUIRE(out);
    VQ_REQUIRE(path);
    vqdna_output *o;
    VQ_TRY(vq_alloc(&o, 1, sizeof *o));
    vq_status status = vq_outfile_open(&o->file, path);
    if (status < 0)
        free(o);
    else
        *out = o;
    return status;
}

int vqdna_output_fd(const vqdna_output *output) {
    return fileno(output->file.file);
}

vqdna_status vqdna_outputs_commit(vqdna_output *const *outputs, size_t count) {
    VQ_REQUIRE(outputs);
    vq_status status = VQDNA_OK;
    for (size_t i = 0; i < count && status >= 0; i++)
        status = vq_outfile_finish(&outputs[i]->file);
    for (size_t i = 0; i < count && status >= 0; i++)
        status = vq_outfile_publish(&outputs[i]->file);
    for (size_t i = 0; i < count; i++)
        vqdna_output_discard(outputs[i]);
    return status;
}

void vqdna_output_discard(vqdna_output *output) {
    if (output)
        vq_outfile_discard(&output->file);
    free(output);
}

void vqdna_outputs_discard(void) {
    vq_temporaries_remove();
}

const char *const *vqdna_model_files(void) {
    static const char *const names[] = {"config.json",  "model.safetensors",   "adapter.safetensors",
                                        "trainer.json", "trainer.safetensors", "log.ndjson",
                                        "metrics.json", "training.svg",        NULL};
    return names;
}

vqdna_status vqdna_folder_lock(vqdna_lock **out, const char *path) {
    VQ_REQUIRE(out);
    VQ_REQUIRE(path);
    vq_lock *lock;
    VQ_TRY(vq_folder_lock(&lock, path, false));
    for (const char *const *name = vqdna_model_files(); *name; name++) {
        char *file;
        if (vq_path_join(&file, path, *name) >= 0) {
            vq_outfile_sweep(file);
            free(file);
        }
    }
    *out = (vqdna_lock *)lock;
    return VQDNA_OK;
}

void vqdna_folder_unlock(vqdna_lock *lock) {
    vq_folder_unlock((vq_lock *)lock);
}
