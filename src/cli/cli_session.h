/* What a command that runs a model needs: the device, the model, and where they came from. */
#ifndef VQ_CLI_SESSION_H
#define VQ_CLI_SESSION_H

#include "cli/cli.h"

#include <jansson.h>

typedef struct vq_session {
    vqdna_context *context;
    vqdna_tokenizer *tokenizer;
    vqdna_model_info info;
    char model_sha256[65]; /* of model.safetensors; "" without a model */
} vq_session;

/* Opens the device; with `model` also that folder, looked at before the device so that a mistyped name is told at once. Close
 * the session after a failure too. VQ_GO_ON, or an exit code after a sentence. */
int vq_session_open(vq_session *session, vq_cli *cli, const char *model);
void vq_session_close(vq_session *session);

/* The same with a model that finetune made in place of a tokenizer, or with `adapter` of one, and its base; *predictor is the caller's, to be destroyed before the session closes. */
int vq_session_open_predictor(vq_session *session, vq_cli *cli, const char *model, const char *adapter,
                              vqdna_predictor **predictor);

/* Who made an output and how: version, command line, seed, device, driver, hash of the model. NULL with --no-provenance. */
json_t *vq_provenance(const vq_cli *cli, const vq_session *session);

/* The same as one line of text to be freed; NULL with --no-provenance. */
char *vq_provenance_text(const vq_cli *cli, const vq_session *session);

/* JSON without surprises: a string whose bytes need not be UTF-8, a number that may be infinite (null then), and a value printed on
 * one line or, with `indent`, on many; the text is to be freed. */
json_t *cli_json_text(const char *text);
json_t *cli_json_number(double number);
char *vq_json_print(const json_t *value, bool indent);

#endif
