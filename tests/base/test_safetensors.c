#include "base/safetensors.h"
#include "scratch.h"

#include <math.h>

static vq_status ramp(void *user, uint64_t offset, void *out, size_t bytes) {
    uint64_t *calls = user;
    for (size_t i = 0; i < bytes / sizeof(float); i++)
        ((float *)out)[i] = (float)((offset / sizeof(float) + i) % 1000);
    ++*calls;
    return VQDNA_OK;
}

static vq_status refuse(void *user, uint64_t offset, void *out, size_t bytes) {
    (void)user, (void)offset, (void)out, (void)bytes;
    return vq_fail(VQDNA_ERR_DEVICE, "the device is gone");
}

static const float weight[2][3] = {{1, 2, 3}, {4, 5, 6.5f}};
static const uint16_t odd[3] = {7, 8, 9};
static const int64_t step[1] = {INT64_MAX};
enum { BIG = 3 << 20 }; /* 12 MiB: three fills */

static vq_status save(const char *path, const vq_tensor_entry *tensors, size_t count, const json_t *metadata) {
    vq_outfile out;
    VQ_TRY(vq_outfile_open(&out, path));
    vq_status status = vq_safetensors_write(&out, tensors, count, metadata);
    if (status == VQDNA_OK)
        return vq_outfile_commit(&out);
    vq_outfile_discard(&out);
    return status;
}

START_TEST(round_trip) {
    uint64_t calls = 0;
    vq_tensor_entry tensors[] = {
        {"odd", "U16", 1, {3}, .data = odd},
        {"encoder.weight", "F32", 2, {2, 3}, .data = weight},
        {"big", "F32", 1, {BIG}, .fill = ramp, .user = &calls},
        {"step", "I64", 0, {0}, .data = step},
        {"none", "F32", 2, {0, 4}, .data = weight},
    };
    json_t *metadata = json_pack("{s:s}", "format", "pt");
    char *path = scratch_path("round.safetensors");
    ck_ok(save(path, tensors, 5, metadata));
    json_decref(metadata);
    ck_assert_uint_eq(calls, 3);

    vq_safetensors *file;
    ck_ok(vq_safetensors_open(&file, path));
    ck_assert_uint_eq(vq_safetensors_count(file), 5);
    ck_assert_str_eq(vq_safetensors_at(file, 0)->name, "step");
    ck_assert_ptr_null(vq_safetensors_at(file, 5));
    for (size_t i = 0; i + 1 < 5; i++) /* the widest come first, so each is aligned */
        ck_assert_uint_eq(vq_safetensors_at(file, i)->offset % (i ? 4 : 8), 0);
    ck_assert_str_eq(vq_safetensors_metadata(file, "format"), "pt");
    ck_assert_ptr_null(vq_safetensors_metadata(file, "nothing"));
    ck_assert(vq_safetensors_has(file, "odd") && !vq_safetensors_has(file, "even"));
    float w[2][3];
    uint16_t o[3];
    int64_t s;
    ck_ok(vq_safetensors_load(file, "encoder.weight", "F32", 2, (uint64_t[]){2, 3}, w));
    ck_assert_mem_eq(w, weight, sizeof w);
    ck_ok(vq_safetensors_load(file, "odd", "U16", 1, (uint64_t[]){3}, o));
    ck_assert_mem_eq(o, odd, sizeof o);
    ck_ok(vq_safetensors_load(file, "step", "I64", 0, NULL, &s));
    ck_assert_int_eq(s, INT64_MAX);
    const vq_tensor_info *big;
    ck_ok(vq_safetensors_find(&big, file, "big", "F32", 1, (uint64_t[]){BIG}));
    float part[5];
    ck_ok(vq_safetensors_read(file, big, 4 * 2000998ull, part, sizeof part));
    for (int i = 0; i < 5; i++)
        ck_assert_float_eq(part[i], (float)((998 + i) % 1000));
    ck_fails(vq_safetensors_read(file, big, 4ull * BIG - 4, part, 8), VQDNA_ERR_INPUT, "big");

    ck_fails(vq_safetensors_load(file, "absent", "F32", 0, NULL, w), VQDNA_ERR_INPUT, path, "absent", "missing");
    ck_fails(vq_safetensors_load(file, "odd", "F32", 1, (uint64_t[]){3}, w), VQDNA_ERR_INPUT, path, "odd", "U16", "F32");
    ck_fails(vq_safetensors_load(file, "encoder.weight", "F32", 2, (uint64_t[]){3, 2}, w), VQDNA_ERR_INPUT, "[2, 3]", "[3, 2]");
    ck_fails(vq_safetensors_load(file, "encoder.weight", "F32", 1, (uint64_t[]){6}, w), VQDNA_ERR_INPUT, "[2, 3]", "[6]");
    vq_safetensors_close(file);
    vq_safetensors_close(NULL);
}
END_TEST

START_TEST(write_fails) {
    vq_tensor_entry twice[] = {{"a", "U16", 1, {3}, .data = odd}, {"a", "U16", 1, {3}, .data = odd}};
    vq_tensor_entry gone = {"a", "F32", 1, {3}, .fill = refuse};
    int before = scratch_files();
    ck_fails(save(scratch_path("x"), twice, 2, NULL), VQDNA_ERR_OUTPUT, "twice");
    ck_fails(save(scratch_path("x"), &gone, 1, NULL), VQDNA_ERR_DEVICE, "the device is gone");
    ck_fails(save("/dev/full", twice, 1, NULL), VQDNA_ERR_OUTPUT, "/dev/full");
    ck_assert_int_eq(scratch_files(), before);
}
END_TEST

