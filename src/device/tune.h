/* Tunables: numbers a kernel is free to choose, looked up at each launch.
 *
 * An operation declares its grid beside its launch: the names, the values worth trying, the standard ones, classes of shapes that
 * are tuned apart, and which values fit a device together. A value is the first of: what a trial imposes, the user's file, what is shipped for the device, what is
 * shipped for its kind, the standard. The user's file is $VQDNA_TUNE_FILE, or tune.txt in the cache folder, one line a choice:
 *     1 | PLATFORM | DEVICE | DRIVER | fp32x16 | gemm | large | MC = 192
 * tuner's version, the device as OpenCL names it, precision and vector width, operation, class of shapes, name and value. Lines of
 * other devices are left alone; one that cannot be used, or does not fit the device together with the others, is passed over with a
 * warning. Where not even the standard values fit, the nearest smaller ones that do are in force. */
#ifndef VQ_DEVICE_TUNE_H
#define VQ_DEVICE_TUNE_H

#include "device/device.h"

enum { VQ_TUNER_VERSION = 1, VQ_TUNABLE_VALUES = 8, VQ_TUNABLE_DIMS = 8, VQ_TUNABLES = 12 };

typedef struct vq_tunable {
    const char *name;
    int values[VQ_TUNABLE_VALUES]; /* worth trying, rising, ended by 0 unless full */
    int standard[4];               /* on a GPU, on another device with a GPU's kernels, on a CPU device, on one whose registers hold
                                      16 floats; 0: has no meaning there */
    bool slow_on_cpu;              /* too slow to compile there for a quick search */
} vq_tunable;

/* A class of shapes and the dims, of the case table that names the tunables, that stand for it: `timed` is measured, `checked` has the same build options and
 * a reference for every value. */
typedef struct vq_tuning_shape {
    const char *name;
    int timed[VQ_TUNABLE_DIMS], checked[VQ_TUNABLE_DIMS];
    bool backward; /* measured forward and backward */
} vq_tuning_shape;

typedef struct vq_tunables {
    const char *operation;
    const vq_tunable *list;
    const vq_tuning_shape *shapes;
    int count, shape_count; /* count: at most VQ_TUNABLES */
    bool recompiles;        /* a change of value compiles anew: a sample is taken after a run that does not count */
    /* Whether a device takes the values [count] for class `shape`: local memory, work-items, what holds among them. NULL: any. */
    bool (*allows)(const vq_device *device, int shape, const int *values);
} vq_tunables;

/* The value of tunable `which` for class `shape`: indices into the two lists. 0 where it has no meaning. */
int vq_tuned(const vq_device *device, const vq_tunables *set, int which, int shape);

/* The values [count] of all tunables, and those with one of them in place of the one in force: whether the device takes them. */
void vq_tuned_all(int *values, const vq_device *device, const vq_tunables *set, int shape);
bool vq_tuning_allows(const vq_device *device, const vq_tunables *set, int which, int shape, int value);

bool vq_tunable_has(const vq_tunable *tunable, int value);
int vq_tunable_standard(const vq_device *device, const vq_tunable *tunable);

/* One line of the file. */
typedef struct vq_choice {
    char operation[24], shape[24], name[24];
    int value;
} vq_choice;

/* Reads the user's file and what is shipped; called when a device is opened. Never fails: without, the standard values serve. */
void vq_tuning_load(vq_device *device);
void vq_tuning_unload(vq_device *device);

/* From now on a choice as if it stood first in the file, for trials; NULL ends that. */
void vq_tuning_impose(vq_device *device, const vq_choice *choice);

/* Puts choices for this device into the user's file, in place of earlier ones, and into use. The file appears whole. */
vq_status vq_tuning_keep(vq_device *device, const vq_choice *choices, int count);

/* Writes the user's lines for this device to `path`; *count of them. */
vq_status vq_tuning_export(vq_device *device, const char *path, int *count);

/* Finds the tunables and the class that a choice is of; NULL if there are none, or if its value is not of the grid. */
typedef const vq_tunables *(*vq_tuning_find)(const vq_choice *choice, int *shape);

/* Takes the lines of `path` that are for this device, that `find` finds and that the device allows into the user's file; the others
 * are passed over with a warning each. */
vq_status vq_tuning_import(vq_device *device, const char *path, vq_tuning_find find, int *taken, int *skipped);

/* 16 hexadecimal digits of all choices in force, user's and shipped; "standard" if there is none. Lives with the device. */
const char *vq_tuning_hash(const vq_device *device);

/* Shipped choices, in the format above, * standing for any text, special before general. Only tests put others here. */
extern const char *vq_tuned_text;

#endif
