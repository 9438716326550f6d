#!/bin/sh
# Prints what this host is and what is already on it, as one JSON object. Changes nothing.
# Usage: probe.sh COMMANDS PORTS SYSCTLS   (each a list of words)
set -u
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
commands=$1 ports=$2 sysctls=$3

boolean() { if "$@" >/dev/null 2>&1; then echo true; else echo false; fi; }

# Words on standard input as a JSON list of strings.
json_list() { awk '{ for (i = 1; i <= NF; i++) printf "%s\"%s\"", (n++ ? "," : ""), $i }' | sed 's/^/[/; s/$/]/; 1!d' | grep . || echo '[]'; }

missing_commands() {
  for name in $commands; do command -v "$name" >/dev/null 2>&1 || echo "$name"; done
}

# Ports on which something listens; /proc shows them in hexadecimal, state 0A is LISTEN.
listening_ports() {
  for port in $ports; do
    hexadecimal=$(printf '%04X' "$port")
    cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk -v port=":$hexadecimal" '$4 == "0A" && $2 ~ port "$" { found = 1 } END { exit !found }' && echo "$port"
  done
}

# Kernel features that containers need and that are neither built in nor loaded.
missing_modules() {
  grep -qw overlay /proc/filesystems || echo overlay
  [ -d /proc/sys/net/bridge ] || echo br_netfilter
}

# The values of SYSCTLS as a JSON object; one that the kernel does not have is left out.
sysctl_values() {
  separator=
  printf '{'
  for name in $sysctls; do
    file=/proc/sys/$(echo "$name" | tr . /)
    [ -r "$file" ] && printf '%s"%s":"%s"' "$separator" "$name" "$(cat "$file")" && separator=,
  done
  printf '}'
}

# Releases that an earlier run installed and whose program is still there, such as runc-1.5.2.
installed_releases() {
  cat /var/lib/slipway/programs/* 2>/dev/null | while read -r release program; do
    [ -x "$program" ] && echo "$release"
  done
}

architecture() {
  case $(uname -m) in
    x86_64) echo amd64 ;;
    aarch64) echo arm64 ;;
    *) uname -m ;;
  esac
}

# A container runtime that came as a package of the distribution, or Docker.
foreign_runtime() {
  for unit in docker.service containerd.service crio.service; do
    for folder in /lib/systemd/system /usr/lib/systemd/system; do
      [ -e "$folder/$unit" ] && echo "$unit" && break
    done
  done
}

swap_in_use() { [ "$(wc -l </proc/swaps)" -gt 1 ]; }
directory_has_content() { [ -n "$(ls -A "$1" 2>/dev/null)" ]; }
# kubeadm finished here: the kubelet has its identity, and the configuration that an unfinished run leaves is gone.
kubeadm_finished() { [ -s /etc/kubernetes/kubelet.conf ] && ! kubeadm_unfinished; }
kubeadm_unfinished() { [ -e /etc/kubernetes/kubeadm/configuration.yaml ]; }
# A kubeconfig that the administrator put there: ours is a link.
root_has_kubeconfig() { [ -e /root/.kube/config ] && [ ! -L /root/.kube/config ]; }
cgroup_version() { if [ -e /sys/fs/cgroup/cgroup.controllers ]; then echo 2; else echo 1; fi; }
in_container() { systemd-detect-virt --quiet --container; }

# shellcheck source=/dev/null
. /etc/os-release

cat <<EOF
{
  "operating_system": "${ID:-unknown}",
  "operating_system_version": "${VERSION_ID:-}",
  "architecture": "$(architecture)",
  "user": "$(id -un)",
  "systemd": $(boolean test -d /run/systemd/system),
  "container": $(boolean in_container),
  "cgroup_version": $(cgroup_version),
  "cpus": $(nproc),
  "memory_mb": $(awk '/^MemTotal:/ { print int($2 / 1024) }' /proc/meminfo),
  "free_disk_mb": $(df -Pm /var/lib | awk 'NR == 2 { print $4 }'),
  "swap": $(boolean swap_in_use),
  "swap_in_fstab": $(boolean grep -Eq '^[^#]\S*\s+\S+\s+swap\s' /etc/fstab),
  "missing_commands": $(missing_commands | tr '\n' ' ' | json_list),
  "missing_modules": $(missing_modules | tr '\n' ' ' | json_list),
  "listening_ports": $(listening_ports | tr '\n' ' ' | json_list),
  "foreign_runtime": $(foreign_runtime | tr '\n' ' ' | json_list),
  "sysctls": $(sysctl_values),
  "installed_releases": $(installed_releases | tr '\n' ' ' | json_list),
  "kubeadm_finished": $(boolean kubeadm_finished),
  "kubeadm_unfinished": $(boolean kubeadm_unfinished),
  "kubelet_running": $(boolean systemctl is-active kubelet),
  "kubernetes_files": $(boolean directory_has_content /etc/kubernetes),
  "etcd_data": $(boolean directory_has_content /var/lib/etcd),
  "root_has_kubeconfig": $(boolean root_has_kubeconfig),
  "cluster_ca": "$(base64 -w0 /etc/kubernetes/pki/ca.crt 2>/dev/null)"
}
EOF
