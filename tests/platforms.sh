#!/bin/sh
# Opens a device and runs small shapes of some operations on every platform that is installed beside the one in use, and says which are not.
# usage: platforms.sh TEST_DEVICE OPS_RUN
set -u
test_device=$1 run=$2 tried=0 status=0
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
export CK_FORK=no VQDNA_GEMM=tile
unset VQDNA_DEVICE

# try NAME ICD VARIABLE=VALUE OPERATION...: ICD is the file of the platform, which may not be there.
try() {
    name=$1 icd=$2 variable=$3
    shift 3
    if [ ! -e "$icd" ]; then
        echo "$name: not installed"
        return
    fi
    mkdir -p "$folder/$name" && cp "$icd" "$folder/$name/" || exit 1
    tried=$((tried + 1))
    if env OCL_ICD_VENDORS="$folder/$name/" "$variable" "$test_device" &&
        env OCL_ICD_VENDORS="$folder/$name/" "$variable" "$run" --small "$@"; then
        echo "$name: passed"
    else
        echo "$name: FAILED"
        status=1
    fi
}

vendors=/etc/OpenCL/vendors
try basic $vendors/pocl.icd POCL_DEVICES=basic layernorm gemm assign stem
try two $vendors/pocl.icd "POCL_DEVICES=pthread pthread" layernorm gemm assign stem
try intel $vendors/intel-cpu.icd VQDNA_GEMM=tile layernorm gemm assign stem
try rusticl $vendors/rusticl.icd RUSTICL_ENABLE=llvmpipe layernorm reduce
[ $tried -gt 0 ] || exit 77
exit $status
