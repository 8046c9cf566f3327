/* Tunables: which of several values is in force, and what is made of a file that is not as it should be. */
#include "device/tune.h"
#include "fixture.h"

#include <sys/stat.h>

static const vq_tunable list[] = {
    {.name = "MC", .values = {2, 4, 8}, .standard = {4, 4, 4, 4}},
    {.name = "NC", .values = {16, 32}, .standard = {16, 16, 16, 16}},
    {.name = "none", .values = {1, 2}},
};
static const vq_tuning_shape shapes[] = {{.name = "small"}, {.name = "large"}};
static const vq_tunables set = {"probe", list, shapes, 3, 2};
enum { MC, NC, NONE };
enum { SMALL, LARGE };

static char *file;

/* A line for the open device, with one field replaced by `text`, or none if `field` is negative. */
static const char *line(int field, const char *text, const char *rest) {
    static char ring[8][600];
    static int next;
    char width[16], *out = ring[next++ % 8];
    snprintf(width, sizeof width, "fp32x%d", device->vector_width);
    const char *fields[] = {"1", device->info.platform, device->info.name, device->info.driver, width};
    if (field >= 0)
        fields[field] = text;
    snprintf(out, sizeof *ring, "%s | %s | %s | %s | %s | %s\n", fields[0], fields[1], fields[2], fields[3], fields[4], rest);
    return out;
}

static void load(const char *text) {
    if (text)
        file = scratch_text("tune.txt", text);
    else
        remove(scratch_path("tune.txt"));
    setenv("VQDNA_TUNE_FILE", scratch_path("tune.txt"), 1);
    *scratch_log = 0;
    vq_tuning_load(device);
}

/* What the device takes: so many together. */
static int most = 1000;
static bool allows(const vq_device *d, int shape, const int *values) {
    (void)d, (void)shape;
    return values[0] * values[1] <= most;
}
static const vq_tunables confined = {"probe", list, shapes, 3, 2, .allows = allows};
static const vq_tunables *found = &set;

static const vq_tunables *find(const vq_choice *choice, int *shape) {
    *shape = strcmp(choice->shape, "large") == 0;
    return strcmp(choice->operation, "probe") == 0 && vq_tunable_has(&list[*choice->name == 'N'], choice->value) ? found : NULL;
}

static const char *content(const char *path) {
    static char text[4096];
    FILE *f = fopen(path, "r");
    ck_assert_ptr_nonnull(f);
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    return text;
}

START_TEST(look_up_order) {
    load(NULL);
    ck_assert_int_eq(vq_tuned(device, &set, MC, SMALL), 4); /* standard */
    ck_assert_int_eq(vq_tuned(device, &set, NONE, SMALL), 0);
    ck_assert_str_eq(vq_tuning_hash(device), "standard");
    load(line(-1, NULL, "probe | small | MC = 8"));
    ck_assert_str_eq(scratch_log, "");
    ck_assert_int_eq(vq_tuned(device, &set, MC, SMALL), 8); /* the user's */
    ck_assert_int_eq(vq_tuned(device, &set, MC, LARGE), 4);
    ck_assert_int_eq(vq_tuned(device, &set, NC, SMALL), 16);
    const vq_choice trial = {"probe", "small", "MC", 2};
    vq_tuning_impose(device, &trial);
    ck_assert_int_eq(vq_tuned(device, &set, MC, SMALL), 2); /* a trial's */
    ck_assert_int_eq(vq_tuned(device, &set, MC, LARGE), 4);
    vq_tuning_impose(device, NULL);
    ck_assert_int_eq(vq_tuned(device, &set, MC, SMALL), 8);
}
END_TEST

START_TEST(shipped) {
    const char *before = vq_tuned_text;
    char text[600];
    snprintf(text, sizeof text,
             "%s1 | * | *%s | * | fp32x* | probe | small | NC = 32\n1 | * | * | * | * | probe | * | NC = 32\n"
             "1 | * | * | * | * | probe | small | MC = 2\n1 | Nobody's | * | * | * | probe | large | MC = 2\n",
             line(-1, NULL, "probe | small | MC = 8"), device->info.name + 1);
    vq_tuned_text = text;
    load(NULL);
    ck_assert_int_eq(vq_tuned(device, &set, MC, SMALL), 8); /* special before general */
    ck_assert_int_eq(vq_tuned(device, &set, NC, SMALL), 32);
    ck_assert_int_eq(vq_tuned(device, &set, NC, LARGE), 16); /* a class is named, not a pattern */
    ck_assert_int_eq(vq_tuned(device, &set, MC, LARGE), 4);
    ck_assert_str_ne(vq_tuning_hash(device), "standard");
    load(line(-1, NULL, "probe | small | MC = 2"));
    ck_assert_int_eq(vq_tuned(device, &set, MC, SMALL), 2); /* the user's before it */
    load(line(-1, NULL, "probe | small | MC = 7"));
    ck_assert_int_eq(vq_tuned(device, &set, MC, SMALL), 8); /* unless it cannot be used */
    vq_tuned_text = before;
}
END_TEST

