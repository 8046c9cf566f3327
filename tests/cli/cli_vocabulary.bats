# What a fine-tuned body reads: codes and pairs of codes, what differs from a reference, words, and ids from outside.
load common

setup_file() {
    tables_once
}

setup() {
    tables_here
}

@test "every vocabulary trains, and codes bring their tokenizer" {
    for vocabulary in codes codes:fresh codes:tuned codes:stride=3 codes:fresh:pairs=2 codes:tuned:pairs=4:stride=3 onehot kmer:3 kmer:4:stride=4; do
        "$VQDNA" finetune -q "${sets[@]}" "${body[@]}" -m "$model" --vocabulary $vocabulary --set steps=12 --rows 100 -o "m-$vocabulary" >out
        grep -q '^test' out
        [ "$(value "m-$vocabulary/config.json" vocabulary)" = $vocabulary ]
    done
    cmp m-codes/tokenizer/model.safetensors <("$VQDNA" info "$model" >/dev/null && cat "$model/model.safetensors")
    "$VQDNA" tokenize -q -m m-codes/tokenizer "$BATS_FILE_TMPDIR/genome.fa" >/dev/null
}

@test "a body that reads codes as they are goes on with vectors that are tuned" {
    "$VQDNA" finetune -q "${sets[@]}" "${body[@]}" -m "$model" --set steps=12 --rows 100 -o frozen >/dev/null
    go=("$VQDNA" finetune -q --no-provenance "${sets[@]}" --init frozen --rows 100 --set steps=1)
    for vocabulary in codes codes:tuned; do # a rate that moves nothing: the same function
        "${go[@]}" --vocabulary $vocabulary --set learning_rate=1e-12 -o "same-$vocabulary" >/dev/null
        "$VQDNA" predict -q --no-provenance -m "same-$vocabulary" --column sequence test.csv >"$vocabulary.tsv"
    done
    same_numbers codes.tsv codes:tuned.tsv
    [ "$(value same-codes:tuned/config.json vocabulary)" = codes:tuned ]
    # Its tables are weights among others; they are not where adapters are trained in the body's place.
    above "$(value same-codes:tuned/metrics.json trained)" "$(value same-codes/metrics.json trained)"
    "${go[@]}" --vocabulary codes:tuned --set lora=4 -o adapted >/dev/null
    "$VQDNA" predict -q --no-provenance -m adapted --column sequence test.csv >merged
    "$VQDNA" predict -q --no-provenance -m frozen --adapter adapted/adapter.safetensors --column sequence test.csv | cmp - merged
    refused 1 'reads codes, not codes:fresh' "${go[@]}" --vocabulary codes:fresh -o no
    [ ! -e no ]
}

@test "pairs of codes begin at zero beside the vectors of a body, and learn" {
    "$VQDNA" finetune -q "${sets[@]}" "${body[@]}" -m "$model" --vocabulary codes:tuned --set steps=12 --rows 100 -o single >/dev/null
    go=("$VQDNA" finetune -q --no-provenance "${sets[@]}" --init single --rows 100 --set steps=4)
    "${go[@]}" --vocabulary codes:tuned --set learning_rate=1e-12 -o plain >/dev/null
    "${go[@]}" --vocabulary codes:tuned:pairs=4 --set learning_rate=1e-12 -o same >/dev/null
    "${go[@]}" --vocabulary codes:tuned:pairs=4 --set learning_rate=1e-2 -o learned >/dev/null
    for name in plain same learned; do
        "$VQDNA" predict -q --no-provenance -m $name --column sequence test.csv >$name.tsv
    done
    same_numbers plain.tsv same.tsv
    not same_numbers plain.tsv learned.tsv 2>/dev/null
    [ "$(value learned/config.json vocabulary)" = codes:tuned:pairs=4 ]
    # What windows of a genome say does not depend on the cores.
    "$VQDNA" predict -q --no-provenance -m learned --window 60 --step 20 "$BATS_FILE_TMPDIR/genome.fa" >stream
    "$VQDNA" predict -q --no-provenance -m learned --window 60 --step 20 -t 1 "$BATS_FILE_TMPDIR/genome.fa" | cmp - stream
    refused 1 "no vocabulary 'codes:pairs=4'" "$VQDNA" finetune -q "${sets[@]}" -m "$model" --vocabulary codes:pairs=4 -o no
    refused 1 'pairs would tell them' "$VQDNA" pretrain -q -m "$model" --vocabulary codes:tuned:pairs=4 -o no "$BATS_FILE_TMPDIR/genome.fa"
    refused 1 'adapters would leave them at zero' "${go[@]}" --vocabulary codes:tuned:pairs=4 --set lora=4 -o no
    refused 1 'reads codes:tuned:pairs=4, not codes:tuned' "${go[@]}" --init learned --vocabulary codes:tuned -o no
    [ ! -e no ]
}

