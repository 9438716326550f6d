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
    [ -e "/etc/systemd/system/$unit" ] && set -- "$@" "$unit"
  done
  [ $# -eq 0 ] || systemctl disable --now --quiet "$@"
}

# Processes of pods (by their cgroup), and the shims that outlive containerd.
container_processes() {
  grep -ls '/kubepods' /proc/[0-9]*/cgroup | cut -d/ -f3
  grep -ls '^containerd-shim' /proc/[0-9]*/comm | cut -d/ -f3
}

# A killed process takes a moment to be gone.
kill_containers() {
  tries=0
  while found=$(container_processes) && [ -n "$found" ]; do
    tries=$((tries + 1))
    if [ $tries -gt 100 ]; then
      echo "processes of containers survive SIGKILL: $found" >&2
      return 1
    fi
    # shellcheck disable=SC2086  # a list of process numbers
    kill -KILL $found 2>/dev/null
    sleep 0.05
  done
}

# Deepest first: the mounts are listed in the order in which they were made.
unmount() {
  awk '$2 ~ "^/(var/lib/kubelet|var/lib/containerd|run/containerd)/|^/run/netns/cni-" { print $2 }' /proc/self/mounts |
    sort -r | while read -r path; do umount "$path" 2>/dev/null || umount --lazy "$path"; done
}

# The groups of pods and of the services, the lowest first. A group stays busy for a moment after its last process has gone.
# systemd in a container with cgroup v1 is not told when the group of a service gets empty, so that one is removed here too.
remove_cgroups() {
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    groups=$(find /sys/fs/cgroup -depth -type d \( -path '*/kubepods*' -o -path '*/kubelet.service*' -o -path '*/containerd.service*' \) 2>/dev/null)
    [ -z "$groups" ] && return
    # shellcheck disable=SC2086  # a list of folders without blanks
    rmdir $groups 2>/dev/null || sleep 0.1
  done
}

remove_network() {
  ip -brief link | awk '{ sub("@.*", "", $1) } $1 ~ "^(cni0|flannel.*|veth[0-9a-f]{8})$" { print $1 }' |
    while read -r device; do ip link delete "$device" 2>/dev/null; done
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

# iptables-nft leaves its tables behind: those that hold nothing but empty, accepting chains go too.
remove_empty_tables() {
  case $1 in *-nft) ;; *) return 0 ;; esac
  "$1-save" 2>/dev/null |
    awk '/^\*/ { table = substr($1, 2); empty[table] = 1 }
         /^-A/ || (/^:/ && $2 != "ACCEPT") { empty[table] = 0 }
         END { for (table in empty) if (empty[table]) print table }' |
    while read -r table; do nft delete table "$2" "$table"; done
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
  rmdir --ignore-fail-on-non-empty /var/lib/slipway 2>/dev/null
  systemctl daemon-reload
  # shellcheck disable=SC2086  # a list of units
  systemctl reset-failed $units 2>/dev/null
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