START_TEST(lines_of_others) {
    char text[4000];
    snprintf(text, sizeof text, "# a comment\n\n%s%s%s%s%s", line(1, "Another platform", "probe | small | MC = 8"),
             line(2, "Another device", "probe | small | MC = 8"), line(4, "fp64x1", "probe | small | MC = 8"),
             line(3, "0.0 old", "probe | small | MC = 8"), line(2, "*", "probe | small | MC = 8"));
    load(text);
    ck_assert_int_eq(vq_tuned(device, &set, MC, SMALL), 4);
    ck_assert(strstr(scratch_log, "passed over") == NULL);
    ck_assert(strstr(scratch_log, "another driver") != NULL);
}
END_TEST

START_TEST(bad_lines) {
    static const char *const bad[] = {"probe | small | MC = eight",
                                      "probe | small | MC",
                                      "probe | small | MC = 8 | more",
                                      "probe | MC = 8",
                                      "probe | small | MC = 99999999999999999999",
                                      "probe | small | MC = -8",
                                      "probe | small | MC = 8x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[2000];
        snprintf(text, sizeof text, "%s%s", line(-1, NULL, bad[i]), line(-1, NULL, "probe | small | NC = 32"));
        load(text);
        ck_assert_msg(strstr(scratch_log, "line 1 is not a line of tuning") != NULL, "%s: %s", bad[i], scratch_log);
        ck_assert_int_eq(vq_tuned(device, &set, MC, SMALL), 4);
        ck_assert_int_eq(vq_tuned(device, &set, NC, SMALL), 32); /* the next line counts */
    }
    load(line(0, "999", "probe | small | MC = 8"));
    ck_assert(strstr(scratch_log, "another version") != NULL);
    ck_assert_int_eq(vq_tuned(device, &set, MC, SMALL), 4);
    load(line(-1, NULL, "probe | small | MC = 7")); /* not of the grid */
    ck_assert_int_eq(vq_tuned(device, &set, MC, SMALL), 4);
    ck_assert(strstr(scratch_log, "not a value of that grid") != NULL);
    *scratch_log = 0;
    ck_assert_int_eq(vq_tuned(device, &set, MC, SMALL), 4);
    ck_assert_str_eq(scratch_log, ""); /* said once */
}
END_TEST

START_TEST(kept) {
    char text[2000];
    snprintf(text, sizeof text, "# mine\n%sunreadable\n%s", line(2, "Another device", "probe | small | MC = 8"),
             line(3, "0.0 old", "probe | small | MC = 8"));
    load(text);
    const vq_choice first[] = {{"probe", "small", "MC", 8}, {"probe", "large", "NC", 32}}, second = {"probe", "small", "MC", 2};
    ck_ok(vq_tuning_keep(device, first, 2));
    ck_assert_int_eq(vq_tuned(device, &set, MC, SMALL), 8);
    ck_assert_int_eq(vq_tuned(device, &set, NC, LARGE), 32);
    char hash[32];
    strcpy(hash, vq_tuning_hash(device));
    ck_ok(vq_tuning_keep(device, &second, 1));
    ck_assert_int_eq(vq_tuned(device, &set, MC, SMALL), 2);
    ck_assert_str_ne(vq_tuning_hash(device), hash);
    const char *now = content(file);
    ck_assert(strstr(now, "# mine\n") && strstr(now, "Another device") && strstr(now, "unreadable\n")); /* not ours to take away */
    ck_assert(strstr(now, "MC = 2") && strstr(now, "NC = 32") && !strstr(now, "0.0 old"));
    ck_ok(vq_tuning_keep(device, first, 1));
    ck_assert_str_eq(vq_tuning_hash(device), hash); /* of the choices, not of their order */
    setenv("VQDNA_TUNE_FILE", "/dev/null/tune.txt", 1);
    ck_assert_int_eq(vq_tuning_keep(device, &second, 1), VQDNA_ERR_OUTPUT);
    setenv("VQDNA_TUNE_FILE", scratch_text("genome.fa", ">a\nACGT\n"), 1); /* someone else's file */
    ck_fails(vq_tuning_keep(device, &second, 1), VQDNA_ERR_OUTPUT, "genome.fa", "holds no tuning");
    ck_assert_str_eq(content(scratch_path("genome.fa")), ">a\nACGT\n");
}
END_TEST

