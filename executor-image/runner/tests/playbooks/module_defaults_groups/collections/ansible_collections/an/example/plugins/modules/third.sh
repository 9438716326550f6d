#!/bin/sh
. "$1"
printf '{"changed": false, "path": "%s", "more": "%s"}\n' "$path" "$more"
