#include "base/cache.h"

#include "base/file.h"
#include "base/log.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

bool vq_cache_trusts(const char *path) {
    static atomic_bool warned;
    struct stat st;
    if (stat(path, &st) != 0)
        return errno == ENOENT;
    bool others = st.st_uid != geteuid() && st.st_uid != 0;
    if (!others && !(st.st_mode & (S_IWGRP | S_IWOTH)))
        return true;
    if (!atomic_exchange(&warned, true))
        vq_log(VQDNA_WARNING, "%s is not used: %s", path,
               others ? "it belongs to another user (XDG_CACHE_HOME names another folder)"
                      : "others may write to it (chmod go-w takes that away)");
    return false;
}

bool vq_cache_dir(char **out) {
    *out = NULL;
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char *folder = NULL;
    if (cache && *cache == '/') /* the XDG rule: a relative path is ignored */
        (void)vq_path_join(&folder, "", cache);
    else if (home && *home)
        (void)vq_path_join(&folder, home, ".cache");
    bool good = folder && vq_mkdir(folder) == VQDNA_OK && vq_path_join(out, folder, "vqdna") == VQDNA_OK &&
                (mkdir(*out, 0700) == 0 || errno == EEXIST) && access(*out, W_OK | X_OK) == 0 && vq_cache_trusts(*out);
    free(folder);
    if (!good) {
        free(*out);
        *out = NULL;
    }
    return good;
}

bool vq_cache_read(char **out, size_t *bytes, const char *path, size_t limit) {
    return access(path, R_OK) == 0 && vq_cache_trusts(path) && vq_read_file(out, bytes, path, limit) == VQDNA_OK;
}

vq_status vq_cache_open(vq_outfile *out, const char *path) {
    struct stat st;
    VQ_TRY(vq_outfile_open(out, path));
    int fd = fileno(out->file);
    if (out->final && fstat(fd, &st) == 0)
        (void)!fchmod(fd, st.st_mode & ~(mode_t)(S_IWGRP | S_IWOTH));
    return VQDNA_OK;
}

void vq_cache_write(const char *path, const void *data, size_t bytes) {
    vq_outfile file;
    if (vq_cache_open(&file, path) >= 0 && vq_outfile_write(&file, data, bytes) >= 0)
        (void)vq_outfile_commit(&file);
    vq_outfile_discard(&file);
}
