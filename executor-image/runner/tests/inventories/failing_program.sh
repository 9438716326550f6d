#!/bin/sh
echo "no answer" >&2
exit 1
