#include "nn/mixers.h"

#include <stdio.h>
#include <string.h>

static const char *const names[] = {[VQ_ATTENTION] = "attention", [VQ_HYENA] = "hyena"};
enum { NAMES = sizeof names / sizeof *names };

static int find(const char *name, size_t length) {
    for (int i = 0; i < NAMES; i++)
        if (strlen(names[i]) == length && !strncmp(names[i], name, length))
            return i;
    return -1;
}

vq_status vq_mixers_parse(vq_body_config *c, const char *text) {
    int count = 0;
    for (const char *at = text, *end; at; at = *end ? end + 1 : NULL, count++) {
        end = at + strcspn(at, ",");
        const int mixer = find(at, (size_t)(end - at));
        if (mixer < 0)
            return vq_fail(VQDNA_ERR_USAGE, "mixer '%.*s' is not known: use attention, hyena, or a list of them, one a layer",
                           (int)(end - at), at);
        if (count < c->layers && count < VQ_MAX_LAYERS)
            c->mixers[count] = (vq_mixer)mixer;
    }
    if (count > 1 && count != c->layers)
        return vq_fail(VQDNA_ERR_USAGE,
                       "mixer lists %d layers and the body has %d: give one name for all, one a layer, or layers=%d", count,
                       c->layers, count);
    for (int i = 1; i < c->layers && i < VQ_MAX_LAYERS && count == 1; i++)
        c->mixers[i] = c->mixers[0];
    return VQDNA_OK;
}

void vq_mixers_text(char out[VQ_MIXERS_TEXT], const vq_body_config *c) {
    const int count = vq_body_has(c, c->mixers[0] == VQ_HYENA ? VQ_ATTENTION : VQ_HYENA) ? c->layers : 1;
    size_t used = 0;
    for (int i = 0; i < count; i++)
        used += (size_t)snprintf(out + used, VQ_MIXERS_TEXT - used, "%s%s", i ? "," : "", names[c->mixers[i]]);
}
