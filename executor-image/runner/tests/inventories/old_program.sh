#!/bin/sh
if [ "$1" = --host ]; then echo "{\"asked\": \"$2\"}"; exit; fi
echo '{"web": ["w1", "w2"], "bare": {"color": "red"}}'
