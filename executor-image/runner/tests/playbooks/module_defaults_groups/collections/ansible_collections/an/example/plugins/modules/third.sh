#!/bin/sh
# shellcheck disable=SC1090,SC2154 # an old-style module: its arguments are a file of assignments
. "$1"
printf '{"changed": false, "path": "%s", "more": "%s"}\n' "$path" "$more"
