# pretrain: what it learns, what it is measured against, resumed runs, and fine-tuning from it.
load common

body=(--set width=32 --set layers=1 --set heads=2 --window 64 --batch 8 --set baseline_bases=20000 --report-every 5)

setup_file() {
    train_once
    # A genome that repeats itself, so that what is hidden can be told from what is seen far away.
    { echo ">r"; for _ in $(seq 200); do printf 'GATTACACCGTTGACCAGTCATTGCCAGGATCTA'; done; echo; } >"$BATS_FILE_TMPDIR/repeat.fa"
    labelled 1 200 40 >"$BATS_FILE_TMPDIR/train.csv"
}

setup() {
    cd "$BATS_TEST_TMPDIR"
    model=$BATS_FILE_TMPDIR/model
    cp "$BATS_FILE_TMPDIR"/{genome.fa,repeat.fa,train.csv} .
}

@test "what repeats is learned, and told apart from chance" {
    "$VQDNA" pretrain -q "${body[@]}" --vocabulary conv:9 --steps 250 --set learning_rate=0.003 --set span_last=6 --eval repeat.fa --eval-windows 40 -o m repeat.fa >out
    above 1.0 "$(value m/metrics.json eval base_nats)"
    grep -q 'counting, order 6' out
    "$VQDNA" pretrain -q "${body[@]}" --vocabulary conv:5 --steps 60 --eval genome.fa --eval-windows 40 -o n genome.fa >out
    above "$(value n/metrics.json eval base_nats)" 1.35 # random bases hold nothing
    above "$(value n/metrics.json eval baseline_nats)" 1.35
}

@test "every vocabulary, and the paper's masks" {
    for vocabulary in codes codes:fresh codes:tuned codes:stride=3 onehot kmer:3 kmer:4:stride=4; do
        "$VQDNA" pretrain -q "${body[@]}" -m "$model" --vocabulary $vocabulary --steps 10 --eval genome.fa --eval-windows 9 -o "m-$vocabulary" genome.fa >out
        [ "$(value "m-$vocabulary/config.json" model)" = vqdna-pretrain ]
        grep -q 'hidden bases' out
    done
    grep -q 'level 1 by two neighbours' out
    # Codes beside a hidden one give it away: counting tells some where tokens are hidden one by one, next to none of spans.
    "$VQDNA" pretrain -q "${body[@]}" -m "$model" --steps 10 --set mask_codes=true --set baseline_bases=400000 --eval genome.fa --eval-windows 50 -o each genome.fa >/dev/null
    "$VQDNA" pretrain -q "${body[@]}" -m "$model" --steps 10 --set baseline_bases=400000 --eval genome.fa --eval-windows 50 -o spans genome.fa >/dev/null
    above "$(value each/metrics.json eval levels.0.baseline)" 0.1
    above "$(value each/metrics.json eval levels.0.baseline)" "$(value spans/metrics.json eval levels.0.baseline)"
}

@test "killed and resumed: the same model and log" {
    run_it=("$VQDNA" pretrain -q --no-provenance "${body[@]}" -m "$model" --steps 40 --checkpoint-every 0 --eval genome.fa --eval-windows 20)
    "${run_it[@]}" -o whole genome.fa >/dev/null
    "${run_it[@]}" -o parts genome.fa >/dev/null 3>&- &
    wait_for test -s parts/log.ndjson
    kill -KILL $!
    wait $! || true
    "${run_it[@]}" -o parts --resume genome.fa >/dev/null 3>&- &
    wait_for grep -q '"step":20' parts/log.ndjson
    kill -TERM $!
    wait $! || [ $? -eq 130 ]
    "${run_it[@]}" -o parts --resume genome.fa >/dev/null
    cmp whole/model.safetensors parts/model.safetensors
    cmp <(sed 's/,"seconds.*//; s/,"bases_per_second.*//' whole/log.ndjson) <(sed 's/,"seconds.*//; s/,"bases_per_second.*//' parts/log.ndjson)
    [ "$(value whole/metrics.json eval loss)" = "$(value parts/metrics.json eval loss)" ]
}

@test "long convolutions, from short windows on: learned, resumed to the same model, and told apart from other options" {
    long=(--set width=32 --set layers=2 --set mixer=hyena --set length_warmup=16 --window 128 --batch 8 --set baseline_bases=20000 --report-every 5)
    run_it=("$VQDNA" pretrain -q --no-provenance "${long[@]}" --vocabulary conv:9 --steps 100 --set learning_rate=0.003 --set span_last=6 --checkpoint-every 0 --eval repeat.fa --eval-windows 20)
    "${run_it[@]}" -o whole repeat.fa >/dev/null
    above 1.25 "$(value whole/metrics.json eval base_nats)" # of a genome that repeats itself
    [ "$(value whole/config.json mixer)" = hyena ]
    [ "$(head -1 whole/log.ndjson | grep -o '"window":[0-9]*')" = '"window":16' ]
    [ "$(tail -1 whole/log.ndjson | grep -o '"window":[0-9]*')" = '"window":128' ]
    not grep -q position.weight whole/model.safetensors
    "${run_it[@]}" -o parts repeat.fa >/dev/null 3>&- &
    wait_for grep -q '"step":10,' parts/log.ndjson
    kill -TERM $!
    wait $! || [ $? -eq 130 ]
    "${run_it[@]}" -o parts --resume repeat.fa >/dev/null
    cmp whole/model.safetensors parts/model.safetensors
    refused 1 'length_warmup=32 is not what the run goes by' "$VQDNA" pretrain -q -o whole --resume --set length_warmup=32 repeat.fa
    # Activations that are computed again are the same.
    "${run_it[@]}" -o again --set recompute=true repeat.fa >/dev/null
    cmp whole/model.safetensors again/model.safetensors
    # Both mixers in one body, convolution below, for a million bases, as a plan.
    "$VQDNA" pretrain --set mixer=hyena,attention --set layers=2 --set width=16 --set heads=2 --vocabulary onehot --window 1024 --set positions=1048576 --batch 1 --plan >plan
    grep -q '^body.layers.0.mixer.filter.linear4.weight ' plan
    grep -q '^body.layers.1.self_attn.in_proj_weight ' plan
    not grep -q '^position.weight' plan
}

