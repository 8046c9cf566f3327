/* Kernels: compiled once, kept on disk, and what happens when either goes wrong. */
#include "base/file.h"
#include "device/launch.h"
#include "fixture.h"

#include <check.h>
#include <dirent.h>
#include <sys/stat.h>

static char cache[600];

/* PoCL keeps kernels itself; most tests are of what is done for drivers that do not. */
static void open_device(bool driver_caches) {
    fixture_open();
    device->driver_caches = driver_caches;
}

static void reopen(void) {
    fixture_close();
    open_device(false);
}

/* A cache and kernels of the test's own; prelude.cl is the shortest that will do. */
static void begin(void) {
    static int number;
    char name[32];
    snprintf(name, sizeof name, "cache%d", number++);
    snprintf(cache, sizeof cache, "%s/vqdna", scratch_path(name));
    setenv("XDG_CACHE_HOME", scratch_path(name), 1);
    setenv("VQDNA_KERNEL_DIR", scratch_folder, 1);
    scratch_text("prelude.cl", "#define PRELUDE 40\n");
    scratch_text("probe.cl", "kernel void probe(global int *out) { out[get_global_id(0)] = PRELUDE + ADD; }\n"
                             "kernel void other(global int *out, int x, float y, local int *tmp) {\n"
                             "    tmp[0] = x; out[get_global_id(0)] = out ? tmp[0] + (int)y : 0; }\n");
    *scratch_log = 0;
    open_device(false);
}

static void end(void) {
    fixture_close();
    unsetenv("VQDNA_KERNEL_DIR");
}

/* Compiled from source since the last call? */
static bool compiled(void) {
    bool found = strstr(scratch_log, "compiling probe.cl") != NULL;
    *scratch_log = 0;
    return found;
}

static int value(const char *options) {
    vq_view out;
    int got[3];
    ck_ok(vq_view_create(device, &out, sizeof got));
    ck_ok(vq_run(device, "probe", "probe", options, vq_grid1(3, 1), vq_in(out)));
    ck_ok(vq_read(device, got, out, 0, sizeof got));
    vq_view_destroy(&out);
    ck_assert(got[0] == got[1] && got[1] == got[2]);
    return got[0];
}

/* The files in the cache; the last one's path in *path. */
static int cached(char *path, size_t size) {
    DIR *dir = opendir(cache);
    int count = 0;
    for (struct dirent *e; dir && (e = readdir(dir));)
        if (e->d_name[0] != '.') {
            count++;
            if (path)
                snprintf(path, size, "%s/%s", cache, e->d_name);
        }
    if (dir)
        closedir(dir);
    return count;
}

START_TEST(compiled_once) {
    begin();
    vq_kernel *a, *b, *c;
    ck_ok(vq_kernel_get(device, &a, "probe", "probe", "-DADD=2"));
    ck_assert(compiled());
    ck_ok(vq_kernel_get(device, &b, "probe", "probe", "-DADD=2"));
    ck_assert_ptr_eq(a, b);
    ck_ok(vq_kernel_get(device, &b, "probe", "other", "-DADD=2"));
    ck_assert_ptr_ne(a, b);
    ck_assert(!compiled()); /* another kernel of the same program */
    ck_ok(vq_kernel_get(device, &c, "probe", "probe", "-DADD=3"));
    ck_assert_ptr_ne(a, c);
    ck_assert(compiled());
    ck_assert_int_eq(value("-DADD=2"), 42);
    ck_assert_int_eq(value("-DADD=3"), 43);
    ck_assert(strstr(vq_kernel_key(a), "probe") != NULL);
    end();
}
END_TEST

START_TEST(kept_on_disk) {
    begin();
    ck_assert_int_eq(value("-DADD=1"), 41);
    ck_assert(compiled());
    ck_assert_int_eq(cached(NULL, 0), 1);
    reopen();
    ck_assert_int_eq(value("-DADD=1"), 41);
    ck_assert(!compiled());
    /* Source, options and prelude are part of the key. */
    ck_assert_int_eq(value("-DADD=5"), 45);
    ck_assert(compiled());
    reopen();
    scratch_text("prelude.cl", "#define PRELUDE 50\n");
    ck_assert_int_eq(value("-DADD=1"), 51);
    ck_assert(compiled());
    ck_assert_int_eq(cached(NULL, 0), 3);
    end();
}
END_TEST