@test "a reference: models read what differs from it, whatever else, resumed to the same, and begun with another" {
    { printf '>empty\n>one\n'; sed -n 2,26p "$BATS_FILE_TMPDIR/genome.fa"; printf '>two\nACGTTGCAAC\n'; } >r.fa
    windows() { # SEED: of the reference; those of class 1 have one base exchanged for A, of class 0 for C
        grep -v '^>' r.fa | tr -d '\n' | awk -v seed="$1" '{
            srand(seed); print "sequence,label"
            for (i = 0; i < 300; i++) {
                s = substr($0, 1 + int(rand() * (length($0) - 40)), 40); yes = rand() < 0.5
                print substr(s, 1, 19) (yes ? "A" : "C") substr(s, 21) "," yes + 0
            }
        }'
    }
    windows 1 >train.csv
    windows 2 >dev.csv
    go=("$VQDNA" finetune -q --no-provenance --train train.csv --dev dev.csv "${body[@]}" -m "$model" --vocabulary codes:tuned:pairs=4 --set steps=24)
    "${go[@]}" --reference r.fa -o m >/dev/null
    "${go[@]}" --reference r.fa --both-strands -o strands >/dev/null
    "$VQDNA" finetune -q --no-provenance --train train.csv --dev dev.csv --init m --set steps=4 -o on >/dev/null
    [ "$(value on/config.json reference)" = "$(value m/config.json reference)" ]
    not test "$(value strands/config.json reference)" = "$(value m/config.json reference)"
    "$VQDNA" info m | grep -q '^reference *1[67][0-9][0-9] pairs of codes'
    not grep -q reference <("$VQDNA" info "$model")
    # Sequences that differ have each their answer; windows of the reference, whose codes are those of their record, one but at its ends.
    for name in m strands on; do
        "$VQDNA" predict -q --no-provenance -m $name --column sequence dev.csv >$name.tsv
        [ "$(grep -v '^#' $name.tsv | cut -f5- | sort -u | wc -l)" -gt 250 ]
    done
    "$VQDNA" predict -q --no-provenance -m m --window 60 --step 20 r.fa | grep '^one' >stream
    [ "$(cut -f5- stream | sort -u | wc -l)" -le 3 ]
    "${go[@]}" -o plain >/dev/null
    "$VQDNA" predict -q --no-provenance -m plain --window 60 --step 20 r.fa | grep '^one' >stream
    [ "$(cut -f5- stream | sort -u | wc -l)" -gt 50 ]
    "$VQDNA" predict -q -m strands --both-strands --window 60 r.fa >/dev/null
    "$VQDNA" predict -q -m m --mutate --column sequence <(head -3 dev.csv) >/dev/null

    "${go[@]}" --reference r.fa -o parts --checkpoint-every 0 >/dev/null 3>&- &
    wait_for test -s parts/log.ndjson
    kill -TERM $!
    wait $! || [ $? -eq 130 ]
    "${go[@]}" --reference r.fa -o parts --resume >/dev/null
    cmp m/model.safetensors parts/model.safetensors
    cmp m/config.json parts/config.json

    refused 1 'a reference is for a vocabulary of pairs' "${go[@]}" --vocabulary onehot --reference r.fa -o no
    refused 1 'give --reference a file, not a pipe' "${go[@]}" --reference - --seeds 2 -o no
    refused 1 'give --reference a file, not a pipe' "${go[@]}" --reference <(cat r.fa) --search 1e-3,1e-2 -o no
    refused 2 nowhere.fa "${go[@]}" --reference nowhere.fa -o no
    printf '>n\nNNNN\n' >unknown.fa
    refused 2 'unknown.fa has no two known bases 4 apart' "${go[@]}" --reference unknown.fa -o no
    genome 9 1 1500000 >long.fa
    refused 2 'too few are left to learn from' "${go[@]}" --reference long.fa -o no
    [ ! -e no ]
    /usr/bin/python3 -c 'import json
c = json.load(open("m/config.json")); c["reference"] = c["reference"][1:]; json.dump(c, open("m/config.json", "w"))'
    refused 2 'reference is not the 16384 digits' "$VQDNA" predict -q -m m --column sequence dev.csv
}

