/* Loops that the compiler vectorizes, compiled for several vector units: the best one that the machine has is taken when the program starts.
 * Results are the same to the bit on each, as sums are written lane by lane and products are not fused with them (CMakeLists.txt). */
#ifndef VQ_BASE_VECTORIZE_H
#define VQ_BASE_VECTORIZE_H

#include <stdlib.h> /* for __GLIBC__ */

/* Before a function's definition, whose loops are in it or in functions that it inlines. Sanitizers start too late for what this needs. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#define VQ_VECTOR_UNITS __attribute__((target_clones("default", "avx2", "avx512f")))
#else
#define VQ_VECTOR_UNITS
#endif

/* As many floats as the widest register has, in as many registers as it takes. A loop whose lanes keep sums of their own is written in
 * them: of plain code GCC may take the other loop, and then adds a register's floats one by one to keep the order of a sum. */
enum { VQ_LANES = 16 };
typedef float vq_lanes __attribute__((vector_size(VQ_LANES * sizeof(float))));

#endif
