//! `kubernetes.core.k8s`: objects as they are described.

use serde_json::{Map, Value, json};

use super::{
    super::{Arguments, ResultMap, boolean, failure, map, text, texts},
    apply,
    cluster::{Answer, Cluster, Kind, Patch, Refused, Target},
    definitions::definitions,
    difference,
    wait::{Patience, Until, wait},
};

/// What is to become of the objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Present,
    Patched,
    Absent,
}

/// One call.
struct Task<'a> {
    cluster: &'a Cluster,
    args: &'a Arguments,
    state: State,
    labels: Vec<String>,
    hidden: Vec<String>,
    check: bool,
    diff: bool,
}

/// Why an object is not as it shall be.
struct Failed {
    message: String,
    reason: Option<&'static str>,
    result: ResultMap,
}

impl Failed {
    fn because(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            reason: None,
            result: ResultMap::new(),
        }
    }

    fn refused(doing: &str, refused: &Refused) -> Self {
        Self {
            reason: refused.reason(),
            ..Self::because(format!("Failed to {doing} object: {}", refused.said))
        }
    }

    fn into_map(mut self) -> ResultMap {
        if let Some(reason) = self.reason {
            self.result.insert("reason".to_owned(), reason.into());
        }
        self.result.insert("msg".to_owned(), self.message.into());
        self.result
    }
}

type Done<T> = Result<T, Failed>;

/// Carries out the module.
pub async fn run(cluster: &Cluster, args: &Arguments, check: bool, diff: bool) -> ResultMap {
    let state = match text(args, "state").as_deref() {
        None | Some("present") => State::Present,
        Some("patched") => State::Patched,
        Some("absent") => State::Absent,
        Some(other) => {
            return failure(format!(
                "value of state must be one of: present, absent, patched, got: {other}"
            ));
        }
    };
    if let Err(message) = exclusive(args) {
        return failure(message);
    }
    let task = Task {
        cluster,
        args,
        state,
        labels: texts(args, "label_selectors"),
        hidden: texts(args, "hidden_fields"),
        check,
        diff,
    };
    let found = match task.definitions().await {
        Ok(found) => found,
        Err(failed) => return failed_map(failed.into_map()),
    };
    let go_on = boolean(args, "continue_on_error").unwrap_or(false);
    let mut results = Vec::new();
    for definition in found {
        match task.object(definition).await {
            Ok(result) => results.push(result),
            Err(failed) if go_on => {
                let mut error = failed.into_map();
                error.shift_remove("changed");
                results.push(map(json!({"changed": false, "result": {}, "error": error})));
            }
            Err(failed) => return failed_map(failed.into_map()),
        }
    }
    if results.len() == 1 {
        return results.swap_remove(0);
    }
    let changed = results.iter().any(|result| result["changed"] == true);
    map(json!({"changed": changed, "result": {"results": results}}))
}

fn failed_map(mut result: ResultMap) -> ResultMap {
    result.entry("changed").or_insert(false.into());
    result.insert("failed".to_owned(), true.into());
    result
}

/// Arguments that exclude each other.
fn exclusive(args: &Arguments) -> Result<(), String> {
    // One of its names is enough.
    let named = |name: &str| match name {
        "resource_definition" => ["resource_definition", "definition", "inline"]
            .iter()
            .find_map(|name| args.get(*name)),
        _ => args.get(name),
    };
    let given = |name: &&str| match named(name) {
        None | Some(Value::Null) => false,
        // The only switch among them counts when it is on.
        Some(_) if *name == "apply" => boolean(args, name).unwrap_or(false),
        Some(_) => true,
    };
    for pair in [
        ["resource_definition", "src"],
        ["merge_type", "apply"],
        ["name", "generate_name"],
    ] {
        if pair.iter().all(given) {
            return Err(format!("parameters are mutually exclusive: {}", pair.join("|")));
        }
    }
    Ok(())
}

