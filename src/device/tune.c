#include "device/tune.h"

#include "base/cache.h"
#include "base/file.h"
#include "base/log.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

enum { FIELDS = 8, MOST_BYTES = 1 << 20 };

/* The fields of a line, in order. */
enum { VERSION, PLATFORM, DEVICE, DRIVER, PRECISION, OPERATION, SHAPE, SETTING };

typedef struct entry {
    vq_choice choice;
    bool unusable; /* its value is not of the grid, or not for this device: said once */
} entry;

struct vq_tuning {
    entry *entries; /* the user's, then the shipped ones: the first that fits is in force */
    int count;
    bool imposing;
    vq_choice imposed;
    char hash[17];
};

static const char head[] = "# Tuning of vqdna: `vqdna tune` writes it, one line a choice; lines may be taken away.\n"
                           "# tuner | platform | device | driver | precision | operation | class of shapes | name = value\n";

/* ---- Lines ------------------------------------------------------------------------------------------------------------------- */

static char *trim(char *text) {
    text += strspn(text, " \t");
    size_t n = strlen(text);
    while (n && strchr(" \t\r", text[n - 1]))
        text[--n] = 0;
    return text;
}

/* Cuts a line into its fields and the choice it makes. It is written to. */
static bool parse(char *line, char *fields[FIELDS], vq_choice *choice) {
    int count = 0;
    for (char *next = line; next && count < FIELDS; count++) {
        char *bar = strchr(next, '|');
        if (bar)
            *bar++ = 0;
        else if (count < FIELDS - 1)
            return false;
        fields[count] = trim(next);
        next = bar;
        if (bar && count == FIELDS - 1)
            return false;
    }
    char *equals = strchr(fields[SETTING], '='), *end;
    if (!equals)
        return false;
    *equals = 0;
    const char *name = trim(fields[SETTING]), *digits = trim(equals + 1);
    errno = 0;
    long value = strtol(digits, &end, 10);
    if (end == digits || *end || errno || value < 1 || value > 1 << 20)
        return false;
    choice->value = (int)value;
    return snprintf(choice->operation, sizeof choice->operation, "%s", fields[OPERATION]) < (int)sizeof choice->operation &&
           snprintf(choice->shape, sizeof choice->shape, "%s", fields[SHAPE]) < (int)sizeof choice->shape &&
           snprintf(choice->name, sizeof choice->name, "%s", name) < (int)sizeof choice->name;
}

/* What this device has in the fields that say whose a line is. */
typedef struct identity {
    char version[16], platform[128], device[128], driver[128], precision[16];
} identity;

static void copy_field(char *to, const char *from, size_t size) {
    snprintf(to, size, "%s", from);
    for (char *c = to; *c; c++)
        if (*c == '|' || (unsigned char)*c < ' ')
            *c = '/';
    char *text = trim(to);
    memmove(to, text, strlen(text) + 1);
}

static identity identify(const vq_device *device) {
    identity me;
    snprintf(me.version, sizeof me.version, "%d", VQ_TUNER_VERSION);
    copy_field(me.platform, device->info.platform, sizeof me.platform);
    copy_field(me.device, device->info.name, sizeof me.device);
    copy_field(me.driver, device->info.driver, sizeof me.driver);
    snprintf(me.precision, sizeof me.precision, "fp32x%d", device->vector_width);
    return me;
}

static bool same_device(const identity *me, char *const fields[FIELDS]) {
    return !strcmp(me->platform, fields[PLATFORM]) && !strcmp(me->device, fields[DEVICE]) &&
           !strcmp(me->precision, fields[PRECISION]);
}

static bool same_choice(const vq_choice *a, const vq_choice *b) {
    return !strcmp(a->operation, b->operation) && !strcmp(a->shape, b->shape) && !strcmp(a->name, b->name);
}

/* Whose a line is. */
typedef enum { BLANK, UNREADABLE, OTHER_VERSION, OTHER_DEVICE, OTHER_DRIVER, OURS } ownership;

