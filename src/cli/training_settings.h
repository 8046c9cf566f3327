/* Settings "key=value" of a training, whose table the library has: help and options are made from it. */
#ifndef VQ_CLI_TRAINING_SETTINGS_H
#define VQ_CLI_TRAINING_SETTINGS_H

#include "cli/cli_options.h"

typedef const vqdna_option *(*vq_settings_at)(size_t index);

/* The option of a setting; NULL if there is none. */
const vqdna_option *vq_settings_find(vq_settings_at at, const char *setting);

/* Prints the table; VQ_EXIT_OK. */
int vq_settings_list(vq_settings_at at);

/* A command-line option of a key, its help from the table; the text is kept in `texts`. */
vq_option vq_setting(vq_settings_at at, const char *key, const char *argument, vq_list *settings, vq_list *texts);

#endif
