//! Ansible's language without any input or output: YAML with source positions, templates, values, variables.
