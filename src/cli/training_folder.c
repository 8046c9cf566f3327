#include "cli/training_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
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
    char *probe = vq_join("%s/.vqdna.%ld.tmp", folder, (long)getpid());
    int file = open(probe, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    bool written = file >= 0 && write(file, "\n", 1) == 1;
    int error = errno;
    if (file >= 0)
        close(file);
    unlink(probe);
    free(probe);
    return written ? VQ_GO_ON : vq_cli_fail(cli, VQ_EXIT_INPUT, "cannot write to the folder %s: %s", folder, strerror(error));
}

/* Removes temporary files, NAME.PID-NUMBER.tmp, of a process that was killed while it wrote a checkpoint. */
static void sweep(const char *folder) {
    static const char *const names[] = {"trainer.safetensors.", "trainer.json.", "model.safetensors.", "config.json."};
    DIR *all = opendir(folder);
    if (!all)
        return;
    for (struct dirent *entry; (entry = readdir(all));)
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            size_t length = strlen(names[i]);
            long pid;
            unsigned serial;
            int end = 0;
            if (strncmp(entry->d_name, names[i], length) != 0)
                continue;
            const char *rest = entry->d_name + length;
            if (sscanf(rest, "%ld-%u.tmp%n", &pid, &serial, &end) != 2 || !end || rest[end])
                continue;
            if (kill((pid_t)pid, 0) != 0 && errno == ESRCH)
                drop(folder, entry->d_name);
        }
    closedir(all);
}

int vq_training_folder(vq_cli *cli, const char *path, bool *resume, bool force, bool *made) {
    struct stat found;
    *made = mkdir(path, 0777) == 0;
    if (!*made && errno != EEXIST)
        return vq_cli_fail(cli, VQ_EXIT_INPUT, "cannot make the folder %s: %s", path, strerror(errno));
    if (stat(path, &found) != 0 || !S_ISDIR(found.st_mode))
        return vq_cli_fail(cli, VQ_EXIT_INPUT, "%s is not a folder; a model needs one", path);
    int code = try_writing(cli, path);
    if (code != VQ_GO_ON)
        return code;
    sweep(path);
    if (*resume && !holds(path, "trainer.safetensors")) {
        if (holds(path, "model.safetensors"))
            return vq_cli_fail(cli, VQ_EXIT_INPUT, "%s holds a model but no checkpoint (trainer.safetensors) to resume", path);
        vq_cli_note(cli, "%s holds no checkpoint yet: starting from the beginning", path);
        *resume = false;
    } else if (!*resume && !force &&
               (holds(path, "config.json") || holds(path, "model.safetensors") || holds(path, "trainer.safetensors"))) {
        return vq_cli_fail(cli, VQ_EXIT_USAGE, "%s already holds a model; --resume goes on with it, --force replaces it", path);
    }
    return VQ_GO_ON;
}

void vq_training_folder_clear(const char *path) {
    static const char *const names[] = {"trainer.safetensors", "trainer.json", "metrics.json", "training.svg"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        drop(path, names[i]);
}

int vq_training_readable(vq_cli *cli, const char *path) {
    if (!strcmp(path, "-"))
        return VQ_GO_ON;
    struct stat found;
    if (stat(path, &found) != 0 || access(path, R_OK) != 0)
        return vq_cli_fail(cli, VQ_EXIT_INPUT, "cannot open %s: %s", path, strerror(errno));
    return VQ_GO_ON;
}
