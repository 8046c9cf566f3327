/* What a container allows: limits as the files of control groups tell them. */
#include "device/host.h"
#include "scratch.h"

#include <sys/resource.h>
#include <sys/stat.h>

static char root[400];

static void put(const char *path, const char *text) {
    char whole[800];
    snprintf(whole, sizeof whole, "%s%s", root, path);
    for (char *c = whole + strlen(root) + 1; (c = strchr(c, '/')); c++) {
        *c = '\0';
        mkdir(whole, 0700);
        *c = '/';
    }
    FILE *f = fopen(whole, "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
}

START_TEST(memory) {
    struct rlimit space;
    ck_assert_int_eq(getrlimit(RLIMIT_AS, &space), 0);
    const uint64_t none = space.rlim_cur == RLIM_INFINITY ? UINT64_MAX : space.rlim_cur;
    snprintf(root, sizeof root, "%s", scratch_path("second"));
    mkdir(root, 0700);
    ck_assert(vq_host_memory(root) == none);
    put("/proc/self/cgroup", "0::/a.slice/b.scope\n");
    put("/sys/fs/cgroup/a.slice/b.scope/memory.max", "max\n");
    ck_assert(vq_host_memory(root) == none);
    put("/sys/fs/cgroup/a.slice/memory.max", "123456789\n"); /* the group around it */
    ck_assert_uint_eq(vq_host_memory(root), 123456789);
    put("/sys/fs/cgroup/a.slice/b.scope/memory.max", "98765432\n");
    ck_assert_uint_eq(vq_host_memory(root), 98765432);
    put("/proc/self/cgroup", "0::/\n"); /* as a container sees itself */
    put("/sys/fs/cgroup/memory.max", "4096000\n");
    ck_assert_uint_eq(vq_host_memory(root), 4096000);

    snprintf(root, sizeof root, "%s", scratch_path("first"));
    mkdir(root, 0700);
    put("/proc/self/cgroup", "7:cpu,cpuacct:/x\n5:memory:/docker/1\n0::/docker/1\n");
    put("/sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes", "9223372036854771712\n");
    put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "50000000\n");
    ck_assert_uint_eq(vq_host_memory(root), 50000000);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("host");
    TCase *t = tcase_create("host");
    tcase_add_test(t, memory);
    suite_add_tcase(suite, t);
    return scratch_run(suite);
}
