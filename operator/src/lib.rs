//! The controllers that build and keep Kubernetes clusters on machines.
