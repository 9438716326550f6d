#!/bin/sh
# WANT_JSON: the arguments are a file of JSON.
printf '{"changed": true, "given": %s, "arguments": "%s"}\n' "$(cat "$1")" "$#"
