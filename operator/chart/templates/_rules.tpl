{{/*
What the operator may do to the objects that it works on: exactly what its code does. operator/tests/rights.rs runs the
operator with these rights and no others.
*/}}
{{- define "slipway-operator.rules" -}}
# What is wanted. The operator puts a finalizer on it, and never changes its spec.
- apiGroups: [slipway.io]
  resources: [clusterdeployments]
  verbs: [get, list, watch, patch]
# Made from a ClusterDeployment and taken down with it.
- apiGroups: [slipway.io]
  resources: [clusters, machinesets]
  verbs: [get, list, watch, create, patch, delete]
# Machines belong to the administrator: claimed and released by a PUT that carries the resourceVersion, never made or deleted.
- apiGroups: [slipway.io]
  resources: [machines]
  verbs: [get, list, watch, update, patch]
# One for each operation; patched for its finalizer and to cancel it; old ones are deleted.
- apiGroups: [slipway.io]
  resources: [playbookruns]
  verbs: [list, watch, create, patch, delete]
- apiGroups: [slipway.io]
  resources: [clusterdeployments/status, clusters/status, machinesets/status, machines/status, playbookruns/status]
  verbs: [patch]
# Owner references that hold up the owner's deletion ask for this where OwnerReferencesPermissionEnforcement is on.
- apiGroups: [slipway.io]
  resources: [clusterdeployments/finalizers, machines/finalizers, playbookruns/finalizers]
  verbs: [update]
# The executor of a run: made, looked at, suspended to cancel it, deleted with its run.
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch, create, patch, delete]
# How far an executor is, and the events in its log.
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [pods/log]
  verbs: [get]
# Inventories of executors are made and deleted; templates of addons are read.
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, create, delete]
# SSH keys of machines are read; keys and kubeconfigs of clusters and the secrets of executors are made, read and deleted.
# Only the metadata of Slipway's own Secrets is listed and watched, but rights know no such difference.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch, create, delete]
# News for people.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}