static ownership judge(const identity *me, char *line, vq_choice *choice) {
    char *fields[FIELDS];
    line = trim(line);
    if (!*line || *line == '#')
        return BLANK;
    if (!parse(line, fields, choice))
        return UNREADABLE;
    if (strcmp(fields[VERSION], me->version) != 0)
        return OTHER_VERSION;
    if (!same_device(me, fields))
        return OTHER_DEVICE;
    return strcmp(fields[DRIVER], me->driver) == 0 ? OURS : OTHER_DRIVER;
}

/* ---- The tables in memory ---------------------------------------------------------------------------------------------------- */

static void append(vq_tuning *t, const vq_choice *choice) {
    entry *more = realloc(t->entries, ((size_t)t->count + 1) * sizeof *more);
    if (!more)
        return; /* the standard value serves */
    t->entries = more;
    t->entries[t->count++] = (entry){.choice = *choice};
}

/* The user's file in *path (free it), NULL if there is none to use. */
static void user_path(char **path) {
    const char *named = getenv("VQDNA_TUNE_FILE");
    char *dir;
    *path = NULL;
    if (named && *named) {
        *path = strdup(named);
    } else if (vq_cache_dir(&dir)) {
        if (vq_path_join(path, dir, "tune.txt") < 0)
            *path = NULL;
        free(dir);
    }
    if (*path && !vq_cache_trusts(*path)) {
        free(*path);
        *path = NULL;
    }
}

/* Walks the lines of a text, which is written to. */
static char *next_line(char **rest) {
    char *line = *rest;
    if (!line || !*line)
        return NULL;
    char *end = strchr(line, '\n');
    if (end)
        *end++ = 0;
    *rest = end;
    return line;
}

/* Whether a text is someone else's: lines, and none of tuning. */
static bool is_foreign(const char *text) {
    char *copy = text ? strdup(text) : NULL, *rest = copy, *line, *fields[FIELDS];
    bool lines = false, ours = false;
    vq_choice choice;
    while ((line = next_line(&rest))) {
        line = trim(line);
        ours = ours || strncmp(line, head, strlen("# Tuning of vqdna")) == 0;
        lines = lines || *line;
        ours = ours || (*line != '#' && parse(line, fields, &choice));
    }
    free(copy);
    return lines && !ours;
}

static void load_user(vq_device *device) {
    char *path, *text = NULL;
    user_path(&path);
    if (!path || access(path, F_OK) != 0) {
        free(path);
        return;
    }
    if (vq_read_file(&text, NULL, path, MOST_BYTES) < 0)
        vq_log(VQDNA_WARNING, "%s; the standard tuning is used", vq_error());
    const identity me = identify(device);
    bool stale = false;
    char *rest = text, *line;
    for (int number = 1; (line = next_line(&rest)); number++) {
        vq_choice choice;
        switch (judge(&me, line, &choice)) {
        case UNREADABLE:
            vq_log(VQDNA_WARNING, "%s: line %d is not a line of tuning; it is passed over", path, number);
            break;
        case OTHER_VERSION:
            vq_log(VQDNA_WARNING, "%s: line %d is of another version of the tuner; it is passed over", path, number);
            break;
        case OTHER_DRIVER:
            stale = true;
            break;
        case OURS:
            append(device->tuning, &choice);
            break;
        case BLANK:
        case OTHER_DEVICE:
            break;
        }
    }
    if (stale)
        vq_log(VQDNA_INFO, "%s was tuned with another driver: `vqdna tune` measures anew", device->info.name);
    free(text);
    free(path);
}

static void load_shipped(vq_device *device) {
    char *text = strdup(vq_tuned_text), *rest = text, *line;
    const identity me = identify(device);
    while ((line = next_line(&rest))) {
        char *fields[FIELDS];
        vq_choice choice;
        if (parse(line, fields, &choice) && !strcmp(fields[VERSION], me.version) && !fnmatch(fields[PLATFORM], me.platform, 0) &&
            !fnmatch(fields[DEVICE], me.device, 0) && !fnmatch(fields[DRIVER], me.driver, 0) &&
            !fnmatch(fields[PRECISION], me.precision, 0))
            append(device->tuning, &choice);
    }
    free(text);
}

