/* For tests on a device: one device a process, and small random inputs. */
#ifndef VQ_TESTS_FIXTURE_H
#define VQ_TESTS_FIXTURE_H

#include "base/rng.h"
#include "device/memory.h"
#include "device/open.h"
#include "scratch.h"

static vq_device *device;

/* Check's unchecked fixtures. Products by our own kernels are what holds bit for bit; a GPU may use CLBlast otherwise. */
static inline void fixture_open(void) {
    setenv("VQDNA_GEMM", "tile", 0);
    ck_ok(vq_device_open(&device, NULL, 0));
}

static inline void fixture_close(void) {
    vq_device_close(device);
    device = NULL;
}

/* Uniform in [low, high): number `i` of the sequence `which`. */
static inline double fixture_uniform(uint64_t which, uint64_t i, double low, double high) {
    return low + (high - low) * vq_rng_uniform(1, VQ_STREAM_TEST, which, i);
}

/* Random bases, one in `unknown` of them unknown (0: none). */
static inline void fixture_bases(uint8_t *out, size_t count, uint64_t which, uint32_t unknown) {
    for (size_t i = 0; i < count; i++) {
        uint32_t word = vq_rng_u32(2, VQ_STREAM_TEST, which, i);
        out[i] = unknown && word % unknown == 0 ? 4 : (uint8_t)(word >> 30);
    }
}

/* A case of `test` in a suite with the device open. */
static inline TCase *fixture_case(Suite *suite, const char *name) {
    TCase *c = tcase_create(name);
    tcase_add_unchecked_fixture(c, fixture_open, fixture_close);
    suite_add_tcase(suite, c);
    return c;
}

#endif