START_TEST(not_finite) {
    float values[3] = {1, NAN, 2};
    vq_tensor_entry tensor = {"bad", "F32", 1, {3}, .data = values};
    for (int i = 0; i < 2; i++) {
        ck_ok(save(scratch_path("nan"), &tensor, 1, NULL));
        vq_safetensors *file;
        ck_ok(vq_safetensors_open(&file, scratch_path("nan")));
        ck_fails(vq_safetensors_load(file, "bad", "F32", 1, (uint64_t[]){3}, (float[3]){0}), VQDNA_ERR_INPUT, "nan", "bad",
                 "finite");
        vq_safetensors_close(file);
        values[1] = -INFINITY;
    }
}
END_TEST

/* A file from a header length, a header and so many bytes of data. */
static char *made(uint64_t length, const char *header, size_t data) {
    char bytes[4096] = {0};
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, header, strlen(header));
    return scratch_write("made", bytes, 8 + strlen(header) + data);
}

START_TEST(lying_headers) {
    vq_safetensors *file;
    ck_fails(vq_safetensors_open(&file, scratch_path("missing")), VQDNA_ERR_INPUT, "missing", "does not exist");
    ck_fails(vq_safetensors_open(&file, scratch_folder), VQDNA_ERR_INPUT, "folder");
    ck_fails(vq_safetensors_open(&file, "/dev/null"), VQDNA_ERR_INPUT, "/dev/null");
    ck_fails(vq_safetensors_open(&file, scratch_text("made", "")), VQDNA_ERR_INPUT, "made", "0 bytes");
    ck_fails(vq_safetensors_open(&file, scratch_text("made", "1234567")), VQDNA_ERR_INPUT, "made", "7 bytes");
    static const uint64_t lengths[] = {3, 1000, 1ull << 31, 1ull << 63, UINT64_MAX, UINT64_MAX - 7};
    for (size_t i = 0; i < 6; i++)
        ck_fails(vq_safetensors_open(&file, made(lengths[i], "{}", 0)), VQDNA_ERR_INPUT, "made", "header of");
    static const struct {
        const char *header, *complaint;
        size_t data;
    } cases[] = {
        {"", "JSON", 0},
        {"hello", "JSON", 0},
        {"[]", "object", 0},
        {"{} x", "JSON", 0},
        {"{", "JSON", 0},
        {"{}", "4 bytes follow", 4},
        {"{\"a\":1}", "tensor a lacks", 0},
        {"{\"a\":{}}", "tensor a lacks", 0},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}", "tensor a lacks", 4},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":1,\"data_offsets\":[0,4]}}", "tensor a lacks", 4},
        {"{\"a\":{\"dtype\":4,\"shape\":[1],\"data_offsets\":[0,4]}}", "tensor a lacks", 4},
        {"{\"a\":{\"dtype\":\"F31\",\"shape\":[1],\"data_offsets\":[0,4]}}", "unknown dtype", 4},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", "tensor a has a shape", 4},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1.0],\"data_offsets\":[0,4]}}", "tensor a has a shape", 4},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[\"1\"],\"data_offsets\":[0,4]}}", "tensor a has a shape", 4},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", "dimensions", 4},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,0]}}", "too large", 0},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387903],\"data_offsets\":[0,4]}}", "too large", 4},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[9223372036854775808],\"data_offsets\":[0,4]}}", "JSON", 4},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[-4,0]}}", "data_offsets", 4},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", "data_offsets", 4},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4.5]}}", "data_offsets", 4},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,9223372036854775808]}}", "JSON", 4},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,8]}}", "do not fit", 8},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", "beyond the end", 7},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[9223372036854775800,9223372036854775804]}}", "gap", 4},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", "gap", 8},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", "1 bytes follow", 5},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[2,"
         "6]}}",
         "tensor b overlaps", 6},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,"
         "4]}}",
         "overlaps", 4},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[5,"
         "9]}}",
         "tensor b leaves a gap", 9},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,"
         "2]}}",
         "duplicate", 2},
        {"{\"a\":{\"dtype\":\"U8\",\"dtype\":\"I8\",\"shape\":[1],\"data_offsets\":[0,1]}}", "duplicate", 1},
        {"{\"__metadata__\":[]}", "__metadata__", 0},
        {"{\"__metadata__\":{\"x\":1}}", "\"x\" is not a string", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_fails(vq_safetensors_open(&file, made(strlen(cases[i].header), cases[i].header, cases[i].data)), VQDNA_ERR_INPUT, "made",
                 cases[i].complaint);
    ck_ok(vq_safetensors_open(&file, made(8, "{}      ", 0)));
    ck_assert_uint_eq(vq_safetensors_count(file), 0);
    vq_safetensors_close(file);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("safetensors");
    TCase *tests = tcase_create("safetensors");
    tcase_add_test(tests, round_trip);
    tcase_add_test(tests, write_fails);
    tcase_add_test(tests, not_finite);
    tcase_add_test(tests, lying_headers);
    suite_add_tcase(suite, tests);
    return scratch_run(suite);
}
