#include "base/cache.h"
#include "base/file.h"
#include "base/lock.h"
#include "scratch.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void ck_content(const char *path, const char *expected) {
    char *text;
    size_t bytes;
    ck_ok(vq_read_file(&text, &bytes, path, 1 << 20));
    ck_assert_uint_eq(bytes, strlen(expected));
    ck_assert_str_eq(text, expected);
    free(text);
}

START_TEST(commit_and_discard) {
    char *path = scratch_path("out.txt");
    int before = scratch_files();
    vq_outfile out;
    ck_ok(vq_outfile_open(&out, path));
    ck_ok(vq_outfile_write(&out, "one", 3));
    ck_assert_int_ne(access(path, F_OK), 0); /* nothing there before commit */
    ck_assert_int_eq(scratch_files(), before + 1);
    ck_ok(vq_outfile_commit(&out));
    ck_content(path, "one");
    ck_assert_int_eq(scratch_files(), before + 1);
    mode_t mask = umask(0);
    umask(mask);
    struct stat st;
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0666 & ~mask);

    ck_ok(vq_outfile_open(&out, path));
    fprintf(out.file, "two");
    vq_outfile_discard(&out);
    ck_content(path, "one");
    ck_assert_int_eq(scratch_files(), before + 1);
    vq_outfile_discard(&out); /* twice is fine */

    ck_ok(vq_outfile_open(&out, path));
    fprintf(out.file, "three");
    ck_ok(vq_outfile_commit(&out));
    ck_content(path, "three");
}
END_TEST

START_TEST(a_set_of_files) {
    vq_outfile a, b;
    ck_ok(vq_outfile_open(&a, scratch_path("a")));
    ck_ok(vq_outfile_open(&b, scratch_path("b")));
    fprintf(a.file, "A");
    fprintf(b.file, "B");
    ck_ok(vq_outfile_finish(&a));
    ck_ok(vq_outfile_finish(&b));
    ck_assert_int_ne(access(scratch_path("a"), F_OK), 0);
    ck_ok(vq_outfile_publish(&a));
    ck_ok(vq_outfile_publish(&b));
    ck_content(scratch_path("a"), "A");
    ck_content(scratch_path("b"), "B");
}
END_TEST

START_TEST(links_and_devices) {
    char *real = scratch_text("real", "old"), *link = scratch_path("link");
    ck_assert_int_eq(symlink("real", link), 0);
    vq_outfile out;
    ck_ok(vq_outfile_open(&out, link));
    fprintf(out.file, "new");
    ck_ok(vq_outfile_commit(&out));
    ck_content(real, "new");
    struct stat st;
    ck_assert_int_eq(lstat(link, &st), 0);
    ck_assert(S_ISLNK(st.st_mode));

    ck_ok(vq_outfile_open(&out, "/dev/null"));
    fprintf(out.file, "gone");
    ck_ok(vq_outfile_commit(&out));
    ck_assert_int_eq(stat("/dev/null", &st), 0);
    ck_assert(S_ISCHR(st.st_mode));
}
END_TEST

START_TEST(link_to_nothing) {
    char *link = scratch_path("early");
    ck_assert_int_eq(mkdir(scratch_path("below"), 0700), 0);
    ck_assert_int_eq(symlink("below/late", link), 0);
    vq_outfile out;
    ck_ok(vq_outfile_open(&out, link));
    fprintf(out.file, "new");
    ck_ok(vq_outfile_commit(&out));
    ck_content(scratch_path("below/late"), "new");
    struct stat st;
    ck_assert_int_eq(lstat(link, &st), 0);
    ck_assert(S_ISLNK(st.st_mode));
    ck_assert_int_eq(symlink("round", scratch_path("round")), 0);
    ck_fails(vq_outfile_open(&out, scratch_path("round")), VQDNA_ERR_OUTPUT, "round", "symbolic links");
}
END_TEST

START_TEST(modes_and_long_names) {
    char name[256], *path;
    memset(name, 'n', 255);
    name[255] = 0;
    path = scratch_text(name, "old");
    ck_assert_int_eq(chmod(path, 0604), 0);
    vq_outfile out;
    ck_ok(vq_outfile_open(&out, path));
    fprintf(out.file, "new");
    ck_ok(vq_outfile_commit(&out));
    ck_content(path, "new");
    struct stat st;
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0604);
}
END_TEST