impl Task<'_> {
    async fn definitions(&self) -> Done<Vec<Value>> {
        let described = ["resource_definition", "definition", "inline", "src", "name"]
            .iter()
            .any(|name| self.args.get(*name).is_some_and(|value| !value.is_null()));
        let all = boolean(self.args, "delete_all").or_else(|| boolean(self.args, "all"));
        if self.state != State::Absent || described || all != Some(true) {
            return definitions(self.args)
                .await
                .map_err(|error| Failed::because(format!("Failed to load resource definition: {error}")));
        }
        let kind = text(self.args, "kind")
            .ok_or_else(|| Failed::because("'kind' option is required to specify the resource type."))?;
        let api_version = text(self.args, "api_version").unwrap_or_else(|| "v1".to_owned());
        let kind = self.kind(&kind, &api_version).await?;
        let namespace = text(self.args, "namespace");
        let target = Target {
            name: None,
            namespace: namespace.as_deref(),
        };
        let list = self
            .cluster
            .read(&kind, target, &self.labels, &[])
            .await
            .map_err(|refused| Failed::refused("retrieve", &refused))?;
        Ok(list["items"].as_array().cloned().unwrap_or_default())
    }

    async fn kind(&self, name: &str, api_version: &str) -> Done<Kind> {
        let found = self.cluster.kind(name, api_version).await;
        found
            .map_err(|refused| Failed {
                reason: refused.reason(),
                ..Failed::because(refused.said)
            })?
            .ok_or_else(|| {
                Failed::because(format!(
                    "Failed to find exact match for {api_version}.{name} by [kind, name, singularName, shortNames]"
                ))
            })
    }

    /// Brings one object into its state.
    async fn object(&self, mut definition: Value) -> Done<ResultMap> {
        let text_of = |name: &str| definition[name].as_str().unwrap_or_default().to_owned();
        let kind = self.kind(&text_of("kind"), &text_of("apiVersion")).await?;
        definition["kind"] = kind.name.as_str().into();
        definition["apiVersion"] = kind.api_version.as_str().into();
        let existing = self.existing(&kind, &definition).await?;
        if self.state == State::Absent {
            return self.delete(&kind, &definition, existing).await;
        }
        if !self.labels.is_empty() && !matches(&self.labels, &definition["metadata"]["labels"]) {
            let metadata = &definition["metadata"];
            let shown = |name: &str| metadata[name].as_str().unwrap_or("None").to_owned();
            return Ok(map(json!({
                "changed": false, "result": {},
                "msg": format!(
                    "resource 'kind={},name={},namespace={}' filtered by label_selectors.",
                    kind.name, shown("name"), shown("namespace"),
                ),
            })));
        }
        let (method, answer) = if boolean(self.args, "apply").unwrap_or(false) {
            ("apply", self.apply(&kind, &definition, existing.as_ref()).await)
        } else if existing.is_none() {
            if self.state == State::Patched {
                let name = definition["metadata"]["name"].as_str().unwrap_or("None");
                let warning = format!(
                    "resource 'kind={},name={name}' was not found but will not be created as 'state' parameter has been set to 'patched'",
                    kind.name
                );
                return Ok(map(
                    json!({"changed": false, "result": {}, "warnings": [warning]}),
                ));
            }
            ("create", self.cluster.create(&kind, &definition).await)
        } else if boolean(self.args, "force").unwrap_or(false) {
            (
                "replace",
                self.replace(&kind, definition.clone(), existing.as_ref()).await,
            )
        } else {
            ("update", self.update(&kind, &definition).await)
        };
        let doing = if method == "update" { "patch" } else { method };
        let answer = answer.map_err(|refused| Failed::refused(doing, &refused))?;
        self.settle(&kind, method, existing, answer).await
    }

    async fn existing(&self, kind: &Kind, definition: &Value) -> Done<Option<Value>> {
        let target = Target::of(definition);
        if target.name.is_none() && self.labels.is_empty() {
            return Ok(None);
        }
        match self.cluster.read(kind, target, &self.labels, &[]).await {
            Ok(object) => Ok(Some(object)),
            Err(refused) if matches!(refused.status, Some(404 | 405)) => Ok(None),
            Err(refused) => Err(Failed {
                reason: refused.reason(),
                ..Failed::because(format!("Failed to retrieve requested object: {}", refused.said))
            }),
        }
    }

    async fn replace(
        &self,
        kind: &Kind,
        mut definition: Value,
        existing: Option<&Value>,
    ) -> Result<Answer, Refused> {
        // A replacement must say which version it replaces.
        let version = existing.map(|object| object["metadata"]["resourceVersion"].clone());
        if definition["metadata"]["resourceVersion"].is_null() {
            definition["metadata"]["resourceVersion"] = version.unwrap_or_default();
        }
        self.cluster.replace(kind, &definition).await
    }

    async fn update(&self, kind: &Kind, definition: &Value) -> Result<Answer, Refused> {
        let named = texts(self.args, "merge_type");
        let types: Vec<Patch> = if named.is_empty() {
            vec![Patch::Strategic, Patch::Merge]
        } else {
            named
                .iter()
                .map(|name| {
                    if name == "merge" {
                        Patch::Merge
                    } else {
                        Patch::Strategic
                    }
                })
                .collect()
        };
        let mut refused = None;
        for patch in types {
            match self.cluster.patch(kind, definition, patch, &[]).await {
                Ok(answer) => return Ok(answer),
                Err(error) => refused = Some(error),
            }
        }
        Err(refused.unwrap_or(Refused {
            status: None,
            said: "merge_type is empty".to_owned(),
        }))
    }

    async fn apply(
        &self,
        kind: &Kind,
        definition: &Value,
        existing: Option<&Value>,
    ) -> Result<Answer, Refused> {
        if let Some(Value::Object(server)) = self.args.get("server_side_apply") {
            let mut options = vec![(
                "fieldManager",
                text(server, "field_manager").unwrap_or_else(|| "kubernetes-python".to_owned()),
            )];
            if let Some(force) = boolean(server, "force_conflicts") {
                options.push(("force", force.to_string()));
            }
            return self.cluster.patch(kind, definition, Patch::Apply, &options).await;
        }
        let Some(existing) = existing else {
            return self.cluster.create(kind, &apply::noted(definition)).await;
        };
        match apply::patch(existing, definition) {
            None => Ok(Answer {
                object: existing.clone(),
                warnings: Vec::new(),
            }),
            Some(mut patch) => {
                for name in ["name", "namespace"] {
                    if let Some(value) = definition["metadata"].get(name) {
                        patch["metadata"][name] = value.clone();
                    }
                }
                self.cluster.patch(kind, &patch, Patch::Merge, &[]).await
            }
        }
    }

    async fn delete(&self, kind: &Kind, definition: &Value, existing: Option<Value>) -> Done<ResultMap> {
        let options = self.args.get("delete_options").and_then(Value::as_object);
        let options = options.filter(|_| !self.check);
        let mut result = map(json!({"changed": false, "result": {}, "method": "delete"}));
        let items = existing.as_ref().and_then(|object| {
            let is_list = object["kind"].as_str().is_some_and(|kind| kind.ends_with("List"));
            object["items"].as_array().filter(|_| is_list)
        });
        let instance = match (&existing, items) {
            (None, _) => json!({}),
            (Some(_), Some(items)) => {
                let mut deleted = Vec::new();
                for item in items {
                    deleted.push(self.delete_one(kind, Target::of(item), options).await?);
                }
                result["changed"] = (!deleted.is_empty()).into();
                deleted.into()
            }
            (Some(_), None) => {
                result["changed"] = true.into();
                self.delete_one(kind, Target::of(definition), options).await?
            }
        };
        let mut reached = true;
        if self.waits() {
            let waited = self.wait(kind, Target::of(definition), true).await?;
            reached = waited.reached;
            result.insert("duration".to_owned(), waited.took.into());
        }
        result["result"] = difference::without(instance, &self.hidden);
        in_time(reached, definition, result)
    }

    async fn delete_one(
        &self,
        kind: &Kind,
        target: Target<'_>,
        options: Option<&Map<String, Value>>,
    ) -> Done<Value> {
        self.cluster
            .delete(kind, target, options)
            .await
            .map_err(|refused| Failed::refused("delete", &refused))
    }

    fn waits(&self) -> bool {
        boolean(self.args, "wait").unwrap_or(false) && !self.check
    }

    async fn wait(&self, kind: &Kind, target: Target<'_>, absent: bool) -> Done<super::wait::Waited> {
        let until = Until::of(self.args, absent);
        let selectors = (self.labels.as_slice(), [].as_slice());
        wait(
            self.cluster,
            kind,
            target,
            selectors,
            &until,
            Patience::of(self.args),
        )
        .await
        .map_err(|refused| Failed::because(format!("Failed to wait for the object: {}", refused.said)))
    }

    /// What is told of an object that was made or changed.
    async fn settle(
        &self,
        kind: &Kind,
        method: &str,
        existing: Option<Value>,
        answer: Answer,
    ) -> Done<ResultMap> {
        let mut result = map(json!({"changed": method == "create", "result": {}, "method": method}));
        let mut warnings = answer.warnings;
        let mut instance = answer.object;
        let mut reached = true;
        if self.waits() {
            let name = instance["metadata"]["name"].as_str().map(str::to_owned);
            let namespace = instance["metadata"]["namespace"].as_str().map(str::to_owned);
            let target = Target {
                name: name.as_deref(),
                namespace: namespace.as_deref(),
            };
            let waited = self.wait(kind, target, false).await?;
            reached = waited.reached;
            instance = waited.object;
            result.insert("duration".to_owned(), waited.took.into());
        }
        if method != "create" {
            let of = |value: &Value| value.as_object().cloned().unwrap_or_default();
            let before = existing.as_ref().map(of).unwrap_or_default();
            let differs = difference::difference(&before, &of(&instance));
            let counted = differs
                .as_ref()
                .is_some_and(|(before, after)| difference::is_only_counted(before, after));
            if counted {
                warnings.push(
                    "No meaningful diff was generated, but the API may not be idempotent (only metadata.generation or metadata.resourceVersion were changed)"
                        .to_owned(),
                );
            }
            result["changed"] = (differs.is_some() && !counted).into();
            if self.diff {
                let shown = differs.map_or_else(
                    || json!({}),
                    |(before, after)| {
                        json!({
                            "before": difference::without(before.into(), &self.hidden),
                            "after": difference::without(after.into(), &self.hidden),
                        })
                    },
                );
                result.insert("diff".to_owned(), shown);
            }
        }
        if !warnings.is_empty() {
            result.insert("warnings".to_owned(), warnings.into());
        }
        let definition = instance.clone();
        result["result"] = difference::without(instance, &self.hidden);
        in_time(reached, &definition, result)
    }
}

