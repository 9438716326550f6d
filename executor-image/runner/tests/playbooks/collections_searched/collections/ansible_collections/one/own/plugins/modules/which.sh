#!/bin/sh
echo '{"changed": false, "said": "one.own"}'
