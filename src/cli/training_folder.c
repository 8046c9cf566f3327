#include "cli/training_folder.h"
#include "cli/cli_output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool holds(const char *folder, const char *name) {
    char *path = vq_join("%s/%s", folder, name);
    bool found = access(path, F_OK) == 0;
    free(path);
    return found;
}

static void drop(const char *folder, const char *name) {
    char *path = vq_join("%s/%s", folder, name);
    unlink(path);
    free(path);
}

static int try_writing(vq_cli *cli, const char *folder) {
    char *path = vq_join("%s/.vqdna", folder);
    vqdna_output *probe;
    vqdna_status status = vqdna_output_open(&probe, path);
    free(path);
    if (status < 0)
        return vq_cli_failed(cli, status);
    bool written = write(vqdna_output_fd(probe), "\n", 1) == 1;
    int error = errno;
    vqdna_output_discard(probe);
    return written ? VQ_GO_ON : vq_cli_fail(cli, VQ_EXIT_INPUT, "cannot write to the folder %s: %s", folder, strerror(error));
}

/* No file of the training may be an input of it, nor replace what no training wrote. */
static int check_files(vq_cli *cli, const char *folder) {
    int code = VQ_GO_ON;
    for (const char *const *name = vqdna_model_files(); *name && code == VQ_GO_ON; name++) {
        vq_kind kind = !strcmp(*name, "log.ndjson")     ? VQ_KIND_LOG
                       : !strcmp(*name, "metrics.json") ? VQ_KIND_METRICS
                       : !strcmp(*name, "training.svg") ? VQ_KIND_SVG
                                                        : VQ_KIND_ANY;
        char *path = vq_join("%s/%s", folder, *name);
        code = vq_output_check(cli, path, kind);
        free(path);
    }
    return code;
}

int vq_training_folder(vq_cli *cli, const char *path, bool of_several, bool *resume, vqdna_lock **lock, bool *made) {
    struct stat found;
    *made = mkdir(path, 0777) == 0;
    if (!*made && errno != EEXIST)
        return vq_cli_fail(cli, VQ_EXIT_INPUT, "cannot make the folder %s: %s", path, strerror(errno));
    if (stat(path, &found) != 0 || !S_ISDIR(found.st_mode))
        return vq_cli_fail(cli, VQ_EXIT_INPUT, "%s is not a folder; a model needs one", path);
    vqdna_status status = vqdna_folder_lock(lock, path);
    if (status < 0) {
        *made = false; /* it is another's now */
        return vq_cli_failed(cli, status);
    }
    int code = check_files(cli, path);
    if (code == VQ_GO_ON)
        code = try_writing(cli, path);
    if (code != VQ_GO_ON)
        return code;
    if (*resume && of_several)
        return VQ_GO_ON;
    if (*resume && !holds(path, "trainer.safetensors")) {
        if (holds(path, "model.safetensors"))
            return vq_cli_fail(cli, VQ_EXIT_INPUT, "%s holds a model but no checkpoint (trainer.safetensors) to resume", path);
        vq_cli_note(cli, "%s holds no checkpoint yet: starting from the beginning", path);
        *resume = false;
    } else if (!*resume && !cli->force &&
               (holds(path, "config.json") || holds(path, "model.safetensors") || holds(path, "trainer.safetensors"))) {
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "%s already holds a model; --resume goes on with it, --force replaces it", path);
    }
    return VQ_GO_ON;
}

void vq_training_folder_clear(const char *path) {
    static const char *const names[] = {"trainer.safetensors", "trainer.json", "metrics.json", "training.svg",
                                        "adapter.safetensors"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        drop(path, names[i]);
}

int vq_training_readable(vq_cli *cli, const char *path) {
    vq_output_protect(cli, path);
    if (!strcmp(path, "-"))
        return VQ_GO_ON;
    struct stat found;
    if (stat(path, &found) != 0 || access(path, R_OK) != 0)
        return vq_cli_fail(cli, VQ_EXIT_INPUT, "cannot open %s: %s", path, strerror(errno));
    return VQ_GO_ON;
}
