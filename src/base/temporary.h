/* The names of temporary files, for a signal handler that ends the process to remove them. */
#ifndef VQ_BASE_TEMPORARY_H
#define VQ_BASE_TEMPORARY_H

/* Before the file is made; the name may still change. A process with more such files at once than there are places leaves those
 * behind that found none. */
void vq_temporary_add(const char *name);

/* Once the file has its final name or is gone: frees the name, unless the handler reads it. */
void vq_temporary_drop(char *name);

/* Removes them all; async-signal-safe. */
void vq_temporaries_remove(void);

#endif
