#!/bin/sh
# WANT_JSON: the arguments are a file of JSON.
sleep "${SLEEP:-0}"
printf '{"changed": false, "user": "%s", "home": "%s", "colour": "%s", "given": %s}\n' "$(id -un)" "$HOME" "$COLOUR" "$(cat "$1")"
exit "${CODE:-0}"
