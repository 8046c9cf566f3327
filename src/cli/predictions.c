#include "cli/predictions.h"

int vq_predictions_write(vq_cli *cli, const char *path, size_t rows, const char *const *labels, const int *truth,
                         const int *predicted, const char *provenance) {
    vq_output out;
    int code = vq_output_open(&out, cli, path, VQ_KIND_PREDICTIONS);
    if (code != VQ_GO_ON)
        return code;
    vq_output_print(&out, "#vqdna predictions 1\n");
    if (provenance)
        vq_output_print(&out, "#provenance %s\n", provenance);
    vq_output_print(&out, "#row\tlabel\tpredicted\n");
    for (size_t i = 0; i < rows; i++)
        vq_output_print(&out, "%zu\t%s\t%s\n", i, labels[truth[i]], labels[predicted[i]]);
    return vq_output_commit(&out, NULL, cli);
}