START_TEST(there_and_back) {
    load(NULL);
    const vq_choice choices[] = {{"probe", "small", "MC", 8}, {"probe", "large", "MC", 2}};
    int count = 0, skipped = 0;
    ck_ok(vq_tuning_keep(device, choices, 2));
    ck_ok(vq_tuning_export(device, scratch_path("export.txt"), &count));
    ck_assert_int_eq(count, 2);
    ck_fails(vq_tuning_export(device, scratch_path("tune.txt"), &count), VQDNA_ERR_USAGE, "tune.txt", "lost");
    FILE *f = fopen(scratch_path("export.txt"), "a");
    fprintf(f, "%s%s%snoise\n", line(-1, NULL, "probe | large | MC = 9"), line(-1, NULL, "other | large | MC = 8"),
            line(2, "Another device", "probe | small | MC = 4"));
    fclose(f);
    load(NULL);
    ck_ok(vq_tuning_import(device, scratch_path("export.txt"), find, &count, &skipped));
    ck_assert_int_eq(count, 2);
    ck_assert_int_eq(skipped, 4);
    ck_assert(strstr(scratch_log, "another device") && strstr(scratch_log, "not a line of tuning") &&
              strstr(scratch_log, "no tunable"));
    ck_assert_int_eq(vq_tuned(device, &set, MC, SMALL), 8);
    ck_assert_int_eq(vq_tuned(device, &set, MC, LARGE), 2);
    ck_assert_int_eq(vq_tuning_import(device, scratch_path("nothing"), find, &count, &skipped), VQDNA_ERR_INPUT);
}
END_TEST

START_TEST(what_the_device_takes) {
    char text[2000];
    int count, skipped;
    snprintf(text, sizeof text, "%s%s", line(-1, NULL, "probe | small | MC = 8"), line(-1, NULL, "probe | small | NC = 32"));
    load(text);
    most = 256;
    ck_assert_int_eq(vq_tuned(device, &confined, MC, SMALL), 8);
    ck_assert_int_eq(vq_tuned(device, &confined, NC, SMALL), 32);
    most = 255; /* one of them does, and the other is passed over, which is said once */
    ck_assert(vq_tuned(device, &confined, MC, SMALL) == 8 && vq_tuned(device, &confined, NC, SMALL) == 16);
    ck_assert_ptr_nonnull(strstr(scratch_log, "NC = 32 of probe small, with the other values, is more than the device takes"));
    *scratch_log = 0;
    ck_assert_int_eq(vq_tuned(device, &confined, NC, SMALL), 16);
    ck_assert_str_eq(scratch_log, "");
    most = 63; /* not even the standard values: the nearest smaller, though a trial asks for more */
    const vq_choice trial = {"probe", "large", "MC", 8};
    vq_tuning_impose(device, &trial);
    ck_assert(vq_tuned(device, &confined, MC, LARGE) == 2 && vq_tuned(device, &confined, NC, LARGE) == 16);
    vq_tuning_impose(device, NULL);
    ck_assert(vq_tuned(device, &confined, MC, LARGE) == 2 && vq_tuned(device, &confined, NC, LARGE) == 16);
    ck_assert(vq_tuning_allows(device, &confined, MC, LARGE, 2) && !vq_tuning_allows(device, &confined, MC, LARGE, 4));
    load(NULL);
    most = 255;
    scratch_text("import.txt", text);
    found = &confined;
    ck_ok(vq_tuning_import(device, scratch_path("import.txt"), find, &count, &skipped));
    ck_assert(count == 1 && skipped == 1);
    ck_assert_ptr_nonnull(strstr(scratch_log, "NC = 32"));
    ck_assert(strstr(content(file), "MC = 8") && !strstr(content(file), "NC = 32"));
    found = &set;
}
END_TEST

int main(void) {
    vq_tuned_text = ""; /* what is shipped for the machine that runs the tests must not decide them */
    Suite *suite = suite_create("tune");
    TCase *c = fixture_case(suite, "tune");
    tcase_add_test(c, look_up_order);
    tcase_add_test(c, shipped);
    tcase_add_test(c, lines_of_others);
    tcase_add_test(c, bad_lines);
    tcase_add_test(c, kept);
    tcase_add_test(c, there_and_back);
    tcase_add_test(c, what_the_device_takes);
    return scratch_run(suite);
}
