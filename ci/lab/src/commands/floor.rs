//! The floor that everything is compared with: kubeadm typed by hand on hosts that have every program and image already.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use slipway_lab::{ClusterOptions, Lab, Machine, Player, sources};

const PREPARE: &str = include_str!("floor/prepare.yml");
const IMAGES: &str = include_str!("floor/images.sh");
const KUBEADM: &str = include_str!("floor/kubeadm.yaml");
/// flannel as the playbooks install it, so that both sides wait for the same thing.
const FLANNEL: &str = "playbooks/roles/network_plugin/templates/kube-flannel.yaml.j2";
const VERSION: &str = "v1.35.4";
const FLANNEL_IMAGE: &str = "ghcr.io/flannel-io/flannel:v0.28.10";
/// What stops kubeadm in a container.
const IGNORED: &str = "--ignore-preflight-errors=SystemVerification,Swap,NumCPU";

/// Times of kubeadm by hand.
#[derive(Debug, Clone, Copy)]
pub struct Floor {
    /// `kubeadm init`, until it ends.
    pub init: Duration,
    /// `kubeadm join` of the first worker, until it ends: right after `init` it has to wait until the cluster can be discovered.
    pub first_join: Duration,
    /// flannel applied, and both nodes waited for.
    pub ready: Duration,
    /// `kubeadm join` of one worker more in the settled cluster, until it ends.
    pub join: Duration,
    /// The same worker, waited for after that.
    pub joined_ready: Duration,
    /// `kubeadm reset` of all three, at the same time.
    pub reset: Duration,
}

impl Floor {
    /// A cluster of one control plane and one worker, from the first word typed to Ready.
    pub fn cluster(&self) -> Duration {
        self.init + self.first_join + self.ready
    }

    /// One worker more, from the first word typed to Ready.
    pub fn worker(&self) -> Duration {
        self.join + self.joined_ready
    }
}

/// Measures it on three fresh machines, which are removed afterwards.
pub async fn measure(lab: &Lab) -> anyhow::Result<Floor> {
    let names = ["floor-1", "floor-2", "floor-3"].map(str::to_owned);
    let machines = lab.machines_add(&names).await?;
    let [control_plane, worker, late] = &machines[..] else {
        anyhow::bail!("the lab made {} machines instead of 3", machines.len());
    };
    prepare(lab, "floor", &names).await?;
    let floor = type_by_hand(control_plane, worker, late).await;
    for machine in &machines {
        machine.remove().await?;
    }
    floor
}

/// Puts every program and image on machines, and nothing else of a cluster.
pub async fn prepare(lab: &Lab, cluster: &str, machines: &[String]) -> anyhow::Result<()> {
    let files = lab.cluster_files(&ClusterOptions {
        name: cluster.to_owned(),
        control_plane: machines[..1].to_vec(),
        workers: machines[1..].to_vec(),
        kubernetes_version: Some(VERSION.to_owned()),
    })?;
    // Roles are found beside the playbook.
    let folder = tempfile::tempdir().context("make a folder for the playbook")?;
    let playbook = folder.path().join("prepare.yml");
    std::fs::write(&playbook, PREPARE).context("write the playbook that prepares the hosts")?;
    std::os::unix::fs::symlink(
        sources::project().join("playbooks/roles"),
        folder.path().join("roles"),
    )
    .context("link the roles")?;
    let words = Player::Slipway.words(lab, &files.inventory, &playbook.display().to_string(), &[])?;
    lab.run(&words).await.context("prepare the hosts")?;
    let images = machines.iter().map(|name| async move {
        lab.machine(name)?
            .run(&as_root(&format!("sh -s {VERSION} {FLANNEL_IMAGE}"), IMAGES))
            .await
    });
    futures::future::try_join_all(images)
        .await
        .context("fetch the images")?;
    Ok(())
}

async fn type_by_hand(control_plane: &Machine, worker: &Machine, late: &Machine) -> anyhow::Result<Floor> {
    let address = control_plane.address().to_string();
    let driver = if Path::new("/sys/fs/cgroup/cgroup.controllers").exists() {
        "systemd"
    } else {
        "cgroupfs"
    };
    let configuration = KUBEADM
        .replace("VERSION", VERSION)
        .replace("ADDRESS", &address)
        .replace("CGROUP_DRIVER", driver);
    control_plane
        .run(&as_root("tee /root/kubeadm.yaml", &configuration))
        .await?;
    control_plane
        .run(&as_root("tee /root/flannel.yaml", &flannel(&address)?))
        .await?;

    let start = Instant::now();
    let init = format!("kubeadm init --config /root/kubeadm.yaml {IGNORED}");
    control_plane
        .run(&as_root(&init, ""))
        .await
        .context("kubeadm init")?;
    let init = start.elapsed();

    let start = Instant::now();
    let join = format!(
        "kubeadm join {address}:6443 --token abcdef.0123456789abcdef --discovery-token-unsafe-skip-ca-verification {IGNORED}"
    );
    worker.run(&as_root(&join, "")).await.context("kubeadm join")?;
    let first_join = start.elapsed();

    let start = Instant::now();
    let kubectl = "kubectl --kubeconfig /etc/kubernetes/admin.conf";
    control_plane
        .run(&as_root(&format!("{kubectl} apply -f /root/flannel.yaml"), ""))
        .await
        .context("apply flannel")?;
    let wait = format!("{kubectl} wait --for=condition=Ready nodes --all --timeout=120s");
    control_plane
        .run(&as_root(&wait, ""))
        .await
        .context("wait for the nodes")?;
    let ready = start.elapsed();

    let start = Instant::now();
    late.run(&as_root(&join, ""))
        .await
        .context("kubeadm join of one worker more")?;
    let join = start.elapsed();

    let start = Instant::now();
    control_plane
        .run(&as_root(&wait, ""))
        .await
        .context("wait for the new node")?;
    let joined_ready = start.elapsed();

    let start = Instant::now();
    let reset = as_root("kubeadm reset --force", "");
    futures::future::try_join_all([control_plane, worker, late].map(|machine| machine.run(&reset)))
        .await
        .context("kubeadm reset")?;
    Ok(Floor {
        init,
        first_join,
        ready,
        join,
        joined_ready,
        reset: start.elapsed(),
    })
}

/// A command as root, with a text on its standard input. The programs of Kubernetes are in /usr/local/bin.
fn as_root(command: &str, input: &str) -> String {
    format!(
        "sudo env PATH=/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin {command} <<'SLIPWAY_END'\n{input}\nSLIPWAY_END\n"
    )
}

fn flannel(address: &str) -> anyhow::Result<String> {
    let file = sources::project().join(FLANNEL);
    let template = std::fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
    Ok(template
        .replace("{{ pod_cidr }}", "10.244.0.0/16")
        .replace("{{ pod_cidr | to_json }}", "\"10.244.0.0/16\"")
        .replace("{{ flannel_image }}", FLANNEL_IMAGE)
        .replace(
            "{{ control_plane_endpoint_host | to_json }}",
            &format!("\"{address}\""),
        )
        .replace("{{ control_plane_endpoint_port | string | to_json }}", "\"6443\""))
}
