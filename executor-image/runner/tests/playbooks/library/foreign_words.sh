#!/bin/sh
# The arguments are a file of words that a shell can read.
. "$1"
printf '{"changed": false, "name": "%s", "flag": "%s", "nothing": "%s", "check": "%s", "rc": %s}\n' \
  "$name" "$flag" "$nothing" "$_ansible_check_mode" "${code:-0}"