/* Where the driver has a cache of its own, only that a program was compiled is remembered, to be told once. */
START_TEST(kept_by_driver) {
    begin();
    char path[1200];
    struct stat st;
    fixture_close(), open_device(true);
    ck_assert_int_eq(value("-DADD=1"), 41);
    ck_assert(compiled());
    ck_assert_int_eq(cached(path, sizeof path), 1);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_size, 0);
    fixture_close(), open_device(true);
    ck_assert_int_eq(value("-DADD=1"), 41);
    ck_assert(!compiled());
    end();
}
END_TEST

static int spoil(const char *path, int how) {
    struct stat st;
    ck_assert_int_eq(stat(path, &st), 0);
    FILE *f;
    switch (how) {
    case 0:
        return truncate(path, 0);
    case 1:
        return truncate(path, st.st_size / 2);
    case 2:
        return truncate(path, st.st_size - 1);
    case 3: /* noise from start to end */
        f = fopen(path, "wb");
        for (int i = 0; i < st.st_size; i++)
            fputc((int)vq_rng_u32(3, VQ_STREAM_TEST, 0, (uint64_t)i) & 255, f);
        return fclose(f);
    case 4: /* one byte in the middle */
        f = fopen(path, "r+b");
        fseek(f, st.st_size / 2, SEEK_SET);
        int byte = fgetc(f);
        fseek(f, st.st_size / 2, SEEK_SET);
        fputc(byte ^ 0x55, f);
        return fclose(f);
    default: /* more than was written */
        f = fopen(path, "ab");
        fputs("more", f);
        return fclose(f);
    }
}

START_TEST(bad_entry) {
    begin();
    char path[1200];
    ck_assert_int_eq(value("-DADD=1"), 41);
    ck_assert_int_eq(cached(path, sizeof path), 1);
    reopen();
    ck_assert_int_eq(spoil(path, _i), 0);
    compiled();
    ck_assert_int_eq(value("-DADD=1"), 41);
    ck_assert(compiled());
    /* Rebuilt and good again. */
    reopen();
    ck_assert_int_eq(value("-DADD=1"), 41);
    ck_assert(!compiled());
    ck_assert_int_eq(cached(NULL, 0), 1);
    end();
}
END_TEST

/* The binary of other kernels under this name. */
START_TEST(entry_of_another) {
    begin();
    char one[1200], other[1200];
    ck_assert_int_eq(value("-DADD=1"), 41);
    ck_assert_int_eq(cached(one, sizeof one), 1);
    snprintf(other, sizeof other, "%s.away", scratch_folder);
    ck_assert_int_eq(rename(one, other), 0);
    ck_assert_int_eq(value("-DADD=2"), 42);
    char wrong[1200];
    ck_assert_int_eq(cached(wrong, sizeof wrong), 1);
    ck_assert_int_eq(rename(wrong, one), 0);
    ck_assert_int_eq(remove(other), 0);
    reopen();
    compiled();
    ck_assert_int_eq(value("-DADD=1"), 41);
    ck_assert(compiled());
    end();
}
END_TEST

/* A cache that cannot be written only costs time. */
START_TEST(no_cache) {
    begin();
    setenv("XDG_CACHE_HOME", scratch_text("a file", "no folder"), 1);
    ck_assert_int_eq(value("-DADD=1"), 41);
    ck_assert(compiled());
    reopen();
    ck_assert_int_eq(value("-DADD=1"), 41);
    ck_assert(compiled());
    ck_assert_int_eq(cached(NULL, 0), 0);
    end();
}
END_TEST

