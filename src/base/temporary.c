#include "base/temporary.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

enum { PLACES = 64 };
static _Atomic(const char *) names[PLACES];
static atomic_bool ending;

/* Puts `to` into the first place that holds `from`. */
static bool swap(const char *from, const char *to) {
    for (int i = 0; i < PLACES; i++) {
        const char *expected = from;
        if (atomic_compare_exchange_strong(&names[i], &expected, to))
            return true;
    }
    return false;
}

void vq_temporary_add(const char *name) {
    swap(NULL, name);
}

void vq_temporary_drop(char *name) {
    if (name && (swap(name, NULL) || !atomic_load(&ending)))
        free(name);
}

void vq_temporaries_remove(void) {
    atomic_store(&ending, true);
    for (int i = 0; i < PLACES; i++) {
        const char *name = atomic_exchange(&names[i], NULL);
        if (name)
            unlink(name);
    }
}
