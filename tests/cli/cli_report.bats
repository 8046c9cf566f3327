# vqdna report: what it takes and what it refuses. tests/report_page.py looks at the page.
load common

setup_file() {
    train_once
    "$VQDNA" codebook -q --json --no-control -m "$BATS_FILE_TMPDIR/model" "$BATS_FILE_TMPDIR/genome.fa" >"$BATS_FILE_TMPDIR/codes.json"
}

setup() {
    cd "$BATS_TEST_TMPDIR"
    model=$BATS_FILE_TMPDIR/model
    cp "$BATS_FILE_TMPDIR/codes.json" .
}

@test "a page of the model alone, and of what was found out" {
    "$VQDNA" report "$model" >alone.html
    grep -q '<h2>The model</h2>' alone.html
    run ! grep -q '<h2>The codes</h2>' alone.html
    "$VQDNA" report "$model" codes.json -o page.html
    "$VQDNA" report "$model" codes.json -o page.html # replaced, being of the same kind
    grep -q '<h3>Motifs</h3>' page.html
    grep -q '<h2>Provenance</h2>' page.html
    "$VQDNA" report --no-provenance "$model" codes.json >plain.html
    run ! grep -q Provenance plain.html
    rm -rf bare
    cp -r "$model" bare
    rm bare/training.svg bare/metrics.json
    "$VQDNA" report bare | grep -q 'has no training.svg'
    nothing_left .
}

@test "what is refused" {
    refused 1 "an input is missing" "$VQDNA" report
    refused 2 "absent" "$VQDNA" report absent -o page.html
    refused 2 "absent.json" "$VQDNA" report "$model" absent.json -o page.html
    printf 'no json' >bad.json
    refused 2 "bad.json, line 1 is not JSON" "$VQDNA" report "$model" bad.json -o page.html
    printf '{"a":1}' >other.json
    refused 2 "other.json is not what codebook, probe or eval print" "$VQDNA" report "$model" other.json -o page.html
    printf '[1,2]' >other.json
    refused 2 "other.json is not what" "$VQDNA" report "$model" other.json -o page.html
    refused 1 "also an input" "$VQDNA" report --force "$model" codes.json -o codes.json
    refused 1 "of the model" "$VQDNA" report --force "$model" -o "$model/config.json"
    printf 'mine' >page.html
    refused 1 "page.html exists and is something else than a report" "$VQDNA" report "$model" -o page.html
    [ "$(cat page.html)" = mine ]
}

@test "hostile JSON of a known kind does no harm" {
    for json in '{"first_offset":-20,"levels":7}' '{"first_offset":"x","levels":[{"list":[{"motif":3,"count":"n"},4,{"motif":[[1e308,1e308,-5],[null]],"count":1e300}],"information":[9e99,null,"a"]}]}' \
        '{"first_offset":99999999999,"levels":[[],{}],"survey":{"words":[1,{"p":1e-9,"word":3}]},"findings":[0,{}],"joint_information":[]}' \
        '{"first_offset":2147483647,"bases":0,"levels":[{"information":[2,1],"list":[{"count":3,"motif":[[0,0,0,0],[1e308,1e308,1,1]]}]}]}' \
        '{"features":"k","dev":{"mcc":{"mean":5,"sd":"x"}},"test":{"mcc":{"low":-1e308,"mean":null,"high":1e308}}}' \
        '{"features":7,"test":[1],"lookup":{"mcc":3}}' '{"reconstruction_accuracy":null}' '{"features":"\u0001<b>\ud83d\ude00"}'; do
        printf '%s' "$json" >hostile.json
        "$VQDNA" report "$model" hostile.json >page.html
        grep -q '</html>' page.html
        run ! grep -qw 'nan\|inf' page.html
    done
    run ! grep -q '<b>' page.html
}

@test "pictures of a codebook" {
    "$VQDNA" codebook -q --no-control --svg pictures -m "$model" "$BATS_FILE_TMPDIR/genome.fa" >/dev/null
    "$VQDNA" codebook -q --no-control --svg pictures -m "$model" "$BATS_FILE_TMPDIR/genome.fa" >/dev/null
    [ "$(ls pictures | tr '\n' ' ')" = "information.svg level1.svg level2.svg " ]
    for file in pictures/*; do
        head -1 "$file" | grep -q '^<svg xmlns'
        tail -1 "$file" | grep -q '^</svg>$'
        python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' "$file"
    done
    refused 2 "cannot make the folder" "$VQDNA" codebook -q --no-control --svg codes.json/x -m "$model" "$BATS_FILE_TMPDIR/genome.fa"
}
