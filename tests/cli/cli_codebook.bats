# codebook: use, information, the control, the vocabulary as a list.
load common

setup_file() {
    train_once
}

setup() {
    cd "$BATS_TEST_TMPDIR"
    model=$BATS_FILE_TMPDIR/model
    genome=$BATS_FILE_TMPDIR/genome.fa
}

@test "use and perplexity are those of eval" {
    "$VQDNA" eval -q --json -m "$model" "$genome" | grep -E '"(used|perplexity)"' | tr -d ' ,' >expected
    "$VQDNA" codebook -q --json --no-control -m "$model" "$genome" | grep -oE '"(used|perplexity)":[0-9.e+]+' >found
    paste -d: expected found | awk -F: '{ d = $2 - $4; if (d < 0) d = -d; if (d > 1e-6 * $2) exit 1 } END { exit NR != 4 }'
}

@test "the table, with its control and without" {
    "$VQDNA" codebook -q -m "$model" "$genome" >text
    grep -q '^offset  level 1  level 2  jointly  untrained 1  untrained 2  jointly$' text
    grep -E '^ +\+0 ' text | awk '{ exit !($2 > 0.2 && $2 <= 2.001 && $4 >= $2 - 0.05) }'
    "$VQDNA" codebook -q --no-control -m "$model" "$genome" >text
    grep -q '^offset  level 1  level 2  jointly$' text
    run ! grep -qi untrained text
    "$VQDNA" codebook -q --json -m "$model" "$genome" | grep -q '"untrained":{"bases":6000'
}

@test "the list counts every base once a level" {
    "$VQDNA" codebook -q --list -m "$model" "$genome" >list
    [ "$(head -1 list)" = $'#level\tcode\tcount\tshare\tbits\tgc\tat\tconsensus' ]
    awk '!/^#/ { rows[$1]++; n[$1] += $3 } END { exit !(rows[1] == 64 && rows[2] == 128 && n[1] == 6000 && n[2] == 6000) }' list
    "$VQDNA" tokenize -q -m "$model" "$genome" | awk '!/^#/ { n[$3]++ } END { for (c in n) print c "\t" n[c] }' | sort >expected
    awk '$1 == 1 && $3 { print $2 "\t" $3 }' list | sort | cmp - expected
}

@test "one file in two, and several reads, are the same" {
    "$VQDNA" codebook -q --json --no-control --no-provenance -m "$model" "$genome" >one
    awk '/^>/ { n++ } { print >"part" n ".fa" }' "$genome"
    "$VQDNA" codebook -q --json --no-control --no-provenance -m "$model" part1.fa part2.fa >two
    cmp one two
    "$VQDNA" codebook -q --json --no-control --no-provenance -m "$model" - <"$genome" >three
    cmp one three
}

@test "what cannot be read" {
    refused 1 "which model" "$VQDNA" codebook "$genome"
    refused 1 "an input is missing" "$VQDNA" codebook -m "$model"
    refused 2 "nowhere.fa" "$VQDNA" codebook -q -m "$model" nowhere.fa
    printf '>a\nNNNN\n' >n.fa
    refused 2 "nothing can be said" "$VQDNA" codebook -q -m "$model" n.fa
    refused 1 "read once" "$VQDNA" codebook -q -m "$model" -
}

@test "a tokenizer for Hugging Face's tokenizers" {
    VQDNA_DEVICE=nosuchdevice "$VQDNA" codebook -m "$model" --tokenizer-json tokenizer.json
    grep -q '"\[PAD\]": 0' tokenizer.json
    grep -q '"1:0": 5' tokenizer.json
    grep -q '"2:127": 196' tokenizer.json
    "$VQDNA" codebook -m "$model" --tokenizer-json tokenizer.json # replaces its own
    echo keep >other.json
    refused 1 "other.json" "$VQDNA" codebook -m "$model" --tokenizer-json other.json
    python=${VQDNA_PYTHON:-python3}
    "$python" -c 'import tokenizers' 2>/dev/null || skip "tokenizers is not installed"
    "$python" -c '
from tokenizers import Tokenizer
t = Tokenizer.from_file("tokenizer.json")
e = t.encode("1:0 2:127 [MASK] 9:9")
assert e.ids == [5, 196, 4, 1], e.ids
assert t.get_vocab_size() == 5 + 64 + 128
try:
    from transformers import PreTrainedTokenizerFast
    f = PreTrainedTokenizerFast(tokenizer_file="tokenizer.json", pad_token="[PAD]", mask_token="[MASK]")
    assert f(["1:0 2:0", "1:5"], padding=True)["input_ids"] == [[5, 69], [10, 0]]
except ImportError:
    print("transformers is not installed")
'
}
