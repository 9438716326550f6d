//! End-to-end scenarios over any provider of machines.
