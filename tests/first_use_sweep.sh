#!/bin/sh
# Lets each OpenCL call of a first use fail once, each in a cache of its own, and looks whether a healthy run after it is as if nothing
# had been: the same bytes, and no operation kept as broken. Too long for ctest: it prints a line a poisoned place and the count.
# usage: first_use_sweep.sh VQDNA FAULT train|tokenize FASTA [EVERY]   (FAULT: build/tests/libopencl_fault.so; EVERY: each EVERY-th place)
set -eu
vqdna=$(realpath "$1") fault=$(realpath "$2") what=$3 fasta=$(realpath "$4") every=${5:-1}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
small="--set dim=32 --set stem=16 --set codes=32 --window 64 --batch 4 --seed 1 --no-provenance"

# job CACHE: the run whose first use it is, its result in out.
job() {
    rm -rf out
    if [ "$what" = train ]; then
        XDG_CACHE_HOME=$work/$1 "$vqdna" train -q $small --steps 3 -o out "$fasta"
    else
        XDG_CACHE_HOME=$work/$1 "$vqdna" tokenize -q --no-provenance -m model -o out "$fasta"
    fi
}
bytes() { # of the result, but for its times
    if [ "$what" = train ]; then cat out/model.safetensors out/config.json; else cat out; fi | sha256sum
}

XDG_CACHE_HOME=$work/warm "$vqdna" train -q $small --steps 3 -o model "$fasta"
VQ_FAULT_COUNT=$work/cold LD_PRELOAD=$fault job cold_cache
expected=$(bytes)
VQ_FAULT_COUNT=$work/again LD_PRELOAD=$fault job cold_cache
[ "$expected" = "$(bytes)" ] || { echo "two healthy runs differ"; exit 1; }

# The calls that a second run makes no more are the first use's; the same places of a first run hold the run itself besides, which comes last.
tried=0 poisoned=0 failed=0
while read -r name count; do
    later=$(awk -v n="$name" '$1 == n { print $2 }' again)
    for place in $(seq 1 "$every" $((count - ${later:-0}))); do
        rm -rf cache
        tried=$((tried + 1))
        VQ_FAULT="$name $place -5" LD_PRELOAD=$fault job cache >said 2>&1 || failed=$((failed + 1))
        [ $((tried % 50)) -ne 0 ] || echo "$tried places tried, at $name $place of $count" >&2
        if ! job cache >said 2>&1 || [ "$expected" != "$(bytes)" ] || [ -s said ]; then
            poisoned=$((poisoned + 1))
            echo "poisoned: $name $place: $(head -1 said)"
        fi
    done
done <cold
echo "$what: $tried places tried, $failed ended that run, $poisoned poisoned"
