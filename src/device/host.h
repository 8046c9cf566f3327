/* The surroundings that a driver stumbles over: the folder where PoCL keeps compiled kernels, and the limits of a container. */
#ifndef VQ_DEVICE_HOST_H
#define VQ_DEVICE_HOST_H

#include "base/status.h"

/* To be called before the first OpenCL call; does its work once. PoCL shows no device where its cache cannot be written, fails where
 * the disk is full and crashes at an entry that was cut short: such entries are removed, and for a folder of no use a private one
 * under $TMPDIR stands in through $POCL_CACHE_DIR. */
void vq_host_prepare(void);

/* What there was to do, as one sentence; "" if nothing. */
const char *vq_host_note(void);

/* Bytes of memory that the process's limits and its control groups, as the files under `root` ("") tell them, let it have;
 * UINT64_MAX for no limit. */
uint64_t vq_host_memory(const char *root);

#endif
