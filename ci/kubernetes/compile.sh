# shellcheck shell=bash
# How one program is compiled. A change here makes every family's key new.
# The variables of the loaded family come from load_family in lib.sh.
# shellcheck disable=SC2154

# compile PROGRAM PACKAGE OUT: compiles one program of the loaded family into the file OUT.
compile() {
    case $language in
    go) compile_go "$@" ;;
    c) gcc -Os -Wall -Wextra -Werror -static -s -o "$3" "$folder/$2" ;;
    *) die "$folder/family.conf: language '$language' is neither go nor c" ;;
    esac
}

compile_go() {
    local stamp flags="-s -w $link_flags"
    for stamp in "${stamps[@]}"; do flags+=" -X $stamp"; done
    # The caller's Go settings must not decide what comes out, so those that could are set here.
    (cd "$folder" &&
        env GOOS=linux GOARCH=amd64 GOAMD64=v1 GOFLAGS= GOWORK=off CGO_ENABLED="$cgo" \
            go build -mod=readonly -trimpath -buildvcs=false \
            -tags "$tags" -ldflags "$flags" -o "$3" "$2")
}
