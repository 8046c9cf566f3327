/* y = gelu(x) element by element, and its gradient. A work-item takes `per` of the `whole` registers, the one past their end also
 * the `rest` of the elements. */

kernel void gelu_forward(global float *y, const global float *x, int whole, int rest, int per) {
    const int first = get_global_id(0) * per, end = min(first + per, whole);
    for (int i = first; i < end; i++)
        GSTORE(vq_gelu(GLOAD(x + (size_t)i * VW)), y + (size_t)i * VW);
    const size_t at = (size_t)whole * VW;
    if (rest && whole / per == (int)get_global_id(0))
        vq_store(vq_gelu(vq_load(x + at, rest)), y + at, rest);
}

kernel void gelu_backward(global float *dx, const global float *dy, const global float *x, int whole, int rest, int per) {
    const int first = get_global_id(0) * per, end = min(first + per, whole);
    for (int i = first; i < end; i++) {
        const size_t at = (size_t)i * VW;
        GSTORE(GLOAD(dy + at) * vq_gelu_grad(GLOAD(x + at)), dx + at);
    }
    const size_t at = (size_t)whole * VW;
    if (rest && whole / per == (int)get_global_id(0))
        vq_store(vq_load(dy + at, rest) * vq_gelu_grad(vq_load(x + at, rest)), dx + at, rest);
}
