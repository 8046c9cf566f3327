#include "device/host.h"

#include "base/file.h"

#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { LEAST_ROOM = 32 << 20 }; /* bytes of disk: a first run compiles some megabytes */

/* ---- PoCL's cache ------------------------------------------------------------------------------------------------------------ */

static char note[640];

/* Whether an ELF file goes on to its section headers, which stand at the end, and LLVM's bitcode to the end of its last block. Files
 * of other kinds are none of ours. */
static bool is_whole(const char *path, uint64_t size) {
    unsigned char head[64] = {0};
    uint32_t word[2];
    uint64_t sections;
    uint16_t each, count;
    bool whole = true;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : pread(fd, head, sizeof head, 0);
    if (n >= 4 && !memcmp(head, "\177ELF", 4)) {
        memcpy(&sections, head + 40, sizeof sections);
        memcpy(&each, head + 58, sizeof each);
        memcpy(&count, head + 60, sizeof count);
        whole = n == sizeof head && size >= sections + (uint64_t)each * count;
    } else if (n >= 4 && !memcmp(head, "BC\xC0\xDE", 4)) {
        uint64_t at = 4;
        while (at + sizeof word <= size && pread(fd, word, sizeof word, (off_t)at) == sizeof word && (word[0] & 3) == 1)
            at += sizeof word + 4 * (uint64_t)word[1];
        whole = at == size || (at < size && at + sizeof word <= size); /* the second: a block of a kind not known */
    }
    if (fd >= 0)
        close(fd);
    return whole;
}

static int drop_if_cut(const char *path, const struct stat *st, int type, struct FTW *walk) {
    const char *suffix = strrchr(path, '.');
    (void)walk;
    if (type != FTW_F || !suffix || (strcmp(suffix, ".so") && strcmp(suffix, ".bc")))
        return 0;
    if ((st->st_size == 0 || !is_whole(path, (uint64_t)st->st_size)) && unlink(path) == 0)
        snprintf(note, sizeof note, "entries of PoCL's cache that were cut short have been removed, such as %s", path);
    return 0;
}

/* Removes what was cut short, unless another process of ours may be writing it: each holds the folder, shared, to its end. */
static void clean(const char *folder) {
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* never closed: the hold ends with the process */
    if (fd < 0)
        return;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        nftw(folder, drop_if_cut, 16, FTW_PHYS);
    flock(fd, LOCK_SH);
}

/* The folder PoCL will use, in *out (free it); NULL if it makes one up. */
static void pocl_folder(char **out) {
    const char *named = getenv("POCL_CACHE_DIR"), *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    *out = NULL;
    if (named && *named)
        *out = strdup(named);
    else if (cache && *cache)
        (void)vq_path_join(out, cache, "pocl/kcache");
    else if (home && *home)
        (void)vq_path_join(out, home, ".cache/pocl/kcache");
}

static bool has_room(const char *folder) {
    struct statvfs disk;
    return statvfs(folder, &disk) != 0 || (uint64_t)disk.f_bavail * disk.f_frsize >= LEAST_ROOM;
}

/* A folder of the user's own, the same for every run. */
static bool private_folder(char *out, size_t size) {
    const char *temporary = getenv("TMPDIR");
    struct stat st;
    snprintf(out, size, "%s/vqdna-pocl-%u", temporary && *temporary ? temporary : "/tmp", (unsigned)geteuid());
    (void)mkdir(out, 0700);
    return lstat(out, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & 077) && access(out, W_OK) == 0 &&
           has_room(out);
}

static void prepare(void) {
    char *folder, other[300];
    pocl_folder(&folder);
    const char *named = getenv("POCL_CACHE_DIR"), *trouble = NULL;
    if (!folder)
        trouble = "has no folder, as HOME is not set";
    else if (vq_mkdir(folder) < 0 || access(folder, W_OK | X_OK) != 0)
        trouble = "cannot be written";
    else if (!has_room(folder))
        trouble = "is on a disk that is full";
    else
        clean(folder);
    if (trouble) {
        bool found = private_folder(other, sizeof other);
        if (found)
            setenv("POCL_CACHE_DIR", other, 1);
        snprintf(note, sizeof note, "PoCL's cache %s%s%s%s%s %s", folder ? folder : "", folder ? " " : "",
                 named && *named ? "(POCL_CACHE_DIR) " : "", trouble, found ? ":" : "and neither can", found ? "" : other);
        if (found)
            snprintf(note + strlen(note), sizeof note - strlen(note), "%s stands in; POCL_CACHE_DIR names another", other);
        else
            snprintf(note + strlen(note), sizeof note - strlen(note), ": let POCL_CACHE_DIR name a folder that can");
    }
    free(folder);
}

void vq_host_prepare(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, prepare);
}

const char *vq_host_note(void) {
    return note;
}

/* ---- Memory ------------------------------------------------------------------------------------------------------------------ */

static uint64_t read_limit(const char *root, const char *group, bool second) {
    char *path;
    unsigned long long limit;
    if (asprintf(&path, "%s/sys/fs/cgroup%s%s/%s", root, second ? "" : "/memory", group,
                 second ? "memory.max" : "memory.limit_in_bytes") < 0)
        return UINT64_MAX;
    FILE *f = fopen(path, "re");
    free(path);
    bool found = f && fscanf(f, "%llu", &limit) == 1; /* "max" is no number */
    if (f)
        fclose(f);
    return found ? limit : UINT64_MAX;
}

static uint64_t least(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

uint64_t vq_host_memory(const char *root) {
    struct rlimit space;
    uint64_t limit = UINT64_MAX;
    if (getrlimit(RLIMIT_AS, &space) == 0 && space.rlim_cur != RLIM_INFINITY)
        limit = space.rlim_cur;
    char line[4096];
    snprintf(line, sizeof line, "%s/proc/self/cgroup", root);
    FILE *f = fopen(line, "re");
    while (f && fgets(line, sizeof line, f)) { /* 0::/a/b, or 5:memory:/a/b; a container sees itself as / */
        line[strcspn(line, "\n")] = '\0';
        char *kind = strchr(line, ':'), *group = kind ? strchr(kind + 1, ':') : NULL;
        if (!group)
            continue;
        *group++ = '\0';
        const bool second = !kind[1];
        if (!second && !strstr(kind, "memory"))
            continue;
        for (;;) { /* each group holds those in it */
            limit = least(limit, read_limit(root, group, second));
            char *last = strrchr(group, '/');
            if (!last || !last[1])
                break;
            last[last == group] = '\0';
        }
    }
    if (f)
        fclose(f);
    return limit;
}
