/* Choices that were measured and are shipped: lines as `vqdna tune --export` writes them, with * for any text. There is none yet:
 * on PoCL, with registers of 8 and of 16 floats, no value saved the 3 % beyond the noise that a choice must. */
#include "device/tune.h"

const char *vq_tuned_text = "";
