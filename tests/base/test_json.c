#include "base/json.h"
#include "scratch.h"

#include <sys/resource.h>

START_TEST(bad_files) {
    json_t *json;
    ck_fails(vq_json_load(&json, scratch_path("missing")), VQDNA_ERR_INPUT, "missing", "does not exist");
    ck_fails(vq_json_load(&json, scratch_text("bad", "{\n\"a\": 1,\n\"b\" 2}")), VQDNA_ERR_INPUT, "bad, line 3", "JSON");
    ck_fails(vq_json_load(&json, scratch_text("twice", "{\"a\": 1, \"a\": 2}")), VQDNA_ERR_INPUT, "twice", "duplicate");
    ck_fails(vq_json_load(&json, scratch_text("array", "[1]")), VQDNA_ERR_INPUT, "array", "object");
    ck_fails(vq_json_load(&json, scratch_text("empty", "")), VQDNA_ERR_INPUT, "empty");
    ck_fails(vq_json_load(&json, scratch_text("more", "{} {}")), VQDNA_ERR_INPUT, "more");
    ck_fails(vq_json_load(&json, scratch_text("big", "{\"a\": 9223372036854775808}")), VQDNA_ERR_INPUT, "big");
    ck_fails(vq_json_load(&json, scratch_text("nan", "{\"a\": NaN}")), VQDNA_ERR_INPUT, "nan");
    ck_fails(vq_json_load(&json, scratch_write("nul", "{\"a\": \"x\0y\"}", 12)), VQDNA_ERR_INPUT, "nul");
}
END_TEST

START_TEST(members) {
    json_t *json, *list;
    ck_ok(vq_json_load(&json, scratch_text("ok", "{\"i\": 7, \"x\": 0.5, \"s\": \"text\", \"b\": true, \"l\": [1]}")));
    int64_t i;
    double x;
    const char *s;
    bool b;
    ck_ok(vq_json_integer(&i, json, "i", 7, 7, "f"));
    ck_assert_int_eq(i, 7);
    ck_fails(vq_json_integer(&i, json, "i", 8, 9, "f"), VQDNA_ERR_INPUT, "f: \"i\" is 7", "8 and 9");
    ck_fails(vq_json_integer(&i, json, "i", 1, 6, "f"), VQDNA_ERR_INPUT, "f: \"i\"");
    ck_fails(vq_json_integer(&i, json, "x", 0, 9, "f"), VQDNA_ERR_INPUT, "\"x\" must be an integer");
    ck_fails(vq_json_integer(&i, json, "none", 0, 9, "f"), VQDNA_ERR_INPUT, "\"none\" is missing");
    ck_ok(vq_json_number(&x, json, "x", 0, 1, "f"));
    ck_assert_double_eq(x, 0.5);
    ck_ok(vq_json_number(&x, json, "i", 0, 10, "f"));
    ck_assert_double_eq(x, 7);
    ck_fails(vq_json_number(&x, json, "x", 0.6, 1, "f"), VQDNA_ERR_INPUT, "\"x\" is 0.5");
    ck_fails(vq_json_number(&x, json, "s", 0, 1, "f"), VQDNA_ERR_INPUT, "\"s\" must be a number");
    ck_ok(vq_json_text(&s, json, "s", "f"));
    ck_assert_str_eq(s, "text");
    ck_fails(vq_json_text(&s, json, "b", "f"), VQDNA_ERR_INPUT, "\"b\" must be a string");
    ck_ok(vq_json_boolean(&b, json, "b", "f"));
    ck_assert(b);
    ck_fails(vq_json_boolean(&b, json, "i", "f"), VQDNA_ERR_INPUT, "true or false");
    ck_ok(vq_json_member(&list, json, "l", JSON_ARRAY, "f"));
    ck_fails(vq_json_member(&list, json, "l", JSON_OBJECT, "f"), VQDNA_ERR_INPUT, "\"l\" must be an object");
    json_decref(json);
}
END_TEST

START_TEST(round_trip) {
    json_t *json = json_pack("{s:i, s:f, s:{s:s}}", "z", 1, "a", 0.1, "deep", "key", "value"), *back;
    char *path = scratch_path("round.json");
    ck_ok(vq_json_save(json, path));
    ck_ok(vq_json_load(&back, path));
    ck_assert(json_equal(json, back));
    json_decref(back);
    ck_fails(vq_json_save(json, "/dev/full"), VQDNA_ERR_OUTPUT, "/dev/full");
    json_decref(json);
}
END_TEST

