/* Softmax cross-entropy of M rows of C logits against the rows table's bases, with its gradient. A work-group takes a chunk of `per`
 * rows, each item every LX-th of them. */

/* dlogits, best and partials may be NULL. partials [chunks][2]: the chunk's sum of losses, and its number of rows whose best is the
 * target. */
kernel VQ_GROUP void crossentropy(global float *dlogits, global uchar *best, global float *partials, const global float *logits,
                                  const global uchar4 *rows, int M, int C, float scale, int per) {
    const int chunk = VQ_GROUP_ID(0), start = chunk * per, end = min(start + per, M);
    float loss = 0.0f, correct = 0.0f;
    for (int m = start + (int)get_local_id(0); m < end; m += LX) {
        const global float *z = logits + (size_t)m * C;
        const int target = rows[m].s0;
        const bool known = target < C;
        int first = 0;
        for (int k = 1; k < C; k++)
            first = z[k] > z[first] ? k : first;
        const float top = z[first];

        float sum = 0.0f;
        if (C == 4) { /* one call for the four bases */
            const float4 e = exp(vload4(0, z) - top);
            sum = ((e.s0 + e.s1) + e.s2) + e.s3;
            if (dlogits) {
                const float4 hot = (float4)(target == 0, target == 1, target == 2, target == 3);
                vstore4(known ? (e / sum - hot) * scale : (float4)0.0f, m, dlogits);
            }
        } else {
            for (int k = 0; k < C; k++)
                sum += exp(z[k] - top);
            for (int k = 0; dlogits && k < C; k++)
                dlogits[(size_t)m * C + k] = known ? (exp(z[k] - top) / sum - (k == target)) * scale : 0.0f;
        }
        if (known && partials) {
            loss += log(sum) + (top - z[target]);
            correct += first == target;
        }
        if (best)
            best[m] = first;
    }
#if LX > 1
    local float tree[LX];
    loss = vq_group_sum(loss, tree, (int)get_local_id(0), LX);
    correct = vq_group_sum(correct, tree, (int)get_local_id(0), LX);
#endif
    if (partials && get_local_id(0) == 0)
        vstore2((float2)(loss, correct), chunk, partials);
}

/* One work-group: adds the chunks' sums to metrics [2]. */
kernel VQ_GROUP void crossentropy_sum(global float *metrics, const global float *partials, int chunks) {
    float2 sum = 0.0f;
    for (int i = get_local_id(0); i < chunks; i += LX)
        sum += vload2(i, partials);
#if LX > 1
    local float tree[LX];
    sum.s0 = vq_group_sum(sum.s0, tree, (int)get_local_id(0), LX);
    sum.s1 = vq_group_sum(sum.s1, tree, (int)get_local_id(0), LX);
#endif
    if (get_local_id(0) == 0)
        vstore2(vload2(0, metrics) + sum, 0, metrics);
}
