#!/bin/sh
# The library exports what include/vqdna.h declares, and nothing else.
# usage: exports.sh LIBRARY HEADER
set -eu
declared=$(sed -n 's/^VQDNA_API.*[ *]\(vqdna_[a-z_]*\)(.*/\1/p' "$2" | sort)
exported=$(nm -D --defined-only "$1" | awk '{print $3}' | sed 's/@.*//' | sort)
if [ "$declared" != "$exported" ]; then
    echo "declared but not exported (<), exported but not declared (>):"
    printf '%s\n' "$declared" >/tmp/declared.$$
    printf '%s\n' "$exported" | diff /tmp/declared.$$ - || true
    rm -f /tmp/declared.$$
    exit 1
fi
echo "$(printf '%s\n' "$exported" | wc -l) symbols"