/* Far beyond any real file: refused before memory and stack go. */
START_TEST(too_large) {
    enum { MUCH = 5 << 20 };
    json_t *json;
    char *text = malloc(MUCH + 1);
    ck_assert_ptr_nonnull(text);
    memset(text, '[', MUCH);
    text[MUCH] = 0;
    ck_fails(vq_json_parse(&json, text, 40, "deep"), VQDNA_ERR_INPUT, "deep", "levels of nesting");
    for (int i = 0; i < MUCH; i++)
        text[i] = i % 2 ? ',' : '0';
    memcpy(text, "{\"a\":[", 6);
    ck_fails(vq_json_parse(&json, text, 1 << 20, "wide"), VQDNA_ERR_INPUT, "wide", "131072 values");
    memset(text + 6, ' ', MUCH - 6);
    memcpy(text + MUCH - 2, "]}", 2);
    ck_fails(vq_json_parse(&json, text, MUCH, "long"), VQDNA_ERR_INPUT, "long", "4 MiB");
    ck_fails(vq_json_load(&json, scratch_text("long", text)), VQDNA_ERR_INPUT, "long", "larger than");
    ck_ok(vq_json_parse(&json, "{\"a\": \"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[\"}", 50, "text"));
    json_decref(json);
    free(text);
}
END_TEST

#ifndef __SANITIZE_ADDRESS__
/* A good text without memory for it is not a bad text. */
START_TEST(out_of_memory) {
    enum { VALUES = 100000 };
    char *text = malloc(2 * VALUES + 16), *end = text;
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    ck_assert(text && file && fscanf(file, "%ld", &pages) == 1);
    fclose(file);
    end += sprintf(end, "{\"a\":[0");
    for (int i = 1; i < VALUES; i++)
        end += sprintf(end, ",1");
    strcpy(end, "]}");
    struct rlimit old, little;
    ck_assert_int_eq(getrlimit(RLIMIT_AS, &old), 0);
    little = old;
    little.rlim_cur = (rlim_t)(pages * sysconf(_SC_PAGESIZE)) + (1 << 20);
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &little), 0);
    json_t *json;
    vq_status status = vq_json_parse(&json, text, strlen(text), "text");
    setrlimit(RLIMIT_AS, &old);
    ck_fails(status, VQDNA_ERR_MEMORY, "text", "out of memory");
    ck_ok(vq_json_parse(&json, text, strlen(text), "text"));
    json_decref(json);
    free(text);
}
END_TEST
#endif

/* A comma, and a mark of two bytes. */
START_TEST(locale_of_the_program) {
    static const char *const names[] = {"de_DE", "ps_AF"};
    for (int i = 0; i < 2 && scratch_locale(names[i]); i++) {
        json_t *json;
        double number = 0;
        char *text;
        char mark[8];
        snprintf(mark, sizeof mark, "%s", localeconv()->decimal_point);
        const char *source = "{\"x\": 0.125, \"y\": -1.5}";
        ck_ok(vq_json_parse(&json, source, strlen(source), "text"));
        ck_ok(vq_json_number(&number, json, "x", 0, 1, "text"));
        ck_assert(number == 0.125);
        ck_ok(vq_json_line(&text, json));
        ck_assert_str_eq(text, "{\"x\":0.125,\"y\":-1.5}");
        free(text);
        ck_ok(vq_json_save(json, scratch_path("numbers.json")));
        json_decref(json);
        ck_ok(vq_read_file(&text, NULL, scratch_path("numbers.json"), 1000));
        ck_assert_ptr_nonnull(strstr(text, "0.125"));
        free(text);
        ck_fails(vq_fail(VQDNA_ERR_USAGE, "between %.15g and %g", 0.5, 1e-7), VQDNA_ERR_USAGE, "between 0.5 and 1e-07");
        *scratch_log = 0;
        vq_log(VQDNA_WARNING, "%.1f", 0.5);
        ck_assert_str_eq(scratch_log, "0.5\n");
        ck_assert_str_eq(localeconv()->decimal_point, mark); /* the program's own is as it was */
        setlocale(LC_ALL, "C");
    }
    setlocale(LC_ALL, "C");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("json");
    TCase *tests = tcase_create("json");
    tcase_add_test(tests, bad_files);
    tcase_add_test(tests, members);
    tcase_add_test(tests, round_trip);
    tcase_add_test(tests, too_large);
#ifndef __SANITIZE_ADDRESS__
    tcase_add_test(tests, out_of_memory);
#endif
    tcase_add_test(tests, locale_of_the_program);
    suite_add_tcase(suite, tests);
    return scratch_run(suite);
}