# Rows as ids of words of 4 bases that do not overlap, an array and its index.
ids_of() { # TABLE NPY [TYPE]
    /usr/bin/python3 - "$@" <<'END'
import struct, sys
table, out, kind = sys.argv[1], sys.argv[2], (sys.argv[3:] or ["u2"])[0]
rows = [line.rstrip("\n").split(",") for line in open(table)][1:]
ids, index = [], ["name\toffset\tcount\tlabel"]
for n, (sequence, label) in enumerate(rows):
    words = [sequence[i:i + 4] for i in range(0, len(sequence) - 3, 4)]
    index.append("row-%d\t%d\t%d\t%s" % (n, len(ids), len(words), label))
    ids += [sum("ACGT".index(c) * 4 ** (3 - i) for i, c in enumerate(word)) for word in words]
head = ("{'descr': '<%s', 'fortran_order': False, 'shape': (%d,), }" % (kind, len(ids))).ljust(117) + "\n"
with open(out, "wb") as f:
    f.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + struct.pack("<%d%s" % (len(ids), {"u2": "H", "i8": "q", "u1": "B"}[kind]), *ids))
open(out + ".tsv", "w").write("\n".join(index) + "\n")
END
}

@test "ids from outside, whatever their width: trained on, predicted from, and checked" {
    for s in train dev test; do
        ids_of $s.csv $s.npy $([ $s = dev ] && echo i8 || echo u2)
    done
    ids=("$VQDNA" finetune -q --train train.npy --dev dev.npy --test test.npy "${body[@]}" --set steps=60)
    "${ids[@]}" --vocabulary ids:257 -o m >/dev/null
    [ "$(value m/config.json vocabulary)" = ids:257 ]
    # As large as of the words they stand for, with their entry for unknown bases.
    "$VQDNA" finetune -q "${sets[@]}" "${body[@]}" --set steps=60 --vocabulary kmer:4:stride=4 -o k >/dev/null
    [ "$(value m/metrics.json parameters)" = "$(value k/metrics.json parameters)" ]
    "$VQDNA" predict -q -m m test.npy >out
    grep -v '^#' out | cut -f4 | cmp - <(grep -v '^#' m/predictions.tsv | cut -f3)
    grep -q "^row-7$(printf '\t')0$(printf '\t')10$(printf '\t')" out
    "${ids[@]}" --vocabulary ids:257 --seeds 1 -o n >/dev/null
    cmp m/model.safetensors n/model.safetensors
    # What is refused.
    refused 2 'and the vocabulary ids:200 ends at 199' "${ids[@]}" --vocabulary ids:200 -o x
    refused 1 'rows are an array of ids' "${ids[@]}" --vocabulary kmer:4 -o x
    refused 1 'rows are sequences' "$VQDNA" finetune -q "${sets[@]}" "${body[@]}" --vocabulary ids:257 -o x
    refused 1 'ids are tokens already' "$VQDNA" pretrain -q --vocabulary ids:257 --set steps=1 -o x "$BATS_FILE_TMPDIR/genome.fa"
    refused 1 'no windows' "$VQDNA" predict -m m --window 8 test.npy
    refused 2 'no array of ids' "$VQDNA" predict -m m test.csv
    refused 1 'no other strand' "$VQDNA" predict -m m --both-strands test.npy
    refused 1 'no other strand' "${ids[@]}" --vocabulary ids:257 --both-strands -o strands
    refused 1 'test.npy holds ids' "$VQDNA" probe -q "${sets[@]:0:4}" --test test.npy --features kmer:3
    head -c 300 test.npy >cut.npy && cp test.npy.tsv cut.npy.tsv
    refused 2 'too short: it was cut' "$VQDNA" predict -m m cut.npy
    cp test.npy long.npy && sed '3s/\t10\t/\t99999\t/' test.npy.tsv >long.npy.tsv
    refused 2 'long.npy.tsv, line 3: the array ends' "$VQDNA" predict -m m long.npy
    sed 's/offset/place/' test.npy.tsv >long.npy.tsv
    refused 2 "no column 'offset'" "$VQDNA" predict -m m long.npy
    rm long.npy.tsv
    refused 2 'long.npy.tsv' "$VQDNA" predict -m m long.npy
    sed 's/<u2/<f2/' test.npy >float.npy && cp test.npy.tsv float.npy.tsv
    refused 2 'not integers' "$VQDNA" predict -m m float.npy
}
