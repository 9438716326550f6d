//! A fast runner of Ansible playbooks.
