#!/bin/sh
# Runs the small shapes of every operation, in both kernel families, under Oclgrind with its race detector. Oclgrind exits with 0 whatever it
# finds, so the test fails if its log holds anything.
# usage: oclgrind.sh OPS_RUN [operation...]
set -u
run=$1
shift
icd=$(mktemp -d) || exit 1
trap 'rm -rf "$icd"' EXIT
lib=$(ls /usr/lib/oclgrind/liboclgrind-rt-icd.so /usr/lib/*/oclgrind/liboclgrind-rt-icd.so 2>/dev/null | head -n 1)
if [ -z "$lib" ]; then
    echo "SKIP: Oclgrind is not installed"
    exit 77
fi
echo "$lib" >"$icd/oclgrind.icd"
status=0
for family in cpu gpu; do
    : >"$icd/log"
    OCL_ICD_VENDORS=$icd OCLGRIND_DATA_RACES=1 OCLGRIND_LOG=$icd/log VQDNA_FAMILY=$family XDG_CACHE_HOME=$icd VQDNA_GEMM=tile VQDNA_FFT=own \
        CK_FORK=no "$run" --small "$@" || status=1
    if [ -s "$icd/log" ]; then
        echo "Oclgrind found ($family kernels):"
        head -n 60 "$icd/log"
        status=1
    fi
done
exit $status
