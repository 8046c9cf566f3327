/* Choices that were measured and are shipped: lines as `vqdna tune --export` writes them, with * for any text. On PoCL, with
 * registers of 8 and of 16 floats, `vqdna tune` found no value that saved the 3 % beyond the noise that a choice must; the line for Xeons
 * is of bench/peers/compare.py, of lengths that the tuner does not time: one pass over memory saves 40 % of 4 x 4096 x 256. */
#include "device/tune.h"

const char *vq_tuned_text =
    "1 | NVIDIA CUDA | NVIDIA H200 | * | fp32x4 | gemm | small | TM = 4\n"
    "1 | NVIDIA CUDA | NVIDIA H200 | * | fp32x4 | gemm | transposed | TV = 2\n"
    "1 | NVIDIA CUDA | NVIDIA H200 | * | fp32x4 | quantize | all | rows = 16\n"
    "1 | NVIDIA CUDA | NVIDIA H200 | * | fp32x4 | codesum | all | codes = 4\n"
    "1 | Portable Computing Language | pthread-skylake-avx512-Intel(R) Xeon(R) Processor | * | fp32x16 | fft | "
    "long | longest = 4096\n";
