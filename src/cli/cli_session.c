#include "cli/cli_session.h"
#include "cli/cli_sha256.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int hash_model(vq_session *session, vq_cli *cli, const char *model) {
    char *weights = vq_join("%s/model.safetensors", model);
    int code = vq_sha256_file(cli, weights, session->model_sha256);
    free(weights);
    return code;
}

static vqdna_status open_device(vq_session *session, const vq_cli *cli) {
    vqdna_context_options options = {.device = cli->device, .threads = (int)cli->threads};
    return vqdna_context_create(&session->context, &options);
}

int vq_session_open(vq_session *session, vq_cli *cli, const char *model) {
    *session = (vq_session){0};
    cli->model = model;
    vqdna_status status;
    if (model) {
        status = vqdna_model_describe(model, &session->info, NULL, NULL);
        if (status < 0)
            return vq_cli_failed(cli, status);
        int code = hash_model(session, cli, model);
        if (code != VQ_GO_ON)
            return code;
    }
    status = open_device(session, cli);
    if (status >= 0 && model)
        status = vqdna_tokenizer_open(&session->tokenizer, session->context, model);
    return status < 0 ? vq_cli_failed(cli, status) : VQ_GO_ON;
}

int vq_session_open_predictor(vq_session *session, vq_cli *cli, const char *model, const char *adapter,
                              vqdna_predictor **predictor) {
    *session = (vq_session){0};
    cli->model = model;
    int code = hash_model(session, cli, model);
    if (code != VQ_GO_ON)
        return code;
    vqdna_status status = open_device(session, cli);
    if (status >= 0)
        status = adapter ? vqdna_predictor_open_adapter(predictor, session->context, model, adapter)
                         : vqdna_predictor_open(predictor, session->context, model);
    return status < 0 ? vq_cli_failed(cli, status) : VQ_GO_ON;
}

void vq_session_close(vq_session *session) {
    vqdna_tokenizer_destroy(session->tokenizer);
    vqdna_context_destroy(session->context);
    *session = (vq_session){0};
}

json_t *cli_json_text(const char *text) {
    json_t *value = json_string(text);
    if (value)
        return value;
    char *ascii = vq_need_text(text);
    for (char *c = ascii; *c; c++)
        if (*c & 0x80)
            *c = '?';
    value = json_string(ascii);
    free(ascii);
    return value;
}

json_t *cli_json_number(double number) {
    return isfinite(number) ? json_real(number) : json_null();
}

char *vq_json_print(const json_t *value, bool indent) {
    char *text = json_dumps(value, JSON_REAL_PRECISION(9) | (indent ? JSON_INDENT(2) : JSON_COMPACT));
    return text ? text : vq_need_text("null"); /* only without memory */
}

json_t *vq_provenance(const vq_cli *cli, const vq_session *session) {
    if (cli->no_provenance)
        return NULL;
    json_t *object = json_object(), *command = json_array();
    json_object_set_new(object, "program", json_string("vqdna"));
    json_object_set_new(object, "version", json_string(vqdna_version()));
    for (int i = 0; i < cli->argc; i++)
        json_array_append_new(command, cli_json_text(cli->argv[i]));
    json_object_set_new(object, "command", command);
    if (cli->seed)
        json_object_set_new(object, "seed", json_integer((json_int_t)cli->seed));
    if (session->context) { /* k-mers need no device */
        const vqdna_device_info *device = vqdna_context_device(session->context);
        json_object_set_new(object, "device", cli_json_text(device->name));
        json_object_set_new(object, "platform", cli_json_text(device->platform));
        json_object_set_new(object, "driver", cli_json_text(device->driver));
        json_object_set_new(object, "tuning", json_string(vqdna_tuning_hash(session->context)));
        if (*vqdna_plain_operations(session->context))
            json_object_set_new(object, "plain_kernels", json_string(vqdna_plain_operations(session->context)));
    }
    if (session->model_sha256[0])
        json_object_set_new(object, "model_sha256", json_string(session->model_sha256));
    return object;
}

char *vq_provenance_text(const vq_cli *cli, const vq_session *session) {
    json_t *object = vq_provenance(cli, session);
    char *text = object ? vq_json_print(object, false) : NULL;
    json_decref(object);
    return text;
}
