//! What the API server refuses and no rule of a kind can: the deletion of a Machine that is claimed.

use k8s_openapi::{
    api::admissionregistration::v1::{
        MatchResources, NamedRuleWithOperations, ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
        ValidatingAdmissionPolicyBindingSpec, ValidatingAdmissionPolicySpec, Validation,
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};

use crate::{GROUP, VERSION};

/// Name of the policy and of its binding.
pub const CLAIMED_MACHINES_STAY: &str = "claimed-machines-stay.slipway.io";

/// Refuses the deletion of a claimed Machine: its host would keep running in the cluster with nobody to reset it.
pub fn claimed_machines_stay() -> (ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding) {
    let metadata = || ObjectMeta {
        name: Some(CLAIMED_MACHINES_STAY.to_owned()),
        ..ObjectMeta::default()
    };
    let strings = |values: &[&str]| Some(values.iter().map(|value| (*value).to_owned()).collect());
    let policy = ValidatingAdmissionPolicy {
        metadata: metadata(),
        spec: Some(ValidatingAdmissionPolicySpec {
            failure_policy: Some("Fail".to_owned()),
            match_constraints: Some(MatchResources {
                resource_rules: Some(vec![NamedRuleWithOperations {
                    api_groups: strings(&[GROUP]),
                    api_versions: strings(&[VERSION]),
                    operations: strings(&["DELETE"]),
                    resources: strings(&["machines"]),
                    ..NamedRuleWithOperations::default()
                }]),
                ..MatchResources::default()
            }),
            validations: Some(vec![Validation {
                expression: "!has(oldObject.spec.claimRef)".to_owned(),
                message: Some("the machine is claimed".to_owned()),
                message_expression: Some(
                    "'machine ' + oldObject.metadata.name + ' is claimed by MachineSet ' + oldObject.spec.claimRef.name + \
                     ' of cluster ' + oldObject.spec.claimRef.clusterName + \
                     ': take it out of the cluster first, by scaling the set down or deleting the ClusterDeployment'"
                        .to_owned(),
                ),
                reason: Some("Forbidden".to_owned()),
            }]),
            ..ValidatingAdmissionPolicySpec::default()
        }),
        status: None,
    };
    let binding = ValidatingAdmissionPolicyBinding {
        metadata: metadata(),
        spec: ValidatingAdmissionPolicyBindingSpec {
            policy_name: CLAIMED_MACHINES_STAY.to_owned(),
            validation_actions: vec!["Deny".to_owned()],
            ..ValidatingAdmissionPolicyBindingSpec::default()
        },
    };
    (policy, binding)
}
