/* Who may write to a folder. The kernel gives a lock back when its process ends, however it ends. */
#ifndef VQ_BASE_LOCK_H
#define VQ_BASE_LOCK_H

#include "base/status.h"

#include <stdbool.h>

typedef struct vq_lock vq_lock;

/* Takes the folder, or fails with VQDNA_ERR_OUTPUT if it is taken. `brief`: for one write; then it is fine, and *out is NULL, if
 * this process holds the folder already. A file system without locks is passed over with a warning. */
vq_status vq_folder_lock(vq_lock **out, const char *folder, bool brief);
void vq_folder_unlock(vq_lock *lock);

#endif
