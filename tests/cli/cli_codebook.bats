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
    [ "$(head -1 list)" = $'#level\tcode\tcount\tshare\tbits\tgc\tat\tconsensus\tenrichment\tp\tpartner' ]
    awk '!/^#/ { rows[$1]++; n[$1] += $3 } END { exit !(rows[1] == 64 && rows[2] == 128 && n[1] == 6000 && n[2] == 6000) }' list
    "$VQDNA" tokenize -q -m "$model" "$genome" | awk '!/^#/ { n[$3]++ } END { for (c in n) print c "\t" n[c] }' | sort >expected
    awk '$1 == 1 && $3 { print $2 "\t" $3 }' list | sort | cmp - expected
}

@test "one file in two, and several reads, are the same" {
    "$VQDNA" codebook -q --json --no-control --no-provenance -m "$model" "$genome" >one
    awk '/^>/ { n++ } { print >"part" n ".fa" }' "$genome"
    "$VQDNA" codebook -q --json --no-control --no-provenance -m "$model" part1.fa part2.fa >two
    cmp one two
    "$VQDNA" codebook -q --json --no-control --no-survey --no-provenance -m "$model" - <"$genome" >three
    "$VQDNA" codebook -q --json --no-control --no-survey --no-provenance -m "$model" "$genome" | cmp - three
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
    python=/usr/bin/python3
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

# planted: a genome of random bases in which a word and genes of a start codon and a stop codon stand; planted.gff has the genes.
planted() {
    awk -v word="$1" -v genes="$2" 'BEGIN {
        srand(9)
        for (i = 0; i < 120000; i++)
            base[i] = substr("ACGT", 1 + int(4 * rand()), 1)
        for (i = 300; i + 900 < 120000; i += 1000) {
            for (j = 0; j < length(word); j++)
                base[i + j] = substr(word, j + 1, 1)
            strand = int(i / 1000) % 2 ? "+" : "-"
            start = i + 200 + int(30 * rand())
            for (j = 0; j < 3 && genes; j++) {
                base[start + j] = substr(strand == "+" ? "ATG" : "TTA", j + 1, 1)
                base[start + 297 + j] = substr(strand == "+" ? "TAA" : "CAT", j + 1, 1)
            }
            printf "g\t.\tCDS\t%d\t%d\t.\t%s\t0\tID=%d\n", start + 1, start + 300, strand, i >"planted.gff"
        }
        printf ">g\n"
        for (i = 0; i < 120000; i++)
            printf "%s%s", base[i], i % 80 == 79 ? "\n" : ""
    }' >planted.fa
}

@test "a planted word, its code, and the ends of planted genes are found" {
    cd "$BATS_TEST_TMPDIR"
    planted GCTGGTGG 1
    "$VQDNA" codebook -q -m "$BATS_FILE_TMPDIR/model" --no-control --annotation planted.gff planted.fa >text
    grep -E '^GCTGGTGG +Chi ' text
    [ "$(grep -c '^not special here: .*CTAG, shunned' text)" -eq 1 ]
    grep -E '^CDS +start +\+[0-9]' text
    grep -E '^CDS +end +-[0-9]' text
    "$VQDNA" codebook -q -m "$BATS_FILE_TMPDIR/model" --no-control --json --annotation planted.gff planted.fa >json
    grep -o '"findings":\[{"feature":"CDS"' json
    "$VQDNA" codebook -q -m "$BATS_FILE_TMPDIR/model" --list planted.fa | awk -F'\t' 'NF != 11 { exit 1 } $11 ~ /^[0-9]+$/ { n++ } END { exit n < 60 }'
}

@test "in random bases nothing is found" {
    cd "$BATS_TEST_TMPDIR"
    planted "" 0
    "$VQDNA" codebook -q -m "$BATS_FILE_TMPDIR/model" --no-control --annotation planted.gff planted.fa >text
    grep -q '^0 findings with p below 0.01' text
    [ "$(grep -c ' 0 codes more often, 0 less' text)" -eq 2 ]
    grep -q '^not special here: Shine-Dalgarno, .*, telomere of plants$' text
    not grep -E '^[ACGTRYSWKMN]+ .* [0-9]+ +[0-9]+ ' text
}

@test "an annotation of other sequences, and what is too short for a survey" {
    cd "$BATS_TEST_TMPDIR"
    planted "" 0
    printf 'chr8\t.\tCDS\t1\t90\t.\t+\t0\tx\n' >other.gff
    refused 2 "other.gff, line 1: contig chr8 is in none of the sequences" "$VQDNA" codebook -q -m "$BATS_FILE_TMPDIR/model" --no-control --annotation other.gff planted.fa
    printf 'g\t.\tCDS\t1\t120001\t.\t+\t0\tx\n' >long.gff
    refused 2 "ends at 120001, and contig g has 120000 bases" "$VQDNA" codebook -q -m "$BATS_FILE_TMPDIR/model" --no-control --annotation long.gff planted.fa
    printf 'nothing here\n' >bad.gff
    refused 2 "neither BED" "$VQDNA" codebook -q -m "$BATS_FILE_TMPDIR/model" --no-control --annotation bad.gff planted.fa
    refused 1 "leave out --no-survey" "$VQDNA" codebook -q -m "$BATS_FILE_TMPDIR/model" --no-survey --annotation planted.gff planted.fa
    printf '>s\nACGTACGTACGTTTGACA\n' >short.fa
    "$VQDNA" codebook -m "$BATS_FILE_TMPDIR/model" --no-control short.fa 2>said | grep -q '^level 1'
    grep -q "too short for a survey" said
    refused 2 "too short for a survey" "$VQDNA" codebook -q -m "$BATS_FILE_TMPDIR/model" --no-control --annotation planted.gff short.fa
}
