#!/bin/sh
# Kernels through clang's OpenCL C 1.2 front end, without a device, for every vector width.
# usage: lint_kernels.sh CL_FOLDER
set -u
clang=$(command -v clang || command -v clang-14 || true)
if [ -z "$clang" ]; then
    echo "SKIP: clang is not installed"
    exit 77
fi
text=$(mktemp --suffix=.cl) || exit 1
trap 'rm -f "$text"' EXIT
status=0
for file in "$1"/*.cl; do
    name=$(basename "$file")
    [ "$name" = prelude.cl ] && continue
    grep -qs "#include \"$name\"" "$1"/*.cl && continue # a part of others
    { cat "$1/prelude.cl"; echo "#line 1 \"$file\""; cat "$file"; } >"$text"
    for options in -DVW=1 -DVW=4 -DVW=8 -DVW=16 "-DVW=4 -DVQ_GPU -DLX=16 -DLY=8 -DGROUP_SIDE=16 -DTM=4 -DTV=2 -DDEEP=16"; do # the last: a GPU's
        # shellcheck disable=SC2086
        "$clang" -x cl -cl-std=CL1.2 -Xclang -finclude-default-header -target spir64 -fsyntax-only -Wall -Wextra -Wno-unused-function -Wno-unused-parameter -Werror \
            -I "$1" $options "$text" || { echo "$file with $options" >&2; status=1; }
    done
done
exit $status
