#!/bin/sh
# The arguments are a file of words that a shell can read.
# shellcheck disable=SC1090,SC2154 # the file is known when it runs
. "$1"
printf '{"changed": false, "name": "%s", "flag": "%s", "nothing": "%s", "check": "%s", "rc": %s}\n' \
  "$name" "$flag" "$nothing" "$_ansible_check_mode" "${code:-0}"
