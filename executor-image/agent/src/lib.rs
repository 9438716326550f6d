//! The program that the playbook runner starts on a host and that carries out modules there.
