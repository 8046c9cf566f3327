# finetune: vocabularies, seeds, resumed runs, what is written, and what is refused.
load common

# A body small enough for seconds on one core.
body=(--set width=32 --set layers=1 --set heads=2 --set pool=max --batch 16 --report-every 10)

setup_file() {
    train_once
    labelled 1 800 40 >"$BATS_FILE_TMPDIR/train.csv"
    labelled 2 200 40 >"$BATS_FILE_TMPDIR/dev.csv"
    labelled 3 200 40 >"$BATS_FILE_TMPDIR/test.csv"
}

setup() {
    cd "$BATS_TEST_TMPDIR"
    model=$BATS_FILE_TMPDIR/model
    cp "$BATS_FILE_TMPDIR"/*.csv .
    sets=(--train train.csv --dev dev.csv --test test.csv)
}

value() { # FILE PATH...: a value of a JSON file
    /usr/bin/python3 -c 'import json, sys
x = json.load(open(sys.argv[1]))
for k in sys.argv[2:]: x = x[int(k) if k.isdigit() else k]
print(x)' "$@"
}

same_numbers() { # FILE FILE: tables of predictions, but for rounding
    /usr/bin/python3 -c 'import sys
a, b = ([float(l.split("\t")[-1]) for l in open(f) if l[0] != "#"] for f in sys.argv[1:])
assert len(a) == len(b) > 0 and all(abs(x - y) < 1e-4 for x, y in zip(a, b)), (a[:3], b[:3])' "$@"
}

above() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a > b) }'; }

@test "a word is found by a body that may look at it, and what was kept is written" {
    "$VQDNA" finetune -q "${sets[@]}" "${body[@]}" --vocabulary conv:9 --epochs 12 -o m >out
    above "$(value m/metrics.json test mcc mean)" 0.8
    above "$(value m/metrics.json dev mcc mean)" 0.8
    grep -q '^test *200 rows  mcc 0\.' out
    grep -q '^label' out
    [ "$(value m/metrics.json seeds 0 test confusion 0 0)" -gt 80 ]
    [ "$(grep -vc '^#' m/predictions.tsv)" -eq 200 ]
    [ "$(value m/config.json model)" = vqdna-classify ]
    [ ! -e m/tokenizer ]
    # The table of predictions is that of probe, and is read by it.
    "$VQDNA" probe -q "${sets[@]}" --features kmer:7 --against m/predictions.tsv | grep -q 'paired bootstrap'
    # A second run is the same to the bit, log and all.
    "$VQDNA" finetune -q "${sets[@]}" "${body[@]}" --vocabulary conv:9 --epochs 12 -o n >/dev/null
    cmp m/model.safetensors n/model.safetensors
    cmp <(grep -v '^#prov' m/predictions.tsv) <(grep -v '^#prov' n/predictions.tsv)
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

@test "a new run of several seeds that is stopped leaves nothing of the old one to resume" {
    go=("$VQDNA" finetune -q --no-provenance "${sets[@]}" "${body[@]}" --vocabulary kmer:4 --seeds 2 --checkpoint-every 0 --epochs 2)
    "${go[@]}" --rows 100 -o old >/dev/null
    "${go[@]}" -o new >/dev/null
    touch marker
    "${go[@]}" --force -o old >/dev/null 3>&- &
    wait_for test old/seed-1/trainer.json -nt marker
    kill -KILL $!
    wait $! || true
    [ ! -e old/seed-2/trainer.safetensors ]
    "${go[@]}" --resume -o old >/dev/null
    cmp old/seed-2/model.safetensors new/seed-2/model.safetensors
}

@test "a step in parts is the step" {
    run_it=("$VQDNA" finetune -q --no-provenance "${sets[@]}" "${body[@]}" --vocabulary kmer:4 --set steps=20 --set balanced=true --report-every 1)
    "${run_it[@]}" --batch 12 --set dropout=0 -o whole >/dev/null
    "${run_it[@]}" --batch 12 --set dropout=0 --set micro_batch=4 -o parts >/dev/null
    /usr/bin/python3 - <<'EOF'
import json
a, b = ([json.loads(line)["loss"] for line in open(folder + "/log.ndjson")] for folder in ("whole", "parts"))
assert len(a) == 20 and max(abs(x - y) / x for x, y in zip(a, b)) < 1e-3, (a, b)
EOF
    # Each part drops branches of its own, in every run the same.
    for i in 1 2; do
        "${run_it[@]}" --batch 12 --set dropout=0.3 --set micro_batch=4 -o dropped-$i >/dev/null
    done
    cmp dropped-1/model.safetensors dropped-2/model.safetensors
    refused 1 'micro_batch is 5, it must divide batch, which is 12' "${run_it[@]}" --batch 12 --set micro_batch=5 -o none
    [ ! -e none ]
}

@test "several seeds: mean, spread, the best's model" {
    "$VQDNA" finetune -q "${sets[@]}" "${body[@]}" --vocabulary kmer:4 --set steps=30 --seeds 3 --both-strands -o m >out
    grep -q 'over 3 seeds' out
    [ "$(value m/metrics.json seeds 2 seed)" = 3 ]
    above "$(value m/metrics.json dev mcc sd)" 0
    best=$(for i in 1 2 3; do echo "$(value m/seed-$i/metrics.json dev mcc value) $i"; done | sort -k1,1gr -k2,2n | head -1 | cut -d' ' -f2)
    cmp m/model.safetensors m/seed-$best/model.safetensors
    not cmp -s m/seed-1/model.safetensors m/seed-2/model.safetensors
}

@test "killed and resumed: the same model, log and scores" {
    run_it=("$VQDNA" finetune -q --no-provenance "${sets[@]}" "${body[@]}" -m "$model" --epochs 2 --seeds 2 --checkpoint-every 0)
    "${run_it[@]}" -o whole >/dev/null
    "${run_it[@]}" -o parts >/dev/null 3>&- &
    wait_for test -s parts/seed-1/log.ndjson
    kill -KILL $!
    wait $! || true
    "${run_it[@]}" -o parts --resume >/dev/null 3>&- &
    wait_for test -s parts/seed-2/log.ndjson
    kill -TERM $!
    wait $! || [ $? -eq 130 ]
    "${run_it[@]}" -o parts --resume >/dev/null
    for seed in 1 2; do
        cmp whole/seed-$seed/model.safetensors parts/seed-$seed/model.safetensors
        cmp whole/seed-$seed/predictions.tsv parts/seed-$seed/predictions.tsv
    done
    cmp whole/model.safetensors parts/model.safetensors
    [ "$(value whole/metrics.json test mcc mean)" = "$(value parts/metrics.json test mcc mean)" ]
}

@test "long convolutions below attention: trained, adapted, opened, used" {
    hyena=(--set mixer=hyena,attention --set width=32 --set layers=2 --set heads=2 --set pool=max --batch 16 --report-every 10 --vocabulary conv:9)
    "$VQDNA" finetune -q --no-provenance "${sets[@]}" "${hyena[@]}" --epochs 8 --set length_warmup=20 -o m >/dev/null
    above "$(value m/metrics.json test mcc mean)" 0.5
    [ "$(value m/config.json mixer)" = hyena,attention ]
    "$VQDNA" info m | grep -q '^mixer  *hyena,attention$'
    "$VQDNA" finetune -q --no-provenance "${sets[@]}" "${hyena[@]}" --epochs 8 --set length_warmup=20 -o n >/dev/null
    cmp m/model.safetensors n/model.safetensors
    # A longer sequence among short ones does not change what is said of them.
    { head -201 test.csv; awk -v ORS= 'BEGIN { for (i = 0; i < 100; i++) print "ACGTT" }'; echo ,1; } >longer.csv
    "$VQDNA" predict -q -m m --column sequence test.csv >said
    "$VQDNA" predict -q -m m --column sequence longer.csv | grep -v '^#' | head -200 >beside
    same_numbers said beside
    "$VQDNA" finetune -q "${sets[@]}" --batch 16 --init m --set lora=4 --set lora_feed=true --set pool=max --epochs 1 -o adapted >/dev/null
    "$VQDNA" predict -q -m m --adapter adapted/adapter.safetensors --column sequence test.csv >a
    "$VQDNA" predict -q -m adapted --column sequence test.csv >b
    same_numbers a b
    # A model from before there were others is one of attention.
    "$VQDNA" finetune -q "${sets[@]}" "${body[@]}" --vocabulary kmer:3 --set steps=4 -o old >/dev/null
    "$VQDNA" predict -q -m old --column sequence test.csv | grep -v '^#' >now
    sed -i '/"mixer"/d' old/config.json
    "$VQDNA" predict -q -m old --column sequence test.csv | grep -v '^#' >then
    cmp now then
    sed -i 's/"hyena,attention"/"hyena,convolution"/' n/config.json
    refused 2 "n/config.json: mixer 'convolution' is not known" "$VQDNA" predict -q -m n --column sequence test.csv
}

@test "regression, class weights, a frozen body, recomputing" {
    awk -F, 'NR == 1 { print; next } { n = gsub(/A/, "A", $1); print $1 "," n / 10 }' train.csv >numbers.csv
    "$VQDNA" finetune -q --train numbers.csv --dev numbers.csv --test numbers.csv --regression "${body[@]}" --set pool=mean --vocabulary onehot --epochs 6 -o r >out
    above "$(value r/metrics.json test r mean)" 0.9
    grep -q ' rmse 0\.' out
    [ "$(value r/config.json model)" = vqdna-regress ]
    for extra in balanced=true frozen=true recompute=true; do
        "$VQDNA" finetune -q "${sets[@]}" "${body[@]}" --vocabulary kmer:3 --set steps=20 --set $extra -o "m-$extra" >/dev/null
    done
    "$VQDNA" finetune -q "${sets[@]}" "${body[@]}" --vocabulary kmer:3 --set steps=20 -o plain >/dev/null
    cmp plain/model.safetensors m-recompute=true/model.safetensors
    not cmp -s plain/model.safetensors m-balanced=true/model.safetensors
    [ "$(value m-frozen=true/metrics.json trained)" -lt "$(value plain/metrics.json trained)" ]
}

@test "labels without a strand: learned and told from either" {
    turned() { awk -F, 'NR > 1 { s = ""; for (i = length($1); i > 0; i--) s = s substr("TGCA", index("ACGT", substr($1, i, 1)), 1); $0 = s "," $2 } 1' "$1"; }
    turned test.csv >turned.csv
    run=("$VQDNA" finetune -q --no-provenance --train train.csv --dev dev.csv "${body[@]}" --vocabulary conv:9 --epochs 16 --checkpoint-every 0)
    "${run[@]}" --test turned.csv -o one >/dev/null
    above 0.5 "$(value one/metrics.json test mcc mean)"
    "${run[@]}" --test turned.csv --both-strands -o both >/dev/null
    "${run[@]}" --test test.csv --set both_strands=true -o parts >/dev/null 3>&- &
    wait_for test -s parts/log.ndjson
    kill -KILL $!
    wait $! || true
    "${run[@]}" --test test.csv --both-strands -o parts --resume >/dev/null
    cmp both/model.safetensors parts/model.safetensors
    [ "$(value both/metrics.json test mcc mean)" = "$(value parts/metrics.json test mcc mean)" ]
    above "$(value both/metrics.json test mcc mean)" 0.7
    # A model that learned from either strand tells either by itself; dev in the log is dev in the scores.
    right() { "$VQDNA" predict -q -m both turned.csv | grep -v '^#' | cut -f4 | paste -d, - <(tail -n +2 turned.csv) | awk -F, '$1 == $3' | wc -l; }
    [ "$(right)" -gt 160 ]
    [ "$(printf %.6f "$(value both/metrics.json dev mcc mean)")" = "$(/usr/bin/python3 -c 'import json; print("%.6f" % max(json.loads(l).get("dev_mcc", 0) for l in open("both/log.ndjson")))')" ]
}

@test "averages of weights: judged and kept, resumed" {
    local run=("$VQDNA" finetune -q --no-provenance "${sets[@]}" "${body[@]}" --batch 16 --vocabulary kmer:3 --checkpoint-every 0 --report-every 10)
    # The average of one step is its weights; of more it is not.
    "${run[@]}" --set steps=1 -o one >/dev/null
    "${run[@]}" --set steps=1 --set average=0.9 -o mean-one >/dev/null
    cmp one/model.safetensors mean-one/model.safetensors
    "${run[@]}" --set steps=9 -o nine >/dev/null
    "${run[@]}" --set steps=9 --set average=0.9 -o mean-nine >/dev/null
    not cmp -s nine/model.safetensors mean-nine/model.safetensors
    "${run[@]}" --epochs 3 --set average=0.99 -o whole >/dev/null
    above "$(value whole/metrics.json test mcc mean)" 0.5
    "${run[@]}" --epochs 3 --set average=0.99 -o parts >/dev/null 3>&- &
    wait_for test -s parts/trainer.json
    kill -KILL $!
    wait $! || true
    "${run[@]}" --epochs 3 --set average=0.99 -o parts --resume >/dev/null
    cmp whole/model.safetensors parts/model.safetensors
}

@test "adapters: fewer parameters, a merged model, resumed like any other" {
    "$VQDNA" finetune -q "${sets[@]}" "${body[@]}" --vocabulary conv:9 --epochs 4 -o base >/dev/null
    lora=("$VQDNA" finetune -q --no-provenance "${sets[@]}" --batch 16 --init base --set lora=4 --set pool=max --epochs 3 --checkpoint-every 0 --report-every 10)
    "${lora[@]}" -o whole >/dev/null
    above "$(value base/metrics.json trained)" "$(value whole/metrics.json trained)"
    above "$(value whole/metrics.json test mcc mean)" 0.5
    # What is saved has the adapters in its weights: it predicts what was scored, and has no other tensors than the model it began with.
    "$VQDNA" predict -q -m whole --column sequence test.csv | grep -v '^#' | cut -f4 | cmp - <(grep -v '^#' whole/predictions.tsv | cut -f3)
    diff <("$VQDNA" info base | sed -n '/^tensor/,$p' | sort) <("$VQDNA" info whole | sed -n '/^tensor/,$p' | sort)
    # Kept apart they are a small part of it, and on their base say the same; on another they are refused.
    [ "$(stat -c %s whole/adapter.safetensors)" -lt "$(stat -c %s whole/model.safetensors)" ]
    "$VQDNA" predict -q --no-provenance -m whole --column sequence test.csv >merged
    "$VQDNA" predict -q --no-provenance -m base --adapter whole/adapter.safetensors --column sequence test.csv | cmp - merged
    "$VQDNA" finetune -q "${sets[@]}" --init base --set lora=0 --set steps=2 -o none >/dev/null
    [ ! -e none/adapter.safetensors ]
    refused 2 "adapter of another base model" "$VQDNA" predict -m whole --adapter whole/adapter.safetensors --column sequence test.csv
    refused 2 "is no adapter" "$VQDNA" predict -m base --adapter whole/model.safetensors --column sequence test.csv
    [ "$(value whole/config.json base)" != "" ]
    "${lora[@]}" -o parts >/dev/null 3>&- &
    wait_for test -s parts/trainer.json
    kill -KILL $!
    wait $! || true
    "${lora[@]}" -o parts --resume >/dev/null
    cmp whole/model.safetensors parts/model.safetensors
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

@test "a search for the learning rate: dev chooses, test is opened once, resumed to the same" {
    go=("$VQDNA" finetune -q --no-provenance "${sets[@]}" "${body[@]}" --vocabulary conv:9 --set steps=120 --checkpoint-every 0 --search 1e-2,1e-9,3e-3)
    "${go[@]}" -o whole >out
    grep -q '^learning rates on dev: 1e-09: ' out
    [ "$(value whole/metrics.json search 0 learning_rate)" = 1e-09 ]
    chosen=$(value whole/metrics.json learning_rate)
    above "$chosen" 0.002
    [ ! -e whole/rate-1e-09/predictions.tsv ] && [ -e whole/predictions.tsv ]
    not grep -q '"test"' whole/rate-0.003/metrics.json
    "$VQDNA" finetune -q "${sets[@]}" "${body[@]}" --vocabulary conv:9 --set steps=120 --learning-rate "$chosen" -o same >/dev/null
    cmp whole/model.safetensors same/model.safetensors
    "${go[@]}" -o parts >/dev/null 3>&- &
    wait_for test -s parts/rate-0.003/log.ndjson
    kill -KILL $!
    wait $! || true
    "${go[@]}" -o parts --resume >again
    cmp whole/model.safetensors parts/model.safetensors
    cmp out again
    refused 1 "leave learning-rate out" "${go[@]}" --learning-rate 1e-3 -o x
    refused 1 "--search has 0.01 twice" "$VQDNA" finetune "${sets[@]}" --search 1e-2,0.01 -o x
    refused 1 "between commas" "$VQDNA" finetune "${sets[@]}" --search 1e-2,fast -o x
    refused 1 "of one rate is none" "$VQDNA" finetune "${sets[@]}" --search 1e-2 -o x
    # A rate that comes to no number is not chosen.
    "$VQDNA" finetune -q "${sets[@]}" "${body[@]}" --vocabulary conv:9 --set steps=40 --set clip=0 --search 3e-3,10 -o wild >/dev/null 2>err
    [ "$(value wild/metrics.json learning_rate)" = 0.003 ]
}

@test "--plan prints the memory plan and trains nothing" {
    "$VQDNA" finetune "${sets[@]}" --vocabulary onehot --plan >out
    grep -q '^body\.layers\.3\.linear2\.weight  *param' out
    grep -q '^total .* MiB of the device.s .*; largest batch [1-9][0-9]* sequences$' out
    "$VQDNA" finetune "${sets[@]}" --vocabulary onehot --set recompute=true --plan >less
    above "$(tail -1 out | cut -d' ' -f2)" "$(tail -1 less | cut -d' ' -f2)"
    run --separate-stderr "$VQDNA" finetune "${sets[@]}" --vocabulary onehot --preset base --batch 65536 --plan
    [ "$status" -eq 3 ]
    [[ $stderr == *"too little memory"* ]]
    [[ $output == *"; largest batch "[1-9]* ]]
    largest=$(sed 's/.*largest batch \([0-9]*\) .*/\1/' <<<"${lines[-1]}")
    "$VQDNA" finetune "${sets[@]}" --vocabulary onehot --preset base --batch "$largest" --plan >/dev/null
    refused 1 "leave out --resume" "$VQDNA" finetune "${sets[@]}" --vocabulary onehot --plan --resume -o m
    refused 3 "too little memory" "$VQDNA" finetune -q "${sets[@]}" --vocabulary onehot --preset base --batch 65536 -o m
    [ ! -e m ]
}

