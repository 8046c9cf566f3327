/* Choices that were measured and are shipped: lines as `vqdna tune --export` writes them, with * for any text. On PoCL, with
 * registers of 8 and of 16 floats, no value saved the 3 % beyond the noise that a choice must. */
#include "device/tune.h"

const char *vq_tuned_text = "1 | NVIDIA CUDA | NVIDIA H200 | * | fp32x4 | gemm | small | TM = 4\n"
                            "1 | NVIDIA CUDA | NVIDIA H200 | * | fp32x4 | gemm | transposed | TV = 2\n"
                            "1 | NVIDIA CUDA | NVIDIA H200 | * | fp32x4 | quantize | all | rows = 16\n"
                            "1 | NVIDIA CUDA | NVIDIA H200 | * | fp32x4 | codesum | all | codes = 4\n";
