/* Half the squared error of n numbers, with its gradient: one work-group, for a batch of a regression is short. */
kernel VQ_GROUP void squareloss(global float *dy, global float *metrics, const global float *y, const global float *targets, int n,
                                float scale) {
    float sum = 0.0f;
    for (int i = get_local_id(0); i < n; i += LX) {
        const float off = isfinite(targets[i]) ? y[i] - targets[i] : 0.0f;
        sum = fma(0.5f * off, off, sum);
        if (dy)
            dy[i] = off * scale;
    }
#if LX > 1
    local float tree[LX];
    sum = vq_group_sum(sum, tree, (int)get_local_id(0), LX);
#endif
    if (metrics && get_local_id(0) == 0)
        metrics[0] += sum;
}
