# shellcheck shell=bash
# What build, mirror and images share: where things are, what is pinned, how a cache entry is made.
# Sourced by them; the sourcing script has set -euo pipefail.

# The folder of the family files, and the cache of everything that is made from them.
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CACHE=${SLIPWAY_CACHE:-$HOME/.cache/slipway}

# The Kubernetes minor version that is meant where none is named; `SLIPWAY_KUBERNETES=1.34` chooses the other one for a lab.
DEFAULT_KUBERNETES=${SLIPWAY_KUBERNETES:-1.35}

die() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# progress TEXT: one line for the person who waits; standard output is for what a script reads.
progress() { printf '%s\n' "$*" >&2; }

# default_families MINOR: the families of a lab with this Kubernetes, first what other work waits for.
default_families() {
    printf '%s\n' registry "kubernetes-$1" containerd runc cni-plugins flannel-cni-plugin \
        coredns flannel helm metrics-server pause
}

# families: every family: those of a lab, then those that are built only when asked for.
families() {
    default_families "$DEFAULT_KUBERNETES"
    local file
    for file in "$HERE"/*/family.conf; do basename "$(dirname "$file")"; done |
        grep --invert-match --line-regexp --fixed-strings --file <(default_families "$DEFAULT_KUBERNETES")
}

# family_name NAME: NAME, or the default Kubernetes for the short name "kubernetes"; dies if there is none.
family_name() {
    local name=$1
    [[ $name == kubernetes ]] && name=kubernetes-$DEFAULT_KUBERNETES
    [[ -f $HERE/$name/family.conf ]] ||
        die "no family named '$1'; there are: $(families | paste -sd ' ')"
    printf '%s\n' "$name"
}

# pinned_version PACKAGE: the version that go.mod of the family in $folder requires for the module which
# holds this package (the longest module path that is a prefix of it).
pinned_version() {
    awk -v package="$1" '
        { sub(/^require /, ""); sub(/^[ \t]+/, "") }
        $2 ~ /^v[0-9]/ && index(package "/", $1 "/") == 1 && length($1) > length(module) {
            module = $1; version = $2
        }
        END { if (version == "") exit 1; print version }' "$folder/go.mod" ||
        die "$folder/go.mod requires no module that holds the package $1"
}

# load_family NAME: reads NAME/family.conf into these variables:
#   folder        the folder of the family
#   version       the version that names the family
#   programs      lines "PROGRAM PACKAGE": what is built and from what
#   stamps        -X settings of Go's linker, IMPORTPATH.VARIABLE=VALUE
#   cgo, tags, link_flags   how Go builds it; language "c" means one C file instead
#   apt_packages  Debian packages that the build needs besides Go
load_family() {
    folder=$HERE/$1
    # shellcheck disable=SC2034  # read by the scripts that source this file
    version='' programs=() stamps=() apt_packages=()
    # shellcheck disable=SC2034
    cgo=0 tags='' link_flags='' language=go
    # shellcheck source=/dev/null
    source "$folder/family.conf"
}

# program_version PACKAGE: the version of one program of the loaded family.
program_version() {
    if [[ $language == go && $1 != . ]]; then pinned_version "$1"; else printf '%s\n' "$version"; fi
}

# pin FAMILY [PACKAGE]: the version of a family, or of the module that holds one of its packages.
pin() { (load_family "$1" && if (($# > 1)); then pinned_version "$2"; else printf '%s\n' "$version"; fi); }

# hash_of FILE…: a short hash of the names (relative to this folder) and contents of these files.
hash_of() {
    local file
    for file in "$@"; do
        printf '%s\0' "${file#"$HERE"/}"
        cat "$file"
        printf '\0'
    done | sha256sum | cut -c1-12
}

# family_key NAME: the hash of all that decides what comes out: pins, flags, own sources, the build steps.
family_key() {
    local files
    mapfile -t files < <(find "$HERE/$1" -type f -not -name '*_test.go' | LC_ALL=C sort)
    hash_of "${files[@]}" "$HERE/compile.sh"
}

# family_bin NAME: the folder of the built programs of a family, whether or not it is there yet.
family_bin() { printf '%s/programs/%s-%s/bin\n' "$CACHE" "$1" "$(family_key "$1")"; }

# built_bin NAME: the same; dies with what to type if the family has not been built.
built_bin() {
    local bin
    bin=$(family_bin "$1")
    [[ -d $bin ]] || die "$1 is not built: run $HERE/build $1"
    printf '%s\n' "$bin"
}

# with_lock NAME: holds the lock NAME of the cache until this shell ends, waiting for another run to finish.
with_lock() {
    mkdir -p "$CACHE/locks"
    exec {lock_descriptor}>"$CACHE/locks/$1"
    if ! flock --nonblock "$lock_descriptor"; then
        progress "waiting for another run that holds $CACHE/locks/$1"
        flock "$lock_descriptor"
    fi
}

# finish_entry TEMPORARY FINAL: a cache entry appears whole or not at all.
finish_entry() {
    chmod 0755 "$1"
    mkdir -p "$(dirname "$2")"
    mv --no-target-directory "$1" "$2"
}

# require_packages PURPOSE PACKAGE…: dies naming the Debian packages that are not installed.
require_packages() {
    local purpose=$1 package missing=()
    shift
    for package in "$@"; do
        [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
            missing+=("$package")
    done
    ((${#missing[@]} == 0)) ||
        die "$purpose needs Debian packages that are not installed; type: apt-get install ${missing[*]}"
}
