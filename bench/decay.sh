#!/bin/sh
# What it does to a vocabulary whether norms and biases decay too: seeds 1 to 3 of two presets, judged on a genome not trained on. A row that
# is in RESULTS already is not run again.
# usage: decay.sh VQDNA RESULTS.tsv HELD_OUT TRAINING...
set -eu
vqdna=$1 results=$2 held_out=$3
shift 3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
[ -s "$results" ] || printf 'preset\tdecays\tseed\treconstruction\tused1\tused2\tperplexity1\tperplexity2\n' >"$results"
for preset in tiny small; do
    for only in false true; do
        decays=$([ $only = true ] && echo weights || echo all)
        for seed in 1 2 3; do
            grep -q "^$preset	$decays	$seed	" "$results" && continue
            "$vqdna" train -q --force --preset $preset --seed $seed --set decay_weights_only=$only --no-provenance -o "$work/m" "$@"
            "$vqdna" eval -q --json -m "$work/m" "$held_out" | tr -d '\n ' |
                sed -E 's/.*"reconstruction_accuracy":([^,]*),.*"levels":\[\{"codes":([0-9]*),"used":([0-9]*),"perplexity":([^}]*)\},\{"codes":([0-9]*),"used":([0-9]*),"perplexity":([^}]*)\}.*/\1 \2 \3 \4 \5 \6 \7\n/' |
                awk -v OFS='\t' -v p=$preset -v d=$decays -v s=$seed \
                    '{printf "%s\t%s\t%s\t%.6f\t%.4f\t%.4f\t%.3f\t%.3f\n", p, d, s, $1, $3 / $2, $6 / $5, $4 / $2, $7 / $5}' >>"$results"
        done
    done
done