static bool in_force(const vq_tuning *t, int i) {
    for (int j = 0; j < i; j++)
        if (same_choice(&t->entries[j].choice, &t->entries[i].choice))
            return false;
    return true;
}

/* The order of lines does not matter: the hashes of the choices are added. */
static void hash(vq_tuning *t) {
    uint64_t sum = 0;
    for (int i = 0; i < t->count; i++)
        if (in_force(t, i)) {
            const vq_choice *c = &t->entries[i].choice;
            char text[128];
            int n = snprintf(text, sizeof text, "%s|%s|%s=%d", c->operation, c->shape, c->name, c->value);
            sum += XXH3_64bits(text, (size_t)n);
        }
    if (t->count)
        snprintf(t->hash, sizeof t->hash, "%016llx", (unsigned long long)sum);
    else
        strcpy(t->hash, "standard");
}

void vq_tuning_load(vq_device *device) {
    vq_tuning_unload(device);
    if (vq_alloc(&device->tuning, 1, sizeof *device->tuning) < 0)
        return;
    load_user(device);
    load_shipped(device);
    hash(device->tuning);
}

void vq_tuning_unload(vq_device *device) {
    if (device->tuning)
        free(device->tuning->entries);
    free(device->tuning);
    device->tuning = NULL;
}

const char *vq_tuning_hash(const vq_device *device) {
    return device->tuning ? device->tuning->hash : "standard";
}

/* ---- Look-up ----------------------------------------------------------------------------------------------------------------- */

bool vq_tunable_has(const vq_tunable *tunable, int value) {
    for (int i = 0; i < VQ_TUNABLE_VALUES && tunable->values[i]; i++)
        if (tunable->values[i] == value)
            return true;
    return false;
}

int vq_tunable_standard(const vq_device *device, const vq_tunable *tunable) {
    if (device->family == VQ_FAMILY_GPU)
        return tunable->standard[strcmp(device->info.type, "gpu") == 0 ? 0 : 1];
    return tunable->standard[device->vector_width == 16 ? 3 : 2];
}

static bool fits(const vq_choice *c, const vq_tunables *set, int which, int shape) {
    return !strcmp(c->name, set->list[which].name) && !strcmp(c->operation, set->operation) &&
           !strcmp(c->shape, set->shapes[shape].name);
}

/* The choice in force for a tunable; NULL if there is none, or none that is of the grid. */
static entry *chosen(const vq_device *device, const vq_tunables *set, int which, int shape) {
    const vq_tunable *tunable = &set->list[which];
    const int standard = vq_tunable_standard(device, tunable);
    vq_tuning *t = device->tuning;
    for (int i = 0; t && standard && i < t->count; i++) {
        entry *e = &t->entries[i];
        if (e->unusable || !fits(&e->choice, set, which, shape))
            continue;
        if (e->choice.value == standard || vq_tunable_has(tunable, e->choice.value))
            return e;
        vq_log(VQDNA_WARNING, "tuning: %s = %d of %s %s is not a value of that grid; it is passed over", e->choice.name,
               e->choice.value, e->choice.operation, e->choice.shape);
        e->unusable = true;
    }
    return NULL;
}

/* The next smaller value of a grid; false if there is none. */
static bool lower(const vq_tunable *tunable, int *value) {
    int i = VQ_TUNABLE_VALUES;
    while (--i >= 0 && (!tunable->values[i] || tunable->values[i] >= *value))
        ;
    if (i >= 0)
        *value = tunable->values[i];
    return i >= 0;
}

/* Lowers values until the device takes them: one of them alone where that will do, else all step by step. */
static void shrink(int *values, const vq_device *device, const vq_tunables *set, int shape) {
    for (bool lowered = true; lowered && !set->allows(device, shape, values);) {
        lowered = false;
        for (int i = 0; i < set->count; i++) {
            const int before = values[i];
            while (values[i] && lower(&set->list[i], &values[i]))
                if (set->allows(device, shape, values))
                    return;
            for (int k = 0; before && k < VQ_TUNABLE_VALUES && set->list[i].values[k]; k++) { /* a number may be no size */
                values[i] = set->list[i].values[k];
                if (set->allows(device, shape, values))
                    return;
            }
            values[i] = before;
        }
        for (int i = 0; i < set->count; i++)
            lowered |= values[i] && lower(&set->list[i], &values[i]);
    }
}

