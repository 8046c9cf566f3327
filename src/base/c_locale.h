/* Numbers are read and written with a point, whatever the locale of the program that the library lives in. */
#ifndef VQ_BASE_C_LOCALE_H
#define VQ_BASE_C_LOCALE_H

#include <locale.h>

static inline locale_t vq_locale_enter(void) {
    return uselocale(newlocale(LC_ALL_MASK, "C", (locale_t)0)); /* a constant of the C library: never freed */
}

static inline void vq_locale_leave(const locale_t *before) {
    uselocale(*before);
}

/* From here to the end of the block the calling thread has the C locale. No goto may jump over it. */
#define VQ_C_LOCALE __attribute__((cleanup(vq_locale_leave))) const locale_t vq_locale_before = vq_locale_enter()

#endif
