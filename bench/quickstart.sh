#!/bin/sh
# The quick start of the README: a vocabulary from three bacterial genomes, judged on a fourth it never saw.
# usage: quickstart.sh VQDNA [folder for the results] [options of `vqdna train`...]
set -eu
vqdna=$(realpath "$1")
out=${2:-quickstart}
[ $# -gt 2 ] && shift 2 || set --
genomes=/usr/share/doc/ragout/examples
cholera=$genomes/V.Cholerae/references/O1_biovar.fasta.gz
if [ ! -r "$cholera" ]; then
    echo "quickstart: $cholera is missing: install the package ragout-examples" >&2
    exit 2
fi

"$vqdna" train --force -o "$out" "$@" --eval "$cholera" \
    "$genomes/E.Coli/references/MG1655-K12.fasta.gz" "$genomes/S.Aureus/references/N315.fasta.gz" \
    "$genomes/H.Pylori/references/G27.fasta.gz"
"$vqdna" tokenize -m "$out" -o "$out/cholera.tsv" "$cholera"
"$vqdna" detokenize -m "$out" -o "$out/cholera.fa" "$out/cholera.tsv"

# Bases that came back, of those that are known.
zcat "$cholera" | awk '!/^>/ {printf "%s", toupper($0)}' | fold -w 1 >"$out/before"
awk '!/^>/ {printf "%s", $0}' "$out/cholera.fa" | fold -w 1 >"$out/after"
paste "$out/before" "$out/after" | awk -v out="$out" '$1 ~ /[ACGTU]/ {known++; same += $1 == $2}
    END {printf "\ndetokenize(tokenize(V. cholerae)): %d of %d known bases are the same (%.4f %%)\n", same, known, 100 * same / known}'
rm "$out/before" "$out/after"
echo "first tokens:"
grep -vE '^#(vqdna|provenance)' "$out/cholera.tsv" | head -n 6
echo "model, tokens and training.svg are in $out/"
