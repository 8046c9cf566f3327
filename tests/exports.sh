#!/bin/sh
# The library exports what include/vqdna.h declares, and nothing else; no name has one meaning in it and another in the program.
# usage: exports.sh LIBRARY HEADER PROGRAM
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
names() {
    nm --defined-only "$1" | awk '$3 ~ /^vq_/ {print $3}' | sort -u
}
[ "$(names "$1" | wc -l)" -gt 100 ] || { echo "$1 has no table of names" && exit 1; }
names "$1" >/tmp/library.$$
twice=$(names "$3" | comm -12 /tmp/library.$$ -)
rm -f /tmp/library.$$
[ -z "$twice" ] || { echo "in library and program: $twice" && exit 1; }
echo "$(printf '%s\n' "$exported" | wc -l) symbols"