void vq_tuned_all(int *values, const vq_device *device, const vq_tunables *set, int shape) {
    const bool plain = vq_shape_of(device, set->operation).plain; /* a plain kernel is a CPU's, and is not tuned */
    const vq_tuning *t = device->tuning;
    const bool trial = t && t->imposing;
    entry *of[VQ_TUNABLES] = {0};
    for (int i = 0; i < set->count; i++) {
        of[i] = plain ? NULL : chosen(device, set, i, shape);
        values[i] = plain ? set->list[i].standard[2] : of[i] ? of[i]->choice.value : vq_tunable_standard(device, &set->list[i]);
        if (trial && !plain && values[i] && fits(&t->imposed, set, i, shape))
            values[i] = t->imposed.value;
    }
    if (plain || !set->allows || set->allows(device, shape, values))
        return;
    for (int i = set->count - 1; i >= 0 && !trial; i--)
        if (of[i]) {
            const vq_choice *c = &of[i]->choice;
            vq_log(VQDNA_WARNING,
                   "tuning: %s = %d of %s %s, with the other values, is more than the device takes; it is passed over", c->name,
                   c->value, c->operation, c->shape);
            of[i]->unusable = true;
            vq_tuned_all(values, device, set, shape);
            return;
        }
    shrink(values, device, set, shape);
}

int vq_tuned(const vq_device *device, const vq_tunables *set, int which, int shape) {
    int values[VQ_TUNABLES];
    vq_tuned_all(values, device, set, shape);
    return values[which];
}

bool vq_tuning_allows(const vq_device *device, const vq_tunables *set, int which, int shape, int value) {
    int values[VQ_TUNABLES];
    vq_tuned_all(values, device, set, shape);
    values[which] = value;
    return !set->allows || set->allows(device, shape, values);
}

void vq_tuning_impose(vq_device *device, const vq_choice *choice) {
    if (!device->tuning)
        return;
    device->tuning->imposing = choice != NULL;
    if (choice)
        device->tuning->imposed = *choice;
}

/* ---- The user's file --------------------------------------------------------------------------------------------------------- */

static void print_choice(FILE *to, const identity *me, const vq_choice *c) {
    fprintf(to, "%s | %s | %s | %s | %s | %s | %s | %s = %d\n", me->version, me->platform, me->device, me->driver, me->precision,
            c->operation, c->shape, c->name, c->value);
}

/* Whether a line of ours, or of an earlier driver, makes one of the choices. */
static bool replaced(const identity *me, const char *line, const vq_choice *choices, int count) {
    char *copy = strdup(line);
    vq_choice choice;
    ownership whose = copy ? judge(me, copy, &choice) : BLANK;
    free(copy);
    for (int i = 0; i < count && (whose == OURS || whose == OTHER_DRIVER); i++)
        if (same_choice(&choice, &choices[i]))
            return true;
    return false;
}

vq_status vq_tuning_keep(vq_device *device, const vq_choice *choices, int count) {
    const identity me = identify(device);
    char *path, *text = NULL, *rest, *line;
    vq_outfile out = {0};
    vq_status status = VQDNA_OK;
    user_path(&path);
    if (!path)
        return vq_fail(VQDNA_ERR_OUTPUT, "there is no file to keep the tuning in: VQDNA_TUNE_FILE names one");
    if (access(path, F_OK) == 0)
        VQ_TRY_OR(done, vq_read_file(&text, NULL, path, MOST_BYTES));
    if (is_foreign(text)) {
        status = vq_fail(VQDNA_ERR_OUTPUT, "%s holds no tuning, so none is written to it: name another file", path);
        goto done;
    }
    VQ_TRY_OR(done, vq_cache_open(&out, path));
    if (!text)
        fputs(head, out.file);
    for (rest = text; (line = next_line(&rest));)
        if (!replaced(&me, line, choices, count))
            fprintf(out.file, "%s\n", line);
    for (int i = 0; i < count; i++)
        print_choice(out.file, &me, &choices[i]);
    VQ_TRY_OR(done, vq_outfile_commit(&out));
    vq_tuning_load(device);
done:
    vq_outfile_discard(&out);
    free(text);
    free(path);
    return status;
}

