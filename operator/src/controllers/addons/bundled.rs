//! Addons that come with the operator.

use serde_json::{Map, Value};

/// An addon that comes with the operator.
#[derive(Debug)]
pub struct Bundle {
    /// Its name in `spec.addons[].bundled`.
    pub name: &'static str,
    /// Its values and their defaults, as YAML.
    pub values: &'static str,
    /// Its templates, by file name.
    pub templates: &'static [(&'static str, &'static str)],
}

/// Every bundle.
pub const BUNDLES: &[Bundle] = &[Bundle {
    name: "metrics-server",
    values: include_str!("../../../addons/metrics-server/values.yaml"),
    templates: &[(
        "manifests.yaml",
        include_str!("../../../addons/metrics-server/manifests.yaml"),
    )],
}];

/// The bundle called `name`, or which ones there are.
pub fn bundle(name: &str) -> Result<&'static Bundle, String> {
    BUNDLES.iter().find(|bundle| bundle.name == name).ok_or_else(|| {
        let names: Vec<&str> = BUNDLES.iter().map(|bundle| bundle.name).collect();
        format!(
            "no addon called {name} comes with this operator; there is {}",
            names.join(", ")
        )
    })
}

impl Bundle {
    /// The bundle's values with the user's merged over them.
    ///
    /// # Errors
    /// When a value is none of the bundle's, with those that are.
    pub fn values(&self, given: &Map<String, Value>) -> Result<Map<String, Value>, String> {
        let mut values: Map<String, Value> = serde_yaml::from_str(self.values).map_err(|error| {
            format!(
                "the values of the bundled addon {} cannot be read: {error}",
                self.name
            )
        })?;
        if let Some(unknown) = given.keys().find(|key| !values.contains_key(*key)) {
            let known: Vec<&str> = values.keys().map(String::as_str).collect();
            return Err(format!(
                "the bundled addon {} has no value {unknown}; it has {}",
                self.name,
                known.join(", ")
            ));
        }
        merge(&mut values, given);
        Ok(values)
    }
}

/// Mappings are merged key by key, anything else is replaced.
fn merge(values: &mut Map<String, Value>, over: &Map<String, Value>) {
    for (key, value) in over {
        match (values.get_mut(key), value) {
            (Some(Value::Object(below)), Value::Object(over)) => merge(below, over),
            _ => {
                values.insert(key.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_merged_key_by_key_over_the_defaults() {
        let given = json!({"replicas": 2, "resources": {"requests": {"cpu": "1"}}});
        let values = bundle("metrics-server")
            .unwrap()
            .values(given.as_object().unwrap())
            .unwrap();
        assert_eq!(values["replicas"], 2);
        assert_eq!(
            values["resources"]["requests"],
            json!({"cpu": "1", "memory": "200Mi"})
        );
    }

    #[test]
    fn an_unknown_bundle_and_an_unknown_value_are_refused_with_the_known_ones() {
        assert!(
            bundle("metric-server")
                .unwrap_err()
                .contains("there is metrics-server")
        );
        let given = json!({"replica": 2});
        let error = bundle("metrics-server")
            .unwrap()
            .values(given.as_object().unwrap())
            .unwrap_err();
        assert!(
            error.contains("no value replica; it has image, replicas"),
            "{error}"
        );
    }

    #[test]
    fn the_bundled_version_is_the_one_that_the_images_are_built_from() {
        let versions = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../ci/kubernetes/versions.yml");
        let versions: Value = serde_yaml::from_str(&std::fs::read_to_string(versions).unwrap()).unwrap();
        let values = bundle("metrics-server").unwrap().values(&Map::new()).unwrap();
        assert!(
            versions["images"].as_array().unwrap().contains(&values["image"]),
            "{} is not in ci/kubernetes/versions.yml",
            values["image"]
        );
    }
}
