#!/bin/sh
if [ "$1" = --host ]; then echo '{"asked": true}'; exit; fi
cat <<'JSON'
{"web": {"hosts": ["w1", "w2"], "vars": {"a": 1, "t": "{{ a }}"}, "children": ["inner"]},
 "inner": ["i1"], "db": {"hosts": ["d1"]},
 "_meta": {"hostvars": {"w1": {"x": [1, 2], "y": null}, "d1": {"z": 1.5}}}}
JSON
