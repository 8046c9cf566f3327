/* Choices that were measured and are shipped: lines as `vqdna tune --export` writes them, with * for any text. */
#include "device/tune.h"

const char vq_tuned_text[] = "";
