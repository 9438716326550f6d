#!/bin/sh
echo "$# $*"
for word; do echo "<$word>"; done
case $PWD in /usr) echo in /usr ;; esac
echo "greeting ${GREETING:-none}"
echo to stderr >&2
