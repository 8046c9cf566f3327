/* y = gelu(x) element by element, and its gradient. A work-item takes `per` registers. */

kernel void gelu_forward(global float *y, const global float *x, int n, int per) {
    const int end = min((int)get_global_id(0) * per * VW + per * VW, n);
    int i = get_global_id(0) * per * VW;
    for (; i + VW <= end; i += VW)
        GSTORE(vq_gelu(GLOAD(x + i)), y + i);
    if (i < end)
        vq_store(vq_gelu(vq_load(x + i, end - i)), y + i, end - i);
}

kernel void gelu_backward(global float *dx, const global float *dy, const global float *x, int n, int per) {
    const int end = min((int)get_global_id(0) * per * VW + per * VW, n);
    int i = get_global_id(0) * per * VW;
    for (; i + VW <= end; i += VW)
        GSTORE(GLOAD(dy + i) * vq_gelu_grad(GLOAD(x + i)), dx + i);
    if (i < end)
        vq_store(vq_load(dy + i, end - i) * vq_gelu_grad(vq_load(x + i, end - i)), dx + i, end - i);
}
