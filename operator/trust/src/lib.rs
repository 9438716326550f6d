//! Certificate authorities, service-account keys, bootstrap tokens and kubeconfigs of a cluster.
