#!/bin/sh
echo '{"changed": false, "said": "two.other second"}'
