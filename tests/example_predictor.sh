#!/bin/sh
# Runs the example program on a word that it can learn.
# usage: example_predictor.sh PROGRAM
set -eu
program=$1
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
cd "$root"
awk 'BEGIN {
    srand(1); print "sequence,label" >"train.csv"
    for (r = 0; r < 900; r++) {
        s = ""
        for (i = 0; i < 40; i++) s = s substr("ACGT", 1 + int(4 * rand()), 1)
        gsub(/GATTACA/, "GATTGCA", s)
        if (r % 2) { at = int(33 * rand()); s = substr(s, 1, at) "GATTACA" substr(s, at + 8) }
        if (r < 800) print s "," (r % 2 ? "word" : "none") >"train.csv"
        else print ">" (r % 2 ? "word" : "none") "\n" s >"new.fa"
    }
}'
"$program" train.csv new.fa >said 2>progress || { cat progress; exit 1; }
awk -F'[ ,]+' '/^held out/ { exit !($6 > 0.5) }' said || { head -1 said; exit 1; }
grep -q '^step 50 of ' progress
awk -F'\t' 'NR > 1 { right += $1 == $2; n++ } END { exit !(n == 100 && right >= 80) }' said || { cat said; exit 1; }
[ -s example-model/model.safetensors ]
status=0
"$program" missing.csv new.fa >said 2>progress || status=$?
[ "$status" -eq 2 ] && grep -q 'missing.csv' progress && [ "$(wc -l <progress)" -eq 1 ]
"$program" 2>progress && exit 1
grep -q '^usage: ' progress
