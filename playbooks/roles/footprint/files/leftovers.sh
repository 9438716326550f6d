#!/bin/sh
# Prints, one a line, what Slipway or Kubernetes left on this host; prints nothing on a clean one. Changes nothing.
# Usage: leftovers.sh PATH…
set -u
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# Kubernetes' programs by the names that /proc gives them (15 characters at most), and all that runs in a pod's cgroup.
processes() {
  for folder in /proc/[0-9]*; do
    read -r name <"$folder/comm" || continue
    case $name in
      kubelet | kube-apiserver | kube-controller | kube-scheduler | kube-proxy | containerd | containerd-shim* | flanneld)
        echo "process ${folder#/proc/} $name"
        ;;
      *) grep -qs '[/]kubepods' "$folder/cgroup" && echo "process ${folder#/proc/} $name of a pod" ;;
    esac
  done 2>/dev/null
}

mounts() {
  awk '$2 ~ "^/(var/lib/kubelet|var/lib/containerd|run/containerd)/|^/run/netns/cni-" { print "mount " $2 }' /proc/self/mounts
}

cgroups() {
  find /sys/fs/cgroup -maxdepth 3 -type d -name 'kubepods*' -prune | sed 's/^/cgroup /'
}

network_devices() {
  for device in /sys/class/net/cni0 /sys/class/net/flannel* /sys/class/net/veth????????; do
    [ -e "$device" ] && echo "network device ${device##*/}"
  done
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
