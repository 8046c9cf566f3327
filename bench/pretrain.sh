#!/bin/sh
# Masked pre-training of a tiny body for the tasks of GUE, judged on species that neither it nor its tokenizer saw: human and chimpanzee
# sequence, and the unlabelled training sequences of the tasks, joined by eight N so that windows hold several. Restartable.
# Cost: 4 minutes for the tokenizer and 45 for the body on one core with AVX-512 (33 M bases).
# usage: pretrain.sh VQDNA WORK GENOMES GUE [steps]      folders as in shared data; WORK/body is for `vqdna finetune --init`
set -eu
vqdna=$1 work=$2 genomes=$3 gue=$4 steps=${5:-4000}
mkdir -p "$work"
if [ ! -s "$work/tasks.fa" ]; then
    for set in prom/prom_core_all prom/prom_core_notata prom/prom_300_tata tf/0 tf/2 tf/3 mouse/0 mouse/2 mouse/4; do
        echo ">$set"
        zcat "$gue/$set/train.csv.gz" | awk -F, 'NR > 1 { printf "%sNNNNNNNN", $1 } END { print "" }'
    done >"$work/tasks.part"
    mv "$work/tasks.part" "$work/tasks.fa"
fi
unseen="drosophila_melanogaster_upstream_5Mb arabidopsis_thaliana_1pct klebsiella_pneumoniae_MGH78578"
seen=$(ls "$genomes"/*.fa.gz | grep -v 'drosophila\|arabidopsis\|klebsiella')
# shellcheck disable=SC2086
[ -e "$work/tokenizer/metrics.json" ] || "$vqdna" train --force --seed 1 --steps 3000 -o "$work/tokenizer" $seen
again=--force
[ ! -e "$work/body/trainer.json" ] || again=--resume
set --
for name in $unseen; do
    set -- "$@" --eval "$genomes/$name.fa.gz"
done
[ -e "$work/body/metrics.json" ] || "$vqdna" pretrain $again -m "$work/tokenizer" -o "$work/body" --seed 1 --steps "$steps" --set span_first=2 --set span_last=6 \
    --report-every 50 "$@" "$genomes/homo_sapiens_chr20_10Mb.fa.gz" "$genomes/pan_troglodytes_blocks.fa.gz" "$work/tasks.fa"
cat "$work/body/metrics.json"
