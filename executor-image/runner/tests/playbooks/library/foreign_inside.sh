#!/bin/bash
given='<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>'
printf '{"changed": true, "given": %s, "arguments": "%s", "variable": "%s"}\n' "$given" "$#" "$FOREIGN_VARIABLE"
