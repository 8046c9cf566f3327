/* For tests of the library from outside: a folder of their own and a context, statuses, and what runs a suite. */
#ifndef VQ_TESTS_API_OUTSIDE_H
#define VQ_TESTS_API_OUTSIDE_H

#include <vqdna.h>

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[256];
static vqdna_context *context;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk) {
    (void)st, (void)type, (void)walk;
    return remove(path);
}

static inline const char *in_folder(const char *name) {
    static char ring[8][400];
    static int next;
    char *path = ring[next++ % 8];
    snprintf(path, sizeof *ring, "%s/%s", folder, name);
    return path;
}

static inline void ok(vqdna_status status) {
    ck_assert_msg(status == VQDNA_OK, "status %d: %s", (int)status, vqdna_last_error());
}

static inline void fails(vqdna_status status, vqdna_status expected, const char *part) {
    ck_assert_msg(status == expected, "status %d, expected %d: %s", (int)status, (int)expected, vqdna_last_error());
    ck_assert_msg(strstr(vqdna_last_error(), part) != NULL, "'%s' lacks '%s'", vqdna_last_error(), part);
    ck_assert_ptr_null(strchr(vqdna_last_error(), '\n'));
}

static inline bool outside_begin(void) {
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/vqdna-test-XXXXXX", base && *base ? base : "/tmp");
    setenv("VQDNA_GEMM", "tile", 0); /* our own products hold bit for bit */
    if (mkdtemp(folder) && vqdna_context_create(&context, NULL) == VQDNA_OK)
        return true;
    fprintf(stderr, "%s\n", vqdna_last_error());
    return false;
}

/* The program's exit status. */
static inline int outside_run(Suite *suite) {
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    vqdna_context_destroy(context);
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return failed ? 1 : 0;
}

#endif
