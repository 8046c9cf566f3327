/* For tests that need files: a folder of their own, removed at exit, and what the library logged. */
#ifndef VQ_TESTS_SCRATCH_H
#define VQ_TESTS_SCRATCH_H

#include "base/log.h"
#include "base/status.h"

#include <check.h>
#include <ftw.h>
#include <locale.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char scratch_folder[256];
static char scratch_log[4096]; /* every message since it was last emptied */

static int scratch_remove(const char *path, const struct stat *st, int type, struct FTW *walk) {
    (void)st, (void)type, (void)walk;
    return remove(path);
}

static void scratch_end(void) {
    nftw(scratch_folder, scratch_remove, 16, FTW_DEPTH | FTW_PHYS);
}

static void scratch_hear(void *user, vqdna_message_level level, const char *text) {
    (void)user, (void)level;
    size_t used = strlen(scratch_log);
    snprintf(scratch_log + used, sizeof scratch_log - used, "%s\n", text);
}

static inline void scratch_begin(void) {
    const char *folder = getenv("TMPDIR");
    snprintf(scratch_folder, sizeof scratch_folder, "%s/vqdna-test-XXXXXX", folder && *folder ? folder : "/tmp");
    if (!mkdtemp(scratch_folder)) {
        perror(scratch_folder);
        exit(2);
    }
    atexit(scratch_end);
    vq_log_handler(scratch_hear, NULL);
}

/* Path of a file in the folder; each of the last eight results stays valid. */
static inline char *scratch_path(const char *name) {
    static char ring[8][512];
    static int next;
    char *path = ring[next++ % 8];
    snprintf(path, sizeof *ring, "%s/%s", scratch_folder, name);
    return path;
}

/* Writes a file and returns its path. */
static inline char *scratch_write(const char *name, const void *data, size_t bytes) {
    char *path = scratch_path(name);
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(data, 1, bytes, file), bytes);
    ck_assert_int_eq(fclose(file), 0);
    return path;
}

static inline char *scratch_text(const char *name, const char *text) {
    return scratch_write(name, text, strlen(text));
}

/* Entries of the folder, without "." and "..". */
static int scratch_entries;
static int scratch_count(const char *path, const struct stat *st, int type, struct FTW *walk) {
    (void)path, (void)st, (void)type;
    scratch_entries += walk->level == 1;
    return 0;
}
static inline int scratch_files(void) {
    scratch_entries = 0;
    nftw(scratch_folder, scratch_count, 16, FTW_PHYS);
    return scratch_entries;
}

/* The expression must fail with this status and a sentence that contains each given text (end with NULL). */
static inline void scratch_sentence(vq_status status, vq_status expected, ...) {
    ck_assert_msg(status == expected, "status %d, expected %d, sentence: %s", (int)status, (int)expected, vq_error());
    ck_assert_msg(!strchr(vq_error(), '\n') && *vq_error(), "not one sentence: %s", vq_error());
    va_list parts;
    va_start(parts, expected);
    for (const char *part; (part = va_arg(parts, const char *));)
        ck_assert_msg(strstr(vq_error(), part) != NULL, "'%s' lacks '%s'", vq_error(), part);
    va_end(parts);
}
#define ck_fails(expr, expected, ...) scratch_sentence((expr), (expected), __VA_ARGS__, (const char *)NULL)
#define ck_ok(expr)                                                                                                                \
    do {                                                                                                                           \
        vq_status ck_status_ = (expr);                                                                                             \
        ck_assert_msg(ck_status_ == VQDNA_OK, "status %d: %s", (int)ck_status_, ck_status_ ? vq_error() : "");                     \
    } while (0)

/* Puts the process into a locale that writes numbers with another mark than a point, made here; false, said, where none can be made.
 * Give it back with setlocale(LC_ALL, "C"). */
static inline bool scratch_locale(const char *name) {
    char command[1024], full[64];
    snprintf(full, sizeof full, "%s.UTF-8", name);
    snprintf(command, sizeof command, "localedef -i %s -f UTF-8 %s/%s >/dev/null 2>&1", name, scratch_folder, full);
    setenv("LOCPATH", scratch_folder, 1);
    if (system(command) == 0 && setlocale(LC_ALL, full) && *localeconv()->decimal_point != '.')
        return true;
    printf("SKIPPED: the locale %s cannot be made here (package locales)\n", full);
    return false;
}

/* Runs a suite in this process; the exit status of main. */
static inline int scratch_run(Suite *suite) {
    scratch_begin();
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}

#endif
