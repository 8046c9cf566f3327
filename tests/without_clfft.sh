#!/bin/sh
# Without clFFT: the floors that know it are built with -DVQDNA_CLFFT=OFF and open no library, and a build that wants it says which package
# is missing.
# usage: without_clfft.sh SOURCE
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cmake -S "$1" -B "$folder/off" -G Ninja -DVQDNA_CLFFT=OFF -DVQDNA_TESTS=OFF -DCMAKE_BUILD_TYPE=Debug >"$folder/log" || { cat "$folder/log"; exit 1; }
cmake --build "$folder/off" --target vq_ops >"$folder/log" || { cat "$folder/log"; exit 1; }
if nm "$folder/off/libvq_device.a" | grep -q dlopen; then
    echo "a build without clFFT opens libraries"
    exit 1
fi
if cmake -S "$1" -B "$folder/on" -G Ninja -DVQDNA_CLFFT=ON -DVQDNA_TESTS=OFF -DCMAKE_FIND_ROOT_PATH="$folder" -DCMAKE_FIND_ROOT_PATH_MODE_INCLUDE=ONLY >"$folder/log" 2>&1; then
    echo "configured with clFFT, where there is no header of it"
    exit 1
fi
tr '\n' ' ' <"$folder/log" | tr -s ' ' | grep -q "install libclfft-dev, or build without clFFT by -DVQDNA_CLFFT=OFF" || { cat "$folder/log"; exit 1; }
