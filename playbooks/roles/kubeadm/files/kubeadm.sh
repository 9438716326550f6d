#!/bin/sh
# Runs kubeadm with these arguments, and meanwhile fetches images that the kubelet is going to want.
# Usage: kubeadm.sh DISCOVERY SECONDS "IMAGE…" init|join ARGUMENT…
# Before a join it waits for the API server with the kubeconfig DISCOVERY: kubeadm would ask for it only every five seconds.
set -u
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
discovery=$1 seconds=$2 images=$3
shift 3

# What cannot be fetched is left to the kubelet, which tries again and tells why.
fetch_images() {
  for image in $images; do
    timeout "$seconds" ctr --namespace k8s.io images pull --hosts-dir /etc/containerd/certs.d "$image"
  done
}

# Until the server is ready and knows the bootstrap token. Nothing is reported when the time is over: kubeadm says best what is wrong.
wait_for_api_server() {
  export discovery
  # shellcheck disable=SC2016  # expanded by the inner shell
  timeout "$seconds" sh -c 'until kubectl --kubeconfig "$discovery" --request-timeout=5s get --raw /readyz; do sleep 0.5; done'
}

fetch_images >/dev/null 2>&1 </dev/null &
if [ "$1" = join ]; then wait_for_api_server >/dev/null 2>&1; fi
kubeadm "$@" </dev/null
result=$?
wait
exit "$result"
