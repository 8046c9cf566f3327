/* Nearest code of each row: codes[m] = argmin_k ||h[m] - e[k]||^2, one kernel without an M x K matrix.
 * The lowest index wins a tie; a row with a NaN gets code 0. The result of a row depends on that row and the codebook alone. */
#ifndef VQ_OPS_ASSIGN_H
#define VQ_OPS_ASSIGN_H

#include "device/launch.h"
#include "device/tune.h"

extern const vq_tunables vq_assign_tunables;

/* Bytes of a packed codebook of K codes of D channels. */
size_t vq_assign_packed_bytes(vq_device *device, int D, int K);

/* packed: the codebook e [K][D] in the order the search reads it, with ||e_k||^2. Once for each version of the codebook. */
vq_status vq_assign_pack(vq_device *device, vq_view packed, vq_view e, int D, int K);

/* codes: int32 [M]; h [M][D]; packed from vq_assign_pack for the same D and K. */
vq_status vq_assign_forward(vq_device *device, vq_view codes, vq_view h, vq_view packed, int M, int D, int K);

#endif
