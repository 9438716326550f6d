//! Names that facts must not have: what says how a host is reached, and what runs on this machine to reach it, is never the host's to say.

/// What concerns every kind of connection, and what the engine itself says.
const NAMES: &[&str] = &[
    "add_group",
    "add_host",
    "ansible_become",
    "ansible_connection",
    "ansible_delegated_vars",
    "ansible_docker_extra_args",
    "ansible_facts",
    "ansible_host",
    "ansible_module_compression",
    "ansible_network_os",
    "ansible_password",
    "ansible_pipelining",
    "ansible_playbook_python",
    "ansible_port",
    "ansible_private_key_file",
    "ansible_rsync_path",
    "ansible_scp_extra_args",
    "ansible_sftp_extra_args",
    "ansible_shell_executable",
    "ansible_shell_type",
    "ansible_timeout",
    "ansible_user",
];

/// What concerns one kind of connection, or becoming another user.
const PREFIXES: &[&str] = &[
    "ansible_become_",
    "ansible_local_",
    "ansible_paramiko_ssh_",
    "ansible_psrp_",
    "ansible_ssh_",
    "ansible_sudo_",
    "ansible_winrm_",
];

/// Whether a fact of this name is no variable by its own name; under `ansible_facts` it is data like any other.
pub(super) fn is_restricted(name: &str) -> bool {
    if !name.starts_with("ansible_") {
        return NAMES.contains(&name);
    }
    // Keys of the host's server, and bridges that containers make, are honest facts.
    let is_fact =
        name.starts_with("ansible_ssh_host_key_") || name.ends_with("_bridge") || name.ends_with("_gwbridge");
    NAMES.contains(&name)
        || name.ends_with("_interpreter")
        || (PREFIXES.iter().any(|prefix| name.starts_with(prefix)) && !is_fact)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_a_host_is_reached_is_not_the_hosts_to_say() {
        for name in [
            "ansible_connection",
            "ansible_host",
            "ansible_ssh_common_args",
            "ansible_become_exe",
            "ansible_python_interpreter",
        ] {
            assert!(is_restricted(name), "{name}");
        }
        for name in [
            "ansible_local",
            "ansible_ssh_host_key_rsa_public",
            "ansible_user_id",
            "ansible_hostname",
            "ansible_python",
            "host",
        ] {
            assert!(!is_restricted(name), "{name}");
        }
    }
}