START_TEST(errors) {
    begin();
    vq_kernel *k;
    ck_fails(vq_kernel_get(device, &k, "absent", "x", ""), VQDNA_ERR_INPUT, "absent.cl");
    scratch_text("broken.cl", "kernel void broken(global int *out) { out[0] = undeclared_thing; }\n");
    ck_fails(vq_kernel_get(device, &k, "broken", "broken", ""), VQDNA_ERR_DEVICE, "broken.cl", "compiler", device->info.name);
    ck_assert_msg(strstr(scratch_log, "undeclared_thing") != NULL, "%s", scratch_log); /* the compiler's log is for who develops */
    ck_assert_int_eq(cached(NULL, 0), 0);
    /* The log comes whole, and once though the build is tried again. */
    char source[1500] = "kernel void broken(global int *out) {\n";
    for (int i = 0; i < 15; i++)
        snprintf(source + strlen(source), sizeof source - strlen(source), "    out[%d] = a_name_that_nobody_declared_%d;\n", i, i);
    scratch_text("broken.cl", strcat(source, "}\n"));
    for (int turn = 0; turn < 2; turn++) {
        *scratch_log = 0;
        ck_fails(vq_kernel_get(device, &k, "broken", "broken", ""), VQDNA_ERR_DEVICE, "broken.cl");
        ck_assert((strstr(scratch_log, "a_name_that_nobody_declared_14") != NULL) == (turn == 0));
    }
    ck_fails(vq_kernel_get(device, &k, "probe", "nothing", "-DADD=1"), VQDNA_ERR_DEVICE, "probe.cl", "nothing");
    char options[2000];
    memset(options, ' ', sizeof options);
    options[sizeof options - 1] = 0;
    ck_fails(vq_kernel_get(device, &k, "probe", "probe", options), VQDNA_ERR_DEVICE, "too long");
    /* Repaired, the same name works: no failure is remembered. */
    scratch_text("broken.cl", "kernel void broken(global int *out) { out[0] = 1; }\n");
    ck_ok(vq_kernel_get(device, &k, "broken", "broken", ""));
    end();
    begin();
    unsetenv("VQDNA_KERNEL_DIR");
    ck_fails(vq_kernel_get(device, &k, "probe", "probe", "-DADD=1"), VQDNA_ERR_DEVICE, "no kernels named probe");
    end();
}
END_TEST

START_TEST(launches) {
    begin();
    vq_view out;
    int got = 0;
    ck_ok(vq_view_create(device, &out, sizeof got));
    const char *options = "-DADD=1";
    ck_ok(vq_run(device, "probe", "other", options, vq_grid1(1, 1), vq_in(out), vq_int(-7), vq_float(2.5f), vq_local(16)));
    ck_ok(vq_read(device, &got, out, 0, sizeof got));
    ck_assert_int_eq(got, -5);
    ck_ok(vq_run(device, "probe", "other", options, vq_grid1(0, 1), vq_in(out), vq_int(3), vq_float(0), vq_local(16)));
    ck_ok(vq_run(device, "probe", "other", options, vq_grid2(1, 0, 1, 1), vq_in(out), vq_int(3), vq_float(0), vq_local(16)));
    ck_ok(vq_read(device, &got, out, 0, sizeof got));
    ck_assert_int_eq(got, -5); /* no groups, nothing done */
    ck_fails(vq_run(device, "probe", "other", options, vq_grid1(1, 1), vq_in(out), vq_int(3), vq_float(0), vq_local(16), vq_int(1)),
             VQDNA_ERR_DEVICE, "argument 4", "probe other");
    ck_fails(
        vq_run(device, "probe", "other", options, vq_grid1(1, (size_t)1 << 20), vq_in(out), vq_int(3), vq_float(0), vq_local(16)),
        VQDNA_ERR_DEVICE, "at most", "probe other", device->info.name);
    vq_view_destroy(&out);
    end();
}
END_TEST

int main(void) {
    Suite *suite = suite_create("program");
    TCase *t = tcase_create("program");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, compiled_once);
    tcase_add_test(t, kept_on_disk);
    tcase_add_test(t, kept_by_driver);
    tcase_add_loop_test(t, bad_entry, 0, 6);
    tcase_add_test(t, entry_of_another);
    tcase_add_test(t, no_cache);
    tcase_add_test(t, errors);
    tcase_add_test(t, launches);
    suite_add_tcase(suite, t);
    return scratch_run(suite);
}
