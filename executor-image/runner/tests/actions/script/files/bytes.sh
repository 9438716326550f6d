#!/bin/sh
printf "\303\251\n"
