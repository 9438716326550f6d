#!/bin/sh
# Takes Kubernetes, the container runtime and all that Slipway installed off this host.
# Needs no API server, works on a host that was installed only half, and may be run again.
# Usage: reset.sh UNITS PATH…   (UNITS: one word list)
set -u
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
units=$1
shift

stop_services() {
  for unit in $units; do
    [ -e "/etc/systemd/system/$unit" ] || continue
    systemctl disable --now --quiet "$unit"
  done
}

# Processes of pods (by their cgroup), and the shims that outlive containerd.
container_processes() {
  for folder in /proc/[0-9]*; do
    read -r name <"$folder/comm" || continue
    case $name in
      containerd-shim*) echo "${folder#/proc/}" ;;
      *) grep -qs '[/]kubepods' "$folder/cgroup" && echo "${folder#/proc/}" ;;
    esac
  done 2>/dev/null
}

# Shims go first, so that none of them starts anything when its container ends. A killed process takes a moment to be gone.
kill_containers() {
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    found=$(container_processes)
    [ -z "$found" ] && return
    # shellcheck disable=SC2086  # a list of process numbers
    kill -KILL $found 2>/dev/null
    sleep 0.1
  done
  echo "processes of containers survive SIGKILL: $found" >&2
  return 1
}

# Deepest first: the mounts are listed in the order in which they were made.
unmount() {
  awk '$2 ~ "^/(var/lib/kubelet|var/lib/containerd|run/containerd)/|^/run/netns/cni-" { print $2 }' /proc/self/mounts |
    sort -r | while read -r path; do umount "$path" 2>/dev/null || umount --lazy "$path"; done
}

# A pod's cgroup goes away only after the groups below it.
remove_cgroups() {
  find /sys/fs/cgroup -depth -type d -path '*/kubepods*' 2>/dev/null | while read -r path; do
    rmdir "$path" 2>/dev/null || { sleep 0.1 && rmdir "$path"; }
  done
}

remove_network() {
  for device in /sys/class/net/cni0 /sys/class/net/flannel* /sys/class/net/veth????????; do
    [ -e "$device" ] && ip link delete "${device##*/}" 2>/dev/null
  done
  rm -f /run/netns/cni-*
  rmdir --ignore-fail-on-non-empty /run/netns 2>/dev/null
}

# Removes Kubernetes' chains and keeps all other rules. Usage: remove_chains PREFIX FAMILY (iptables-nft ip)
remove_chains() {
  command -v "$1-save" >/dev/null || return 0
  rules=$("$1-save" 2>/dev/null)
  echo "$rules" | grep -Eq '^:(KUBE|FLANNEL|CNI)-' || return 0
  echo "$rules" | grep -Ev '(^:| )(KUBE|FLANNEL|CNI)-' | "$1-restore"
  remove_empty_tables "$1" "$2"
}

# iptables-nft leaves its tables behind when nothing is in them any more: those that hold only an empty accepting chain go too.
remove_empty_tables() {
  case $1 in *-nft) ;; *) return 0 ;; esac
  for table in raw mangle nat filter security; do
    rules=$("$1-save" -t "$table" 2>/dev/null) || continue
    echo "$rules" | grep -Ev '^(#|\*|COMMIT|$|:[A-Z]+ ACCEPT)' | grep -q . || nft delete table "$2" "$table" 2>/dev/null
  done
}

remove_firewall() {
  if command -v nft >/dev/null; then
    nft list tables 2>/dev/null | awk '$3 ~ "^(kube-proxy|flannel-ipv[46]|cni_.*)$" { print $2, $3 }' |
      while read -r family table; do nft delete table "$family" "$table"; done
  fi
  remove_chains iptables-nft ip
  remove_chains ip6tables-nft ip6
  remove_chains iptables-legacy ip
  remove_chains ip6tables-legacy ip6
}

restore_kernel_settings() {
  [ -e /var/lib/slipway/sysctl-before.conf ] && sysctl --quiet --load=/var/lib/slipway/sysctl-before.conf
}

# The administrator's own file of that name, if there is one, is not ours.
remove_kubeconfig_link() {
  [ "$(readlink /root/.kube/config)" = /etc/kubernetes/admin.conf ] || return 0
  rm -rf /root/.kube/config /root/.kube/cache
  rmdir --ignore-fail-on-non-empty /root/.kube
}

# A folder that is a mount point is emptied and stays.
remove_files() {
  for path in "$@"; do
    if mountpoint -q "$path"; then
      find "$path" -mindepth 1 -delete
    else
      rm -rf --one-file-system "$path"
    fi
  done
  systemctl daemon-reload
  systemctl reset-failed kubelet.service containerd.service 2>/dev/null
}

stop_services
kill_containers || exit 1
unmount
remove_cgroups
remove_network
remove_firewall
restore_kernel_settings
remove_kubeconfig_link
remove_files "$@"
exit 0
