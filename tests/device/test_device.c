/* Choosing and opening a device. What a machine has is unknown here: the list is the yardstick. */
#include "device/open.h"
#include "scratch.h"

#include <check.h>
#include <ctype.h>

static vqdna_device_info *list;
static size_t count;

static void refresh(const char *selector) {
    free(list);
    ck_ok(vq_device_list(&list, &count, selector));
}

static const vqdna_device_info *chosen(const char *selector) {
    const vqdna_device_info *found = NULL;
    refresh(selector);
    for (size_t i = 0; i < count; i++)
        if (list[i].chosen) {
            ck_assert_ptr_null(found);
            found = &list[i];
        }
    return found;
}

/* The one chosen is the one opened. */
static void check_opens(const char *selector) {
    const vqdna_device_info *c = chosen(selector);
    ck_assert_ptr_nonnull(c);
    ck_assert(c->usable && *c->reason);
    vq_device *d;
    ck_ok(vq_device_open(&d, selector, 0));
    ck_assert_int_eq(d->info.index, c->index);
    ck_assert_str_eq(d->info.name, c->name);
    ck_ok(vq_device_finish(d));
    vq_device_close(d);
}

START_TEST(listed) {
    refresh(NULL);
    int index = 0, usable = 0;
    for (size_t i = 0; i < count; i++) {
        const vqdna_device_info *d = &list[i];
        ck_assert(*d->platform);
        if (!*d->name) { /* a platform without devices */
            ck_assert_int_eq(d->index, -1);
            ck_assert(!d->usable && *d->reason);
            continue;
        }
        ck_assert_int_eq(d->index, index++);
        ck_assert(strcmp(d->type, "cpu") == 0 || strcmp(d->type, "gpu") == 0 || strcmp(d->type, "accelerator") == 0);
        ck_assert(strcmp(d->family, "cpu") == 0 || strcmp(d->family, "gpu") == 0);
        ck_assert(d->usable || *d->reason);
        ck_assert(d->compute_units > 0 && d->max_work_group > 0 && d->global_bytes >= d->max_allocation && d->max_allocation > 0);
        usable += d->usable;
    }
    ck_assert_int_gt(usable, 0); /* the tests need one */
}
END_TEST

START_TEST(selectors) {
    unsetenv("VQDNA_DEVICE");
    check_opens(NULL);
    check_opens("");
    refresh(NULL);
    vqdna_device_info *devices = list;
    size_t n = count;
    list = NULL;
    for (size_t i = 0; i < n; i++) {
        const vqdna_device_info *d = &devices[i];
        if (!d->usable)
            continue;
        char text[16], part[128];
        snprintf(text, sizeof text, "%d", d->index);
        check_opens(text);
        ck_assert_int_eq(chosen(text)->index, d->index);
        check_opens(d->type);
        ck_assert_str_eq(chosen(d->type)->type, d->type);
        /* A part of the name in another case. */
        snprintf(part, sizeof part, "%s", d->name + strlen(d->name) / 3);
        for (char *c = part; *c; c++)
            *c = (char)(isupper((unsigned char)*c) ? tolower((unsigned char)*c) : toupper((unsigned char)*c));
        check_opens(part);
        /* The variable stands in for a selector, and gives way to one. */
        setenv("VQDNA_DEVICE", text, 1);
        ck_assert_int_eq(chosen(NULL)->index, d->index);
        check_opens(NULL);
        setenv("VQDNA_DEVICE", "no such device", 1);
        ck_assert_int_eq(chosen(text)->index, d->index);
        unsetenv("VQDNA_DEVICE");
    }
    free(devices);
}
END_TEST

START_TEST(no_match) {
    static const char *const none[] = {"no such device", "99", "-1", "0x", "cpu "};
    vq_device *d;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        if (chosen(none[i]))
            continue;
        ck_fails(vq_device_open(&d, none[i], 0), VQDNA_ERR_DEVICE, none[i], "vqdna devices");
    }
    ck_assert_ptr_null(chosen("no such device"));
    ck_assert_ptr_null(chosen("99"));
    setenv("VQDNA_DEVICE", "nor this", 1);
    ck_fails(vq_device_open(&d, NULL, 0), VQDNA_ERR_DEVICE, "nor this");
    unsetenv("VQDNA_DEVICE");
    vq_device_close(NULL);
}
END_TEST

START_TEST(forced) {
    static const char *const families[] = {"cpu", "gpu"}, *const widths[] = {"4", "8", "16"};
    for (int i = 0; i < 2; i++) {
        setenv("VQDNA_FAMILY", families[i], 1);
        vq_device *d;
        ck_ok(vq_device_open(&d, NULL, 0));
        ck_assert_str_eq(d->info.family, families[i]);
        ck_assert_int_eq(d->family, i ? VQ_FAMILY_GPU : VQ_FAMILY_CPU);
        ck_assert(!i || d->vector_width == 4);
        ck_assert_uint_eq(d->alignment % 128, 0);
        vq_device_close(d);
    }
    unsetenv("VQDNA_FAMILY");
    for (int i = 0; i < 3; i++) {
        setenv("VQDNA_VECTOR_WIDTH", widths[i], 1);
        vq_device *d;
        ck_ok(vq_device_open(&d, NULL, 0));
        ck_assert_int_eq(d->vector_width, atoi(widths[i]));
        vq_device_close(d);
    }
    unsetenv("VQDNA_VECTOR_WIDTH");
}
END_TEST

/* Where the driver can be limited to some cores it is; where not, a warning says so. */
START_TEST(threads) {
    const vqdna_device_info *c = chosen("cpu");
    if (!c || c->compute_units < 2)
        return;
    vq_device *d;
    *scratch_log = 0;
    ck_ok(vq_device_open(&d, "cpu", 1));
    cl_uint units = 0;
    ck_assert_int_eq(clGetDeviceInfo(d->id, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof units, &units, NULL), CL_SUCCESS);
    ck_assert(d->parent ? units == 1 : strstr(scratch_log, "cannot be limited") != NULL);
    ck_assert_uint_eq(d->info.compute_units, units); /* launches are cut for those taken */
    vq_device_close(d);
}
END_TEST

START_TEST(errors) {
    ck_fails(vq_fail_cl(CL_MEM_OBJECT_ALLOCATION_FAILURE, "x"), VQDNA_ERR_MEMORY, "x", "out of device memory");
    ck_fails(vq_fail_cl(CL_OUT_OF_HOST_MEMORY, "x"), VQDNA_ERR_MEMORY, "host memory");
    ck_fails(vq_fail_cl(CL_OUT_OF_RESOURCES, "x"), VQDNA_ERR_DEVICE, "resources");
    ck_fails(vq_fail_cl(-9999, "launching y"), VQDNA_ERR_DEVICE, "launching y", "-9999");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("device");
    TCase *t = tcase_create("device");
    tcase_add_test(t, listed);
    tcase_add_test(t, selectors);
    tcase_add_test(t, no_match);
    tcase_add_test(t, forced);
    tcase_add_test(t, threads);
    tcase_add_test(t, errors);
    suite_add_tcase(suite, t);
    int failed = scratch_run(suite);
    free(list);
    return failed;
}