/* As one who may write a file but not the folder it is in, then neither. */
START_TEST(folder_that_takes_no_file) {
    char *folder = scratch_path("shut"), *path = scratch_path("shut/file"), *link = scratch_path("to-shut");
    ck_assert_int_eq(chmod(scratch_folder, 0711), 0);
    ck_assert_int_eq(mkdir(folder, 0755), 0);
    scratch_text("shut/file", "a longer text that was there before");
    ck_assert_int_eq(symlink("shut/file", link), 0);
    ck_assert_int_eq(chmod(path, 0666), 0);
    if (geteuid() == 0)
        ck_assert_int_eq(seteuid(65534), 0);
    else
        ck_assert_int_eq(chmod(folder, 0555), 0);
    vq_outfile out;
    vq_status discarded = vq_outfile_open(&out, link);
    vq_outfile_discard(&out);
    vq_status opened = vq_outfile_open(&out, link);
    if (opened == VQDNA_OK)
        fprintf(out.file, "short");
    vq_status written = opened == VQDNA_OK ? vq_outfile_commit(&out) : opened;
    vq_status refused = vq_outfile_open(&out, scratch_path("shut/other"));
    if (getuid() == 0)
        ck_assert_int_eq(seteuid(0), 0);
    ck_ok(discarded);
    ck_ok(written);
    ck_content(path, "short");
    ck_fails(refused, VQDNA_ERR_OUTPUT, "shut/other", "denied");

    ck_assert_int_eq(chmod(path, 0444), 0);
    if (getuid() == 0)
        ck_assert_int_eq(seteuid(65534), 0);
    refused = vq_outfile_open(&out, path);
    if (getuid() == 0)
        ck_assert_int_eq(seteuid(0), 0);
    ck_fails(refused, VQDNA_ERR_OUTPUT, "shut/file", "denied");
    chmod(folder, 0755);
}
END_TEST

START_TEST(locks) {
    char *folder = scratch_path("locked");
    vq_lock *first, *second;
    ck_fails(vq_folder_lock(&first, folder, false), VQDNA_ERR_OUTPUT, "locked", "No such file");
    ck_assert_int_eq(mkdir(folder, 0777), 0);
    ck_ok(vq_folder_lock(&first, folder, false));
    ck_fails(vq_folder_lock(&second, folder, false), VQDNA_ERR_OUTPUT, "locked", "another training");
    ck_ok(vq_folder_lock(&second, folder, true)); /* this process has it */
    ck_assert_ptr_null(second);
    vq_folder_unlock(second);
    for (int held = 1; held >= 0; held--) {
        pid_t child = fork();
        if (child == 0) /* exec, so that the child is another process altogether */
            execlp("flock", "flock", "-n", folder, "true", (char *)NULL), _exit(77);
        int status;
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert(WIFEXITED(status) && (WEXITSTATUS(status) == held || WEXITSTATUS(status) == 77));
        vq_folder_unlock(held ? first : NULL);
    }
    ck_ok(vq_folder_lock(&first, folder, true));
    ck_assert_ptr_nonnull(first);
    vq_folder_unlock(first);
}
END_TEST

START_TEST(full_disk) {
    vq_outfile out;
    ck_ok(vq_outfile_open(&out, "/dev/full"));
    fprintf(out.file, "x");
    ck_fails(vq_outfile_commit(&out), VQDNA_ERR_OUTPUT, "/dev/full", "No space left");

    /* A limit on the size of files stands for a full disk beside a good older file. */
    char *path = scratch_text("limited", "older");
    int before = scratch_files();
    struct rlimit old, small = {.rlim_cur = 8192};
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    small.rlim_max = old.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    ck_ok(vq_outfile_open(&out, path));
    char block[4096];
    memset(block, 'x', sizeof block);
    vq_status status = VQDNA_OK;
    for (int i = 0; i < 8 && status == VQDNA_OK; i++)
        status = vq_outfile_write(&out, block, sizeof block);
    if (status == VQDNA_OK)
        status = vq_outfile_commit(&out);
    else
        vq_outfile_discard(&out);
    setrlimit(RLIMIT_FSIZE, &old);
    ck_fails(status, VQDNA_ERR_OUTPUT, "limited", "too large");
    ck_content(path, "older");
    ck_assert_int_eq(scratch_files(), before);
}
END_TEST

START_TEST(cannot_open_output) {
    vq_outfile out;
    ck_fails(vq_outfile_open(&out, scratch_folder), VQDNA_ERR_OUTPUT, scratch_folder, "folder");
    ck_fails(vq_outfile_open(&out, scratch_path("no/such/file")), VQDNA_ERR_OUTPUT, "no/such/file", "No such file");
    ck_fails(vq_outfile_open(&out, ""), VQDNA_ERR_OUTPUT, "cannot be written");
    if (geteuid() == 0)
        return; /* root writes anywhere */
    char *closed = scratch_path("closed");
    ck_assert_int_eq(mkdir(closed, 0500), 0);
    ck_fails(vq_outfile_open(&out, scratch_path("closed/file")), VQDNA_ERR_OUTPUT, "closed/file", "denied");
}
END_TEST

START_TEST(folders) {
    char *deep = scratch_path("x/y//z/");
    ck_ok(vq_mkdir(deep));
    ck_ok(vq_mkdir(deep));
    struct stat st;
    ck_assert_int_eq(stat(deep, &st), 0);
    ck_assert(S_ISDIR(st.st_mode));
    scratch_text("plain", "x");
    ck_fails(vq_mkdir(scratch_path("plain/below")), VQDNA_ERR_OUTPUT, "plain");
    ck_fails(vq_mkdir(scratch_path("plain")), VQDNA_ERR_OUTPUT, "plain", "is a file");
    ck_fails(vq_mkdir(""), VQDNA_ERR_OUTPUT, "empty name");
    ck_ok(vq_mkdir("/"));
}
END_TEST

