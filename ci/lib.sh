# Shared by the scripts of this folder: places, steps with their times, and the closing summary.
# shellcheck shell=bash

export repository
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export SLIPWAY_CACHE=${SLIPWAY_CACHE:-$HOME/.cache/slipway}
# One target folder for every checkout: a fresh clone reuses the dependencies that an earlier one built.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$SLIPWAY_CACHE/target}
mkdir -p "$SLIPWAY_CACHE" "$CARGO_TARGET_DIR"
# A test that calls a script runs under cargo, and build scripts of dependencies that look at cargo's variables would run anew.
# shellcheck disable=SC2086,SC2248 # names, each a word
unset ${!CARGO_PKG_@} ${!CARGO_MANIFEST_@} CARGO_CRATE_NAME CARGO_BIN_NAME
# cargo takes the same crate of another checkout for this one's, and then judges by the files' times alone: what another checkout has
# left is forgotten before cargo looks.
cargo() {
  if [ "$(cat "$CARGO_TARGET_DIR/.checkout" 2>/dev/null)" != "$repository" ]; then
    rm -rf "$CARGO_TARGET_DIR"/{debug,release}/.fingerprint/slipway-* "$CARGO_TARGET_DIR"/*/{debug,release}/.fingerprint/slipway-*
    printf '%s\n' "$repository" >"$CARGO_TARGET_DIR/.checkout"
  fi
  command cargo "$@"
}

if [ -t 1 ]; then bold=$'\e[1m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'; else bold='' red='' green='' plain=''; fi

say() { printf '%s==> %s%s\n' "$bold" "$*" "$plain"; }

# refuse REASON WHAT-TO-DO: ends the script where it cannot work.
refuse() {
  printf '%s: %s\n%s\n' "$(basename "$0")" "$1" "$2" >&2
  exit 3
}

step_names=() step_states=() step_seconds=()

# step NAME COMMAND...: runs one part, remembers how it ended, and goes on to the next.
step() {
  local name=$1 began state=passed
  shift
  say "$name"
  began=$SECONDS
  if ! "$@"; then state=FAILED; fi
  step_ended "$name" "$state" $((SECONDS - began))
}

# step_ended NAME STATE SECONDS: tells and remembers how a part ended.
step_ended() {
  step_names+=("$1") step_states+=("$2") step_seconds+=("$3")
  printf '%s    %s in %d s%s\n' "$([ "$2" = passed ] && printf '%s' "$green" || printf '%s' "$red")" "$2" "$3" "$plain"
  [ "$2" = passed ]
}

# step_beside NAME COMMAND...: starts one part that takes the processor while the next ones wait for something; end_beside waits for it.
step_beside() {
  beside_name=$1 beside_log=$(mktemp) beside_began=$SECONDS
  shift
  say "$beside_name, beside what comes next"
  nice -n 19 "$@" >"$beside_log" 2>&1 &
  beside_process=$!
  trap 'kill "$beside_process" 2>/dev/null || true' EXIT
}

# end_beside: waits for the part that step_beside has started, if any, and shows what it printed.
end_beside() {
  [ -n "${beside_process:-}" ] || return 0
  local state=passed
  wait "$beside_process" || state=FAILED
  say "$beside_name"
  cat "$beside_log"
  rm -f "$beside_log"
  beside_process=''
  trap - EXIT
  step_ended "$beside_name" "$state" $((SECONDS - beside_began))
}

# summary: a line for each step, then the count that ends every run; the exit code says whether all passed.
summary() {
  local index passed=0 failed=0
  printf '\n%sSummary%s\n' "$bold" "$plain"
  for index in "${!step_names[@]}"; do
    printf '  %-44s %-7s %5d s\n' "${step_names[$index]}" "${step_states[$index]}" "${step_seconds[$index]}"
    if [ "${step_states[$index]}" = passed ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
  done
  printf '  %-44s %-7s %5d s\n\n' total '' "$SECONDS"
  printf '%d passed, %d failed\n' "$passed" "$failed"
  [ "$failed" -eq 0 ]
}
