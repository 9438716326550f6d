#!/bin/sh
# Prints, one a line, what Slipway or Kubernetes left on this host; prints nothing on a clean one. Changes nothing.
# Usage: leftovers.sh PATH…
set -u
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# Kubernetes' programs by the names that /proc gives them (15 characters at most), and all that runs in a pod's cgroup.
processes() {
  grep -sE '^(kubelet|kube-apiserver|kube-controller|kube-scheduler|kube-proxy|containerd|containerd-shim.*|flanneld)$' \
    /proc/[0-9]*/comm | sed 's|^/proc/\([0-9]*\)/comm:|process \1 |'
  grep -ls '/kubepods' /proc/[0-9]*/cgroup | sed 's|^/proc/\([0-9]*\)/cgroup|process \1 of a pod|'
}

mounts() {
  awk '$2 ~ "^/(var/lib/kubelet|var/lib/containerd|run/containerd)/|^/run/netns/cni-" { print "mount " $2 }' /proc/self/mounts
}

cgroups() {
  find /sys/fs/cgroup -maxdepth 3 -type d \( -name 'kubepods*' -o -name kubelet.service -o -name containerd.service \) -prune |
    sed 's/^/cgroup /'
}

# /sys/class/net is not asked: in a container it may be that of another network namespace.
network_devices() {
  ip -brief link | awk '{ sub("@.*", "", $1) } $1 ~ "^(cni0|flannel.*|veth[0-9a-f]{8})$" { print "network device " $1 }'
}

network_namespaces() {
  for namespace in /run/netns/cni-*; do
    [ -e "$namespace" ] && echo "network namespace ${namespace##*/}"
  done
}

firewall() {
  command -v nft >/dev/null &&
    nft list tables 2>/dev/null | awk '$3 ~ "^(kube-proxy|flannel-ipv[46]|cni_.*)$" { print "nftables table " $2 " " $3 }'
  for save in iptables-nft-save ip6tables-nft-save iptables-legacy-save ip6tables-legacy-save; do
    command -v "$save" >/dev/null &&
      "$save" 2>/dev/null | awk -v save="$save" '/^:(KUBE|FLANNEL|CNI)-/ { print save " chain " substr($1, 2) }'
  done
}

kubeconfig_link() {
  [ "$(readlink /root/.kube/config)" = /etc/kubernetes/admin.conf ] && echo "file /root/.kube/config"
}

# An empty folder that is a mount point was there before and stays.
files() {
  for path in "$@"; do
    if [ -e "$path" ] || [ -L "$path" ]; then
      if mountpoint -q "$path" && [ -z "$(ls -A "$path")" ]; then continue; fi
      echo "file $path"
    fi
  done
}

processes
mounts
cgroups
network_devices
network_namespaces
firewall
kubeconfig_link
files "$@"
