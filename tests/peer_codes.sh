#!/bin/sh
# A short training on one genome, then the codes of another against the PyTorch peer's (bench/peers/codes.py says how).
# usage: peer_codes.sh VQDNA SHARED
set -eu
vqdna=$1
shared=$2
if [ ! -r "$shared/peers/torch_vqdna.py" ] || ! /usr/bin/python3 -c 'import torch' 2>/dev/null; then
    echo "SKIP: the PyTorch peer is not there"
    exit 77
fi
model=$(mktemp -d)
trap 'rm -rf "$model"' EXIT
"$vqdna" train -q --force --steps 60 -o "$model" "$shared/data/genomes/helicobacter_pylori_G27.fa.gz"
/usr/bin/python3 "$(dirname "$0")/../bench/peers/codes.py" "$vqdna" "$shared/peers/torch_vqdna.py" "$model" \
    "$shared/data/genomes/chlamydia_trachomatis.fa.gz" 60000
