# finetune: seeds, resumed runs, what is written, and what is refused.
load common

setup_file() {
    tables_once
}

setup() {
    tables_here
}

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
