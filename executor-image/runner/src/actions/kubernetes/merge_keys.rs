//! Lists whose elements are told apart by a field, as the API server does in a strategic merge.

/// Where the specification of Pods stands in an object, by its kind.
const PODS: &[&str] = &[
    "Pod.spec.",
    "Deployment.spec.template.spec.",
    "DaemonSet.spec.template.spec.",
    "StatefulSet.spec.template.spec.",
    "Job.spec.template.spec.",
    "CronJob.spec.jobTemplate.spec.template.spec.",
];

/// Lists of a Pod's specification, and their keys.
const OF_PODS: &[(&str, &str)] = &[
    ("volumes", "name"),
    ("imagePullSecrets", "name"),
    ("containers", "name"),
    ("initContainers", "name"),
    ("ephemeralContainers", "name"),
];

/// Lists of a container, and their keys.
const OF_CONTAINERS: &[(&str, &str)] = &[
    ("env", "name"),
    ("ports", "containerPort"),
    ("volumeMounts", "mountPath"),
    ("volumeDevices", "devicePath"),
];

/// Other lists.
const OTHERS: &[(&str, &str)] = &[
    ("Service.spec.ports", "port"),
    ("ServiceAccount.secrets", "name"),
    ("ValidatingWebhookConfiguration.webhooks", "name"),
    ("MutatingWebhookConfiguration.webhooks", "name"),
];

/// The key of a list that stands at a place such as `Service.spec.ports`; none for a list that is one value.
pub fn key_of(place: &str) -> Option<&'static str> {
    let known = |table: &'static [(&str, &str)], name: &str| {
        table
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, key)| *key)
    };
    if let Some(key) = known(OTHERS, place) {
        return Some(key);
    }
    let inside = PODS.iter().find_map(|pods| place.strip_prefix(pods))?;
    match inside.split_once('.') {
        None => known(OF_PODS, inside),
        Some((list, inner)) if list.ends_with("ontainers") => known(OF_CONTAINERS, inner),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_known_by_place() {
        for (place, key) in [
            ("Service.spec.ports", Some("port")),
            ("Deployment.spec.template.spec.containers", Some("name")),
            (
                "Deployment.spec.template.spec.containers.ports",
                Some("containerPort"),
            ),
            ("Pod.spec.initContainers.volumeMounts", Some("mountPath")),
            ("Pod.spec.containers.args", None),
            ("Pod.spec.volumes.items", None),
            ("Deployment.spec.ports", None),
        ] {
            assert_eq!(key_of(place), key, "{place}");
        }
    }
}
