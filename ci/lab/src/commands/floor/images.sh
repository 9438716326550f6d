# Fetches every image of a cluster, as an administrator does beforehand.
set -e
kubeadm config images pull --kubernetes-version "$1" --cri-socket unix:///run/containerd/containerd.sock
ctr --namespace k8s.io images pull --hosts-dir /etc/containerd/certs.d "$2"
