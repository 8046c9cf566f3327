# Model folders: what info says, and damage of every kind.
load common

setup_file() {
    train_once
}

setup() {
    cd "$BATS_TEST_TMPDIR"
    model=$BATS_FILE_TMPDIR/model
    genome=$BATS_FILE_TMPDIR/genome.fa
}

teardown() {
    cd /
    [ -z "${open:-}" ] || rm -rf "$open"
}

# patch CODE: a copy of the model in bad/, whose safetensors was changed by perl code on $h (header) and $d (data).
patch() {
    rm -rf bad
    cp -r "$model" bad
    perl -e 'local $/; open F, "<:raw", "bad/model.safetensors"; $_ = <F>;
        my $n = unpack "Q<", $_; my ($h, $d) = (substr($_, 8, $n), substr($_, 8 + $n));
        my $length; eval $ARGV[0]; die $@ if $@; $length = length $h unless defined $length;
        open F, ">:raw", "bad/model.safetensors"; print F pack("Q<", $length), $h, $d' "$1"
    not cmp -s bad/model.safetensors "$model/model.safetensors"
}

# damaged CODE: such a model is refused by whoever would use its weights.
damaged() {
    patch "$1"
    refused 2 bad/ "$VQDNA" tokenize -q -m bad -o out.tsv "$genome"
    refused 2 bad/ "$VQDNA" eval -q -m bad "$genome"
    [ ! -e out.tsv ]
    nothing_left .
}

@test "a path to its weights, or a pointer in their place, is named for what it is" {
    refused 2 "$model/model.safetensors is a file: name the folder" "$VQDNA" info "$model/model.safetensors"
    mkdir lfs
    cp "$model/config.json" lfs
    printf 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n' >lfs/model.safetensors
    refused 2 "Git LFS pointer" "$VQDNA" info lfs
    : >lfs/model.safetensors
    refused 2 "only 0 bytes" "$VQDNA" info lfs
}

@test "info: sizes, codes, tensors, without a device" {
    mkdir none
    OCL_ICD_VENDORS=$PWD/none/ run --separate-stderr "$VQDNA" info "$model"
    [ "$status" -eq 0 ]
    [[ $output == *"hrq"* ]]
    [[ $output == *"40 steps"* ]]
    [[ $output == *"$(sha256sum <"$model/model.safetensors" | cut -d' ' -f1)"* ]]
    "$VQDNA" info --json "$model" >info.json
    grep -q '"step": 40' info.json
    [ "$(grep -c '"dtype": "F32"' info.json)" -ge 20 ]
}

@test "no model folder, a file as folder, an empty folder" {
    touch file
    mkdir empty
    for folder in missing file empty; do
        refused 2 $folder "$VQDNA" info $folder
        refused 2 $folder "$VQDNA" tokenize -q -m $folder -o out.tsv "$genome"
        refused 2 $folder "$VQDNA" detokenize -q -m $folder out.tsv
        refused 2 $folder "$VQDNA" eval -q -m $folder "$genome"
    done
}

@test "a model folder that may not be read, an output folder that may not be written" {
    for_nobody
    mkdir closed readonly
    cp model/* closed
    chmod 000 closed
    chmod 555 readonly
    refused 2 closed as_nobody "$VQDNA" info closed
    refused 2 closed as_nobody "$VQDNA" tokenize -q -m closed genome.fa
    refused 2 readonly as_nobody "$VQDNA" tokenize -q -m model -o readonly/out.tsv genome.fa
    refused 2 readonly as_nobody "$VQDNA" train -q "${small[@]}" --steps 1 -o readonly genome.fa
    refused 2 readonly/new as_nobody "$VQDNA" train -q "${small[@]}" --steps 1 -o readonly/new genome.fa
    [ -z "$(ls -A readonly)" ]
    chmod 755 closed
}

@test "config.json missing: the tensors tell the shape, unless there are none" {
    cp -r "$model" bad
    rm bad/config.json
    "$VQDNA" info bad | grep -q '^dimension *32 (stem 16, 4 blocks)'
    "$VQDNA" tokenize -q --no-provenance -m bad "$genome" >bare.tsv
    "$VQDNA" tokenize -q --no-provenance -m "$model" "$genome" | cmp - bare.tsv
    rm bad/model.safetensors
    refused 2 bad/model.safetensors "$VQDNA" info bad
}

@test "config.json not JSON, of another model" {
    cp -r "$model" bad
    echo '{"preset":' >bad/config.json
    refused 2 bad/config.json "$VQDNA" info bad
    echo '[]' >bad/config.json
    refused 2 bad/config.json "$VQDNA" info bad
    rm bad/config.json bad/model.safetensors
    cp "$model/config.json" bad
    refused 2 bad/model.safetensors "$VQDNA" info bad
}

@test "a missing tensor" {
    damaged '$h =~ s/"([^"]+)":\{"dtype"/"other.name":{"dtype"/'
}

@test "a tensor of another type" {
    damaged '$h =~ s/"F32"/"I32"/'
}

@test "a tensor of another shape" {
    damaged '$h =~ s/"shape":\[/"shape":[1,/'
    damaged '$h =~ s/"shape":\[(\d+)/"shape":[9$1/'
}

@test "a weight that is not finite" {
    damaged 'substr($d, 0, 4) = pack "V", 0x7fc00000'
    damaged 'substr($d, -4, 4) = pack "V", 0xff800000'
}

@test "weights cut short, or followed by something" {
    damaged '$d = substr($d, 0, length($d) - 4)'
    damaged '$d .= "x"'
}

@test "a header length beyond the file, 2^63, and 0" {
    damaged '$length = length($h) + length($d) + 1'
    damaged '$length = 1 << 63'
    damaged '$length = 0'
    : >bad/model.safetensors
    refused 2 bad/model.safetensors "$VQDNA" info bad
    printf 'abc' >bad/model.safetensors
    refused 2 bad/model.safetensors "$VQDNA" info bad
}

@test "offsets that overlap, run backwards, are negative or huge" {
    damaged '$h =~ s/"data_offsets":\[(?!0,)(\d+),/"data_offsets":[0,/'
    damaged '$h =~ s/"data_offsets":\[(\d+),(\d+)\]/"data_offsets":[$2,$1]/'
    damaged '$h =~ s/"data_offsets":\[0,/"data_offsets":[-4,/'
    damaged '$h =~ s/("data_offsets":\[\d+),\d+/$1,9223372036854775808/'
    damaged '$h =~ s/"shape":\[\d+/"shape":[4611686018427387904/'
    damaged '$h =~ s/"shape":\[\d+/"shape":[-1/'
}

@test "a duplicate key, and a header that is no JSON" {
    damaged '$h =~ s/("[^"]+":\{"dtype"[^}]*\})/$1,$1/'
    damaged '$h =~ s/\{/[/'
    damaged '$h = "\0" x length $h'
}