START_TEST(inputs) {
    char *text;
    int fd;
    ck_fails(vq_read_file(&text, NULL, scratch_path("missing"), 10), VQDNA_ERR_INPUT, "missing", "does not exist");
    ck_fails(vq_read_file(&text, NULL, scratch_folder, 10), VQDNA_ERR_INPUT, scratch_folder, "is a folder");
    ck_fails(vq_read_file(&text, NULL, scratch_text("ten", "0123456789"), 9), VQDNA_ERR_INPUT, "ten", "larger than");
    ck_ok(vq_read_file(&text, NULL, scratch_path("ten"), 10));
    ck_assert_str_eq(text, "0123456789");
    free(text);
    ck_content(scratch_text("empty", ""), "");
    ck_fails(vq_input_open(&fd, "http://127.0.0.1/x.fa", true), VQDNA_ERR_INPUT, "does not exist");
    ck_fails(vq_input_open(&fd, "-", false), VQDNA_ERR_INPUT, "does not exist");
    ck_ok(vq_input_open(&fd, "-", true));
    ck_assert_int_ne(fd, STDIN_FILENO);
    close(fd);
    if (geteuid() != 0) {
        char *secret = scratch_text("secret", "x");
        chmod(secret, 0);
        ck_fails(vq_read_file(&text, NULL, secret, 10), VQDNA_ERR_INPUT, "secret", "denied");
    }
}
END_TEST

START_TEST(paths) {
    char *path;
    ck_ok(vq_path_join(&path, "a", "b"));
    ck_assert_str_eq(path, "a/b");
    free(path);
    ck_ok(vq_path_join(&path, "a/", "b"));
    ck_assert_str_eq(path, "a/b");
    free(path);
    setenv("XDG_CACHE_HOME", scratch_path("cache"), 1);
    ck_assert(vq_cache_dir(&path));
    ck_assert_str_eq(path, scratch_path("cache/vqdna"));
    ck_assert_int_eq(access(path, W_OK), 0);
    free(path);
    setenv("XDG_CACHE_HOME", "relative", 1);
    setenv("HOME", scratch_path("home"), 1);
    ck_assert(vq_cache_dir(&path));
    ck_assert_str_eq(path, scratch_path("home/.cache/vqdna"));
    free(path);
    setenv("HOME", scratch_text("homefile", ""), 1);
    ck_assert(!vq_cache_dir(&path));
    ck_assert_ptr_null(path);
    unsetenv("HOME");
    ck_assert(!vq_cache_dir(&path));
}
END_TEST

/* In one test, for the warning is given once in a process. */
START_TEST(trust) {
    char *path, *text;
    size_t bytes;
    mode_t mask = umask(002); /* a group of one's own */
    setenv("XDG_CACHE_HOME", scratch_path("trusted"), 1);
    ck_assert(vq_cache_dir(&path));
    char *file = scratch_path("trusted/vqdna/entry");
    vq_cache_write(file, "kept", 4);
    umask(mask);
    ck_assert(vq_cache_read(&text, &bytes, file, 10));
    ck_assert_str_eq(text, "kept");
    free(text);
    ck_assert(vq_cache_trusts(scratch_path("nothing")));
    ck_assert_str_eq(scratch_log, "");
    ck_assert_int_eq(chmod(file, 0620), 0);
    ck_assert(!vq_cache_read(&text, &bytes, file, 10));
    ck_assert(strstr(scratch_log, file) && strstr(scratch_log, "others may write"));
    *scratch_log = 0;
    vq_cache_write(file, "anew", 4); /* takes the right away */
    ck_assert(vq_cache_read(&text, &bytes, file, 10));
    free(text);
    ck_assert_int_eq(chmod(path, 0777), 0);
    free(path);
    ck_assert(!vq_cache_dir(&path));
    ck_assert_int_eq(chmod(scratch_path("trusted/vqdna"), 0700), 0);
    if (geteuid() == 0) {
        ck_assert_int_eq(chown(file, 65534, 0), 0);
        ck_assert(!vq_cache_read(&text, &bytes, file, 10));
        ck_assert_int_eq(chown(scratch_path("trusted/vqdna"), 65534, 0), 0);
        ck_assert(!vq_cache_dir(&path));
    }
    ck_assert_str_eq(scratch_log, "");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("file");
    TCase *tests = tcase_create("file");
    tcase_add_test(tests, commit_and_discard);
    tcase_add_test(tests, a_set_of_files);
    tcase_add_test(tests, links_and_devices);
    tcase_add_test(tests, link_to_nothing);
    tcase_add_test(tests, modes_and_long_names);
    tcase_add_test(tests, folder_that_takes_no_file);
    tcase_add_test(tests, locks);
    tcase_add_test(tests, full_disk);
    tcase_add_test(tests, cannot_open_output);
    tcase_add_test(tests, folders);
    tcase_add_test(tests, inputs);
    tcase_add_test(tests, paths);
    tcase_add_test(tests, trust);
    suite_add_tcase(suite, tests);
    return scratch_run(suite);
}
