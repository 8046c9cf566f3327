#include "ops/embedding.h"

#include "check/case.h"

/* dims: M D V add; the last row has no id */
static const double scale = 0.75;

static vq_status declare(vq_case *c, const int *d) {
    const size_t M = (size_t)d[0], D = (size_t)d[1], V = (size_t)d[2];
    vq_case_input(c, "table", V * D, -1, 1);
    vq_case_indices(c, "ids", VQ_I32, M, 0, d[2]);
    if (d[3])
        vq_case_inout(c, "y", M * D, -1, 1);
    else
        vq_case_output(c, "y", VQ_F32, M * D);
    vq_case_seed(c, "dy", "y");
    vq_case_gradient(c, "dtable", "table", true);
    vq_case_scratch(c, "sums", (V + 1) * D * sizeof(float));
    vq_case_scratch(c, "counts", (V + 1) * sizeof(int32_t));
    vq_case_scratch(c, "order", M * sizeof(int32_t));
    vq_case_scratch(c, "scratch", vq_embedding_scratch(vq_case_device(c), d[0], d[2]));
    return VQDNA_OK;
}

static vq_status forward(vq_case *c, vq_device *device, const int *d) {
    return vq_embedding_forward(device, vq_case_view(c, "y"), vq_case_view(c, "table"), vq_case_view(c, "ids"), d[0], d[1], d[2],
                                (float)scale, d[3]);
}

static vq_status backward(vq_case *c, vq_device *device, const int *d) {
    const vq_embedding_work work = {vq_case_view(c, "sums"), vq_case_view(c, "counts"), vq_case_view(c, "order"),
                                    vq_case_view(c, "scratch")};
    return vq_embedding_backward(device, vq_case_view(c, "dtable"), &work, vq_case_view(c, "dy"), vq_case_view(c, "ids"), d[0],
                                 d[1], d[2], (float)scale);
}

static void reference(vq_case *c, const int *d) {
    const size_t M = (size_t)d[0], D = (size_t)d[1];
    const double *table = vq_case_value(c, "table"), *ids = vq_case_value(c, "ids");
    const double *before = d[3] ? vq_case_before(c, "y") : NULL;
    double *y = vq_case_value(c, "y");
    for (size_t m = 0; m < M; m++)
        for (size_t j = 0; j < D; j++)
            y[m * D + j] = (before ? before[m * D + j] : 0) + (ids[m] < d[2] ? scale * table[(size_t)ids[m] * D + j] : 0);
}

static double bytes(const int *d) {
    return 4.0 * d[0] * (d[1] * (d[3] ? 3.0 : 2.0) + 1);
}

static const vq_case_shape shapes[] = {
    {{1, 1, 1, 0}},
    {{70, 5, 3, 1}},
    {{131, 17, 4, 0}},
    {{300, 33, 40, 1}, .known = VQ_USE_TRAINING},
    {{129, 64, 1025, 0}},
    {{4096, 256, 4096, 0}, true},
    {{4096, 256, 5, 1}, true},
    {{0}},
};

const vq_case_table vq_cases_embedding = {
    .operation = "embedding",
    .dims = "M D V add",
    .shapes = shapes,
    .tolerance = 1e-6,
    .declare = declare,
    .forward = forward,
    .backward = backward,
    .reference = reference,
    .bytes = bytes,
};
