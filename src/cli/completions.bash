
# Below, what clap cannot know: paths under a mount. bash breaks words at = and :, of which a search is made, so
# the word is taken from the line itself, and of each answer only what stands behind the last break is given back.

_stacfs_word() {
    local line=${COMP_LINE:0:COMP_POINT} i sign
    word=
    for ((i = 0; i < ${#line}; i++)); do
        sign=${line:i:1}
        case $sign in
            \\) i=$((i + 1)) word+=${line:i:1} ;;
            [\'\"]) ;;
            [[:space:]]) word= ;;
            *) word+=$sign ;;
        esac
    done
}

_stacfs_in_mount() {
    local device point kind rest whole=$1
    [[ $whole == /* ]] || whole=$PWD/$whole
    while read -r device point kind rest; do
        [[ $kind == fuse.stacfs && $whole == "$point"/* ]] && return 0
    done </proc/self/mounts
    return 1
}

_stacfs_paths() {
    local name=${word##*/} folder= entry key broken=
    [[ $word == */* ]] && folder=${word%/*}/
    local place=${folder/#\~\//$HOME/}
    while IFS= read -r entry; do
        [[ -d $entry ]] && entry+=/
        found+=("$folder${entry#"$place"}")
    done < <(compgen -f -- "$place$name")
    if [[ -n $name && $name != *=* ]] && _stacfs_in_mount "$place$name"; then
        for key in assets bbox collections datetime filter ids intersects max_cloud_cover max_items months path q row sortby; do
            [[ $key == "$name"* ]] && found+=("$folder$key=")
        done
    fi
    [[ $COMP_WORDBREAKS == *=* && $word == *[=:]* ]] && broken=${word%"${word##*[=:]}"}
    for entry in "${found[@]}"; do
        entry=${entry#"$broken"}
        [[ $entry == \~/* ]] && entry="~/$(printf %q "${entry:2}")" || entry=$(printf %q "$entry")
        COMPREPLY+=("$entry")
    done
}

_stacfs_complete() {
    local word found=()
    COMPREPLY=()
    _stacfs_word
    if [[ $COMP_CWORD -gt 1 && $word != -* ]]; then
        case ${COMP_WORDS[1]} in
            cache | demo | explain | fetch | mount | top | umount) _stacfs_paths ;;
        esac
        [[ ${#COMPREPLY[@]} -gt 0 ]] && return
    fi
    compopt +o nospace 2>/dev/null
    _stacfs "$@"
}

complete -F _stacfs_complete -o nospace -o bashdefault -o default stacfs