@test "what cannot be is refused with a sentence" {
    go=("$VQDNA" finetune -q "${body[@]}" -o m)
    refused 1 'name a table with --train' "${go[@]}"
    refused 1 'name a folder with -o' "$VQDNA" finetune -q --train train.csv
    refused 1 "there is no vocabulary 'kmers:3'" "${go[@]}" --train train.csv --vocabulary kmers:3
    refused 1 'is that of a tokenizer' "${go[@]}" --train train.csv --vocabulary codes
    refused 1 "did you mean 'dropout'" "${go[@]}" --train train.csv --set dropuot=0.1
    refused 1 'does not go into 5 heads' "${go[@]}" --train train.csv --set heads=5
    refused 1 'the longest sequence has 40 bases' "${go[@]}" --train train.csv --set positions=39
    sed 's/,1$/,0/' train.csv >one.csv
    refused 2 'nothing to tell apart' "${go[@]}" --train one.csv
    sed '5s/,[01]$/,2/' test.csv >other.csv
    refused 2 "line 5: the label '2' is met in no training row" "${go[@]}" --train train.csv --test other.csv
    printf 'sequence,label\n,1\nACGT,0\n' >empty.csv
    refused 2 'line 2' "${go[@]}" --train empty.csv
    refused 2 'is not a finite number' "${go[@]}" --train <(sed '3s/,[01]$/,nan/' train.csv) --regression
    [ ! -e m ]
    "${go[@]}" --train train.csv --set steps=5 >/dev/null
    refused 1 'already holds a model' "${go[@]}" --train train.csv
    refused 2 'was trained on other sequences' "${go[@]}" --train dev.csv --set steps=9 --resume
    refused 1 'batch=8 is not what the run goes by' "$VQDNA" finetune -q --train train.csv -o m --resume --batch 8
}
