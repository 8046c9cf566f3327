#include "cli/training_settings.h"

#include <stdio.h>
#include <string.h>

const vqdna_option *vq_settings_find(vq_settings_at at, const char *setting) {
    const vqdna_option *o;
    const size_t length = strcspn(setting, "=");
    for (size_t i = 0; (o = at(i)); i++)
        if (strlen(o->key) == length && !strncmp(o->key, setting, length))
            return o;
    return NULL;
}

int vq_settings_list(vq_settings_at at) {
    const vqdna_option *o;
    for (size_t i = 0; (o = at(i)); i++)
        printf("%-20s%s (default: %s)\n", o->key, o->help, o->fallback);
    return VQ_EXIT_OK;
}

vq_option vq_setting(vq_settings_at at, const char *key, const char *argument, vq_list *settings, vq_list *texts) {
    char name[64]; /* as the table has it: learning_rate for --learning-rate */
    snprintf(name, sizeof name, "%s", key);
    for (char *c = name; *c; c++)
        *c = *c == '-' ? '_' : *c;
    const vqdna_option *o = vq_settings_find(at, name);
    vq_list_append(texts, strcmp(o->fallback, "none") ? vq_join("%s (default: %s)", o->help, o->fallback) : vq_need_text(o->help));
    return (vq_option){key, 0, argument, VQ_SETTING, settings, texts->items[texts->count - 1]};
}