@test "a step in parts is the step, in less memory" {
    run_it=("$VQDNA" pretrain -q --no-provenance "${body[@]}" -m "$model" --steps 4 --report-every 1 --eval genome.fa --eval-windows 11)
    "${run_it[@]}" --batch 12 -o whole genome.fa >/dev/null
    "${run_it[@]}" --batch 12 --set micro_batch=4 -o parts genome.fa >/dev/null
    /usr/bin/python3 - <<'EOF'
import json
def numbers(folder):
    rows = [json.loads(line) for line in open(folder + "/log.ndjson")] + [json.load(open(folder + "/metrics.json"))["eval"]]
    assert len(rows) == 5
    return [row[key] for row in rows for key in ("loss", "base_nats", "baseline_nats")]
for a, b in zip(numbers("whole"), numbers("parts")):
    assert abs(a - b) < 1e-4 * a, (a, b)
EOF
    planned() { "${run_it[@]}" "$@" --plan | sed -n 's/^total \([0-9.]*\) MiB.*/\1/p'; }
    above "$(planned --batch 256)" "$(planned --batch 256 --set micro_batch=32)"
    refused 1 'micro_batch is 5, it must divide batch, which is 12' "${run_it[@]}" --batch 12 --set micro_batch=5 -o none genome.fa
    [ ! -e none ]
}

@test "fine-tuning goes on from it" {
    "$VQDNA" pretrain -q "${body[@]}" -m "$model" --steps 20 -o pre genome.fa
    "$VQDNA" finetune -q --train train.csv --init pre --set frozen=true --set steps=5 --batch 16 -o fine >/dev/null
    /usr/bin/python3 - <<'EOF'
import json
def tensors(folder):
    with open(folder + "/model.safetensors", "rb") as f:
        head, data = json.loads(f.read(int.from_bytes(f.read(8), "little"))), f.read()
    return {k: data[slice(*v["data_offsets"])] for k, v in head.items() if k != "__metadata__"}
a, b = tensors("pre"), tensors("fine")
assert all(a[k] == b[k] for k in a if not k.startswith("head.")), "a frozen body changed"
assert any(k.startswith("head.out") for k in b) and any(k.startswith("head.levels") for k in a)
EOF
    cmp pre/tokenizer/model.safetensors fine/tokenizer/model.safetensors
    "$VQDNA" finetune -q --train train.csv --init pre --set steps=5 --batch 16 --seeds 2 -o both >/dev/null
    "$VQDNA" predict -q -m fine --column sequence train.csv >/dev/null
}

@test "--plan prints the memory plan, needs no sequences, and trains nothing" {
    "$VQDNA" pretrain "${body[@]}" --vocabulary onehot --plan >out
    grep -q '^body\.layers\.0\.linear2\.weight  *param' out
    grep -q '^total .* MiB of the device.s .*; largest batch [1-9][0-9]* windows$' out
    run --separate-stderr "$VQDNA" pretrain --vocabulary onehot --preset base --batch 60000 --plan
    [ "$status" -eq 3 ]
    [[ $stderr == *"too little memory"* ]]
    [[ $output == *"; largest batch "[1-9]* ]]
    refused 1 "leave out --resume" "$VQDNA" pretrain --plan --resume -o m genome.fa
}

@test "what cannot be is refused with a sentence" {
    go=("$VQDNA" pretrain -q "${body[@]}" -o m)
    refused 1 'name FASTA or FASTQ files' "${go[@]}"
    refused 1 'name a folder with -o' "$VQDNA" pretrain -q genome.fa
    refused 1 'is that of a tokenizer' "${go[@]}" --vocabulary codes genome.fa
    refused 1 "did you mean 'span_last'" "${go[@]}" --set span_lst=3 genome.fa
    refused 1 'the longest sequence has 64' "${go[@]}" --set positions=50 genome.fa
    refused 1 "mixer 'heyna' is not known" "${go[@]}" --set mixer=heyna genome.fa
    refused 1 'lists 2 layers and the body has 1' "${go[@]}" --set mixer=hyena,attention genome.fa
    refused 1 'more than the window' "${go[@]}" --set length_warmup=128 genome.fa
    printf '>n\nNNNNNNNNNN\n' >n.fa
    refused 2 'none of its 10 bases' "${go[@]}" n.fa
    [ ! -e m ]
    "${go[@]}" --steps 5 genome.fa
    refused 1 'already holds a model' "${go[@]}" genome.fa
    refused 2 'trained on other sequences' "${go[@]}" --steps 5 --resume repeat.fa
    refused 1 'window=32 is not what the run goes by' "$VQDNA" pretrain -q -o m --resume --window 32 genome.fa
    refused 1 'tells no labels yet' "$VQDNA" predict -q -m m --window 9 genome.fa
    refused 1 'which --init gives' "$VQDNA" finetune -q --train train.csv --init m --set width=16 -o f
    refused 1 'longest sequence' "$VQDNA" finetune -q --train <(sed '2s/^/'"$(printf 'A%.0s' $(seq 600))"'/' train.csv) --init m -o f
}
