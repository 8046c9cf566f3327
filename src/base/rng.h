/* Counter-based random numbers: Philox 4x32-10 (Salmon et al. 2011) through Random123. A number is a pure function of (seed,
 * stream, step, element), so a resumed run draws what the uninterrupted one would have drawn, and a kernel draws what the host
 * would.
 *
 * The mapping, which a kernel must repeat:
 *   key     = { low 32 bits of seed, high 32 bits of seed }
 *   counter = { low 32 bits of element, bits 32..47 of element | stream << 16, low 32 bits of step, high 32 bits of step } */
#ifndef VQ_BASE_RNG_H
#define VQ_BASE_RNG_H

#include <stdint.h>

/* Who draws: two users of one seed never share a number. Below 2^16; stored in no file, but a change of order changes every run. */
typedef enum vq_rng_stream {
    VQ_STREAM_INIT = 0, /* weights */
    VQ_STREAM_SAMPLE,   /* training windows */
    VQ_STREAM_RESEED,   /* unused codes */
    VQ_STREAM_KMEANS,   /* the codebook's start */
    VQ_STREAM_PHASE,    /* which codes the decoder sees */
    VQ_STREAM_TEST,
    VQ_STREAM_BOOTSTRAP,      /* rows of a resample */
    VQ_STREAM_SPLIT,          /* which rows of a table are held out */
    VQ_STREAM_SHUFFLE,        /* bases of a window */
    VQ_STREAM_CHANGE,         /* bases that are put in to see what codes they change */
    VQ_STREAM_MASK,           /* tokens that are hidden */
    VQ_STREAM_MAP,            /* where records of a map start */
    VQ_STREAM_CUT,            /* the stretch of a sequence that is read */
    VQ_STREAM_PROJECT,        /* the signs of a random projection */
    VQ_STREAM_STRAND,         /* which strand of a sequence is read */
    VQ_STREAM_DROPOUT = 1024, /* and as many more as a model has places that drop */
} vq_rng_stream;

typedef struct vq_rng_block {
    uint32_t v[4];
} vq_rng_block;

/* Four independent words. element < 2^48. */
vq_rng_block vq_rng(uint64_t seed, uint32_t stream, uint64_t step, uint64_t element);

/* Words of one block as numbers: 64 bits; uniform in [0, 1) with 53 and 24 bits; an integer in [0, n), n > 0, whose bias is below
 * n / 2^64. */
uint64_t vq_rng_join(uint32_t low, uint32_t high);
double vq_rng_unit(uint64_t bits);
float vq_rng_unitf(uint32_t bits);
uint64_t vq_rng_bound(uint64_t bits, uint64_t n);

/* The same from the first words of the block (seed, stream, step, element). */
uint32_t vq_rng_u32(uint64_t seed, uint32_t stream, uint64_t step, uint64_t element);
uint64_t vq_rng_u64(uint64_t seed, uint32_t stream, uint64_t step, uint64_t element);
double vq_rng_uniform(uint64_t seed, uint32_t stream, uint64_t step, uint64_t element);
uint64_t vq_rng_below(uint64_t n, uint64_t seed, uint32_t stream, uint64_t step, uint64_t element);

#endif
