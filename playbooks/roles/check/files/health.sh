#!/bin/sh
# Prints, one a line, what is wrong with this Kubernetes node; prints nothing on a healthy one. Changes nothing.
# Usage: health.sh NODE ROLE   (ROLE: control-plane or worker)
set -u
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export KUBECACHEDIR=/var/cache/slipway/kubectl
node=$1 role=$2

services() {
  for unit in containerd kubelet; do
    state=$(systemctl is-active "$unit") || echo "service $unit is $state; see: journalctl -u $unit"
  done
}

api_server() {
  answer=$(kubectl --kubeconfig /etc/kubernetes/kubelet.conf --request-timeout=10s get --raw /readyz 2>&1)
  [ "$answer" = ok ] || echo "the API server is not ready: $answer"
}

node_ready() {
  condition='{.status.conditions[?(@.type=="Ready")].status}: {.status.conditions[?(@.type=="Ready")].message}'
  answer=$(kubectl --kubeconfig /etc/kubernetes/kubelet.conf --request-timeout=10s get node "$node" -o "jsonpath=$condition" 2>&1)
  case $answer in
    True:*) ;;
    *) echo "the Node is not ready: $answer" ;;
  esac
}

# kubeadm marks what has expired in its table.
certificates() {
  [ "$role" = control-plane ] || return 0
  kubeadm certs check-expiration 2>/dev/null | awk '/<invalid>/ { print "certificate " $1 " has expired; run: kubeadm certs renew " $1 }'
}

services
api_server
node_ready
certificates
