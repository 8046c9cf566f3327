/* y = gelu(x) element by element, and its gradient. A work-item takes `per` of the `whole` registers, the one past their end also
 * the `rest` of the elements. */
#define EACH VQ_EACH(VQ_ABREAST)

kernel void gelu_forward(global float *y, const global float *x, int whole, int rest, int per) {
    const int first = get_global_id(0) * per, end = min(first + per, whole);
    int r = first;
    for (; r + VQ_ABREAST <= end; r += VQ_ABREAST) {
        const size_t at = (size_t)r * VW;
        vf in[VQ_ABREAST], out[VQ_ABREAST];
        EACH in[i] = GLOAD(x + at + i * VW);
        vq_gelus(out, in, VQ_ABREAST);
        EACH GSTORE(out[i], y + at + i * VW);
    }
    for (; r < end; r++)
        GSTORE(vq_gelu(GLOAD(x + (size_t)r * VW)), y + (size_t)r * VW);
    const size_t at = (size_t)whole * VW;
    if (rest && whole / per == (int)get_global_id(0))
        vq_store(vq_gelu(vq_load(x + at, rest)), y + at, rest);
}

kernel void gelu_backward(global float *dx, const global float *dy, const global float *x, int whole, int rest, int per) {
    const int first = get_global_id(0) * per, end = min(first + per, whole);
    int r = first;
    for (; r + VQ_ABREAST <= end; r += VQ_ABREAST) {
        const size_t at = (size_t)r * VW;
        vf in[VQ_ABREAST], out[VQ_ABREAST];
        EACH in[i] = GLOAD(x + at + i * VW);
        vq_gelu_grads(out, in, VQ_ABREAST);
        EACH GSTORE(GLOAD(dy + at + i * VW) * out[i], dx + at + i * VW);
    }
    for (; r < end; r++) {
        const size_t at = (size_t)r * VW;
        GSTORE(GLOAD(dy + at) * vq_gelu_grad(GLOAD(x + at)), dx + at);
    }
    const size_t at = (size_t)whole * VW;
    if (rest && whole / per == (int)get_global_id(0))
        vq_store(vq_load(dy + at, rest) * vq_gelu_grad(vq_load(x + at, rest)), dx + at, rest);
}
