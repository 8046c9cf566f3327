/* One table of cases an operation, read by all who check or time it: the tests (value against a double-precision reference, gradient
 * against central differences of that reference), first use and the self-test on a user's device, trials of the tuner, and the
 * benchmark. src/check/cases_NAME.c defines `const vq_case_table vq_cases_NAME`. */
#ifndef VQ_CHECK_CASE_H
#define VQ_CHECK_CASE_H

#include "device/launch.h"
#include "device/tune.h"

enum { VQ_CASE_DIMS = VQ_TUNABLE_DIMS, VQ_CASE_TUNABLES = 2 };

/* What a device is first seen for: to give codes, to train. */
typedef enum vq_use { VQ_USE_CODES = 1, VQ_USE_TRAINING = 2 } vq_use;

/* The status of a case that ran and was wrong. Any other failure says that it could not run, and nothing about its kernels. */
#define VQ_CASE_WRONG VQDNA_ERR_NUMERIC

typedef struct vq_case vq_case; /* one shape of an operation being tried: its tensors on host (double) and device */

typedef struct vq_case_shape {
    int dims[VQ_CASE_DIMS];
    bool large; /* for timing only: a reference in double would take too long */
    unsigned
        known; /* VQ_USE_...: a known answer at first use. Its build options are those of a model's own launches, so that nothing
                       is compiled that will not be used */
} vq_case_shape;

typedef struct vq_case_table {
    const char *operation;                         /* "layernorm" */
    const char *dims;                              /* names of the dims: "M D" */
    const vq_case_shape *shapes;                   /* ended by dims[0] == 0 */
    const vq_tunables *tunables[VQ_CASE_TUNABLES]; /* whose classes are timed and checked by this table's dims */
    double tolerance;          /* of values: |got - want| <= tolerance * (rms(want) + |want|) for each element */
    double gradient_tolerance; /* of gradients: norm of the difference over norm; 0: 1e-4 */
    /* Declares the tensors of a shape through vq_case_input etc. */
    vq_status (*declare)(vq_case *c, const int *dims);
    /* Launches forward, then (may be NULL) backward on the device tensors. */
    vq_status (*forward)(vq_case *c, vq_device *device, const int *dims);
    vq_status (*backward)(vq_case *c, vq_device *device, const int *dims);
    /* Fills the expected outputs in double from the host inputs. Pure: called again with inputs moved for central differences. */
    void (*reference)(vq_case *c, const int *dims);
    double (*flops)(const int *dims); /* of forward; NULL: 0 */
    double (*bytes)(const int *dims);
} vq_case_table;

/* All tables in the order of cmake/ops.cmake, ended by NULL. Written by CMake. */
extern const vq_case_table *const vq_case_tables[];

/* The i-th known answer of a use; NULL past the last. */
const vq_case_shape *vq_case_known(const vq_case_table **table, vq_use use, int i);
/* The i-th set of tunables; NULL past the last. */
const vq_tunables *vq_case_tunables(const vq_case_table **table, int i);

/* -- for declare() -- */
/* The device the shape will run on, to ask it for scratch sizes. */
vq_device *vq_case_device(const vq_case *c);
/* A float input, uniform in [low, high). */
void vq_case_input(vq_case *c, const char *name, size_t count, double low, double high);
/* An integer input (VQ_I32, VQ_U8 or VQ_U16), uniform in [low, high]. */
void vq_case_indices(vq_case *c, const char *name, vq_dtype dtype, size_t count, int low, int high);
/* An output: filled with NaN before the launch, compared after it. Integer outputs (VQ_I32, VQ_U16) must be equal. */
void vq_case_output(vq_case *c, const char *name, vq_dtype dtype, size_t count);
/* An output that starts at random values the reference must add to (vq_case_before reads them): for contracts with +=. */
void vq_case_inout(vq_case *c, const char *name, size_t count, double low, double high);
/* Saved or scratch memory of the operation: NaN before, not compared. */
void vq_case_scratch(vq_case *c, const char *name, size_t bytes);
/* The gradient arriving at output `of`: random, and the weight of that output in the scalar the central differences are taken of.
 */
void vq_case_seed(vq_case *c, const char *name, const char *of);
/* A gradient backward() writes: of input `of`. `adds`: starts at random values and must be added to. */
void vq_case_gradient(vq_case *c, const char *name, const char *of, bool adds);

/* -- for forward(), backward() -- */
vq_view vq_case_view(const vq_case *c, const char *name);

/* -- for reference() -- */
double *vq_case_value(vq_case *c, const char *name);        /* host values of an input, or the expected output to fill */
const double *vq_case_before(vq_case *c, const char *name); /* start values of an inout */

/* Runs one shape: value and gradient. *error is the largest deviation in units of the tolerance. */
vq_status vq_case_run(const vq_case_table *table, const vq_case_shape *shape, vq_device *device, double *error);

/* Runs one shape's forward (or forward and backward) `repeats` times after a warm-up; seconds [repeats] gets each run's wall time,
 * or the process's CPU time, which other load on the machine does not stretch. */
vq_status vq_case_time(const vq_case_table *table, const vq_case_shape *shape, vq_device *device, bool backward, bool cpu,
                       int repeats, double *seconds);

/* -- for whoever does more than one thing with a shape: the benchmark -- */
vq_status vq_case_open(vq_case **out, const vq_case_table *table, const vq_case_shape *shape, vq_device *device);
void vq_case_close(vq_case *c);

/* For shapes whose whole reference would take too long: the error, in units of the tolerance, of `got`, element i of output
 * `output`. */
typedef struct vq_case_spot {
    const char *output;
    double (*error)(vq_case *c, const int *dims, size_t i, double got);
} vq_case_spot;

/* Runs forward from fresh inputs and compares values: all of them, or with `spot` that many random elements of one output.
 * VQ_CASE_WRONG if one is off. */
vq_status vq_case_check(vq_case *c, const vq_case_spot *spot, int count);

/* Runs forward (and backward) from fresh inputs, to the end. */
vq_status vq_case_launch(vq_case *c, bool backward);

/* How far the values that forward left in two cases of one table and shape lie apart, in units of the tolerance. */
vq_status vq_case_differ(vq_case *c, vq_case *other, double *error);

/* Enqueues forward (and backward) once more on the tensors as they are. */
vq_status vq_case_enqueue(vq_case *c, bool backward);

/* What one forward does and moves: the table's count; without one for bytes, each tensor but scratch and gradients once. */
double vq_case_flops(const vq_case *c);
double vq_case_bytes(const vq_case *c);

/* "M 5 D 64" */
void vq_case_label(const vq_case_table *table, const vq_case_shape *shape, char *out, size_t size);

#endif
