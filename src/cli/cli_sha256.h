/* SHA-256 (FIPS 180-4) of a file: a model's name in provenance is what sha256sum prints for it. */
#ifndef VQ_CLI_SHA256_H
#define VQ_CLI_SHA256_H

#include "cli/cli.h"

/* Writes 64 hexadecimal digits. VQ_GO_ON, or an exit code after a sentence. */
int vq_sha256_file(vq_cli *cli, const char *path, char digest[65]);

#endif
