#!/bin/sh
# Fetches images that the kubelet is going to want, and meanwhile runs kubeadm if arguments for it are given.
# Usage: start.sh "IMAGE…" [init ARGUMENT…]
set -u
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
images=$1
shift

# What cannot be fetched is left to the kubelet, which tries again and tells why.
fetch_images() {
  for image in $images; do
    timeout 120 ctr --namespace k8s.io images pull --hosts-dir /etc/containerd/certs.d "$image"
  done
}

fetch_images >/dev/null 2>&1 </dev/null &
result=0
if [ $# -gt 0 ]; then
  kubeadm "$@" </dev/null
  result=$?
fi
wait
exit "$result"