/// The result, or the failure of an object that was waited for in vain.
fn in_time(reached: bool, definition: &Value, result: ResultMap) -> Done<ResultMap> {
    if reached {
        return Ok(result);
    }
    let text = |value: &Value| value.as_str().unwrap_or("None").to_owned();
    Err(Failed {
        message: format!(
            "\"{}\" \"{}\": Timed out waiting on resource",
            text(&definition["kind"]),
            text(&definition["metadata"]["name"])
        ),
        reason: None,
        result,
    })
}

/// Whether labels fit selectors: `a=b`, `a==b`, `a!=b`, `a in (b, c)`, `a notin (b)`, `a`, `!a`.
fn matches(selectors: &[String], labels: &Value) -> bool {
    let label = |name: &str| labels[name.trim()].as_str();
    let among = |value: Option<&str>, list: &str| {
        let list = list.trim().trim_start_matches('(').trim_end_matches(')');
        value.is_some_and(|value| list.split(',').any(|one| one.trim() == value))
    };
    selectors.iter().all(|selector| {
        if let Some((name, value)) = selector.split_once("!=") {
            return label(name) != Some(value.trim());
        }
        if let Some((name, value)) = selector.split_once('=') {
            return label(name) == Some(value.trim_start_matches('=').trim());
        }
        if let Some((name, list)) = selector.split_once(" notin ") {
            return !among(label(name), list);
        }
        if let Some((name, list)) = selector.split_once(" in ") {
            return among(label(name), list);
        }
        match selector.trim().strip_prefix('!') {
            Some(name) => label(name).is_none(),
            None => label(selector).is_some(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_choose_by_labels() {
        let labels = json!({"app": "a", "tier": "b"});
        for (selector, fits) in [
            ("app=a", true),
            ("app==b", false),
            ("app!=b", true),
            ("app in (x, a)", true),
            ("app notin (x, a)", false),
            ("tier", true),
            ("!tier", false),
            ("other", false),
        ] {
            assert_eq!(matches(&[selector.to_owned()], &labels), fits, "{selector}");
        }
    }
}