vq_status vq_tuning_export(vq_device *device, const char *path, int *count) {
    const identity me = identify(device);
    char *from, *text = NULL, *rest, *line;
    vq_outfile out = {0};
    vq_status status = VQDNA_OK;
    *count = 0;
    user_path(&from);
    if (from && access(from, F_OK) == 0)
        VQ_TRY_OR(done, vq_read_file(&text, NULL, from, MOST_BYTES));
    struct stat a, b;
    if (from && stat(from, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino) {
        status = vq_fail(VQDNA_ERR_USAGE, "%s is the user's file itself: its lines of other devices would be lost", path);
        goto done;
    }
    VQ_TRY_OR(done, vq_outfile_open(&out, path));
    fputs(head, out.file);
    for (rest = text; (line = next_line(&rest));) {
        vq_choice choice;
        if (judge(&me, line, &choice) == OURS) {
            print_choice(out.file, &me, &choice);
            ++*count;
        }
    }
    VQ_TRY_OR(done, vq_outfile_commit(&out));
done:
    vq_outfile_discard(&out);
    free(text);
    free(from);
    return status;
}

/* Leaves the choices that the device takes, together with each other and with those in force, and returns how many. */
static int drop_unfit(vq_device *device, vq_choice *choices, int count, vq_tuning_find find) {
    vq_tuning *before = device->tuning, with = {0};
    for (int i = 0; i < count; i++)
        append(&with, &choices[i]);
    for (int i = 0; before && i < before->count; i++)
        append(&with, &before->entries[i].choice);
    device->tuning = &with;
    int left = 0;
    for (int i = 0; i < count && count <= with.count; i++) {
        int values[VQ_TUNABLES], shape;
        const vq_tunables *set = find(&choices[i], &shape);
        vq_tuned_all(values, device, set, shape);
        if (!with.entries[i].unusable)
            choices[left++] = choices[i];
    }
    device->tuning = before;
    free(with.entries);
    return left;
}

vq_status vq_tuning_import(vq_device *device, const char *path, vq_tuning_find find, int *taken, int *skipped) {
    static const char *const why[] = {[UNREADABLE] = "is not a line of tuning",
                                      [OTHER_VERSION] = "is of another version of the tuner",
                                      [OTHER_DEVICE] = "is of another device",
                                      [OTHER_DRIVER] = "is of another driver",
                                      [OURS] = "names no tunable of this program, or a value that is not of its grid"};
    const identity me = identify(device);
    char *text, *line;
    vq_choice *choices = NULL;
    vq_status status;
    int found = 0, shape;
    *taken = *skipped = 0;
    VQ_TRY(vq_read_file(&text, NULL, path, MOST_BYTES));
    int lines = 1;
    for (const char *c = text; *c; c++)
        lines += *c == '\n';
    VQ_TRY_OR(done, vq_alloc(&choices, (size_t)lines, sizeof *choices));
    char *rest = text;
    for (int number = 1; (line = next_line(&rest)); number++) {
        vq_choice *choice = &choices[found];
        ownership whose = judge(&me, line, choice);
        if (whose == BLANK)
            continue;
        if (whose == OURS && find(choice, &shape)) {
            found++;
            continue;
        }
        ++*skipped;
        vq_log(VQDNA_WARNING, "%s: line %d %s; it is passed over", path, number, why[whose]);
    }
    *taken = drop_unfit(device, choices, found, find);
    *skipped += found - *taken;
    if (*taken)
        status = vq_tuning_keep(device, choices, *taken);
done:
    free(choices);
    free(text);
    return status;
}
