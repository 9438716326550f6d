#!/bin/sh
printf "a\n\n"
kill -9 $$
