//! Requests to an API server, and what it answers.

use http::{Method, Request};
use kube::{Client, client::Body};
use serde_json::{Map, Value, json};

/// An API server as one task sees it.
pub struct Cluster {
    client: Client,
    /// Whether the server only says what it would do.
    dry_run: bool,
}

/// A kind of object as the server knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kind {
    /// `v1`, `apps/v1`
    pub api_version: String,
    /// `Deployment`
    pub name: String,
    /// `deployments`
    plural: String,
    namespaced: bool,
}

/// An answer that is no error.
#[derive(Debug)]
pub struct Answer {
    /// The object.
    pub object: Value,
    /// What the server warns of.
    pub warnings: Vec<String>,
}

/// Why a request failed.
#[derive(Debug)]
pub struct Refused {
    /// The status of the answer; none if there was no answer.
    pub status: Option<u16>,
    /// The answer's text, or what happened to the connection.
    pub said: String,
}

impl Refused {
    /// Whether there is no such object.
    pub fn is_not_found(&self) -> bool {
        self.status == Some(404)
    }

    /// The words that go with the status.
    pub fn reason(&self) -> Option<&'static str> {
        http::StatusCode::from_u16(self.status?).ok()?.canonical_reason()
    }
}

type Result<T> = std::result::Result<T, Refused>;

/// How a body is meant.
#[derive(Debug, Clone, Copy)]
pub enum Patch {
    /// `strategic-merge-patch`
    Strategic,
    /// `merge-patch`
    Merge,
    /// `apply-patch`
    Apply,
}

impl Patch {
    const fn content_type(self) -> &'static str {
        match self {
            Self::Strategic => "application/strategic-merge-patch+json",
            Self::Merge => "application/merge-patch+json",
            Self::Apply => "application/apply-patch+yaml",
        }
    }
}

/// Which objects are meant.
#[derive(Debug, Clone, Copy, Default)]
pub struct Target<'a> {
    /// Its name; all of the kind if none.
    pub name: Option<&'a str>,
    /// Its namespace.
    pub namespace: Option<&'a str>,
}

impl<'a> Target<'a> {
    /// The object that a definition describes.
    pub fn of(definition: &'a Value) -> Self {
        let text = |name: &str| {
            definition["metadata"][name]
                .as_str()
                .filter(|text| !text.is_empty())
        };
        Self {
            name: text("name"),
            namespace: text("namespace"),
        }
    }
}

impl Kind {
    fn path(&self, target: Target<'_>) -> String {
        let root = if self.api_version.contains('/') {
            "apis"
        } else {
            "api"
        };
        let mut path = format!("/{root}/{}", self.api_version);
        if let Some(namespace) = target.namespace.filter(|_| self.namespaced) {
            path.extend(["/namespaces/", namespace]);
        }
        path.extend(["/", &self.plural]);
        if let Some(name) = target.name {
            path.extend(["/", name]);
        }
        path
    }
}

impl Cluster {
    /// The server that a client reaches.
    pub fn new(client: Client, dry_run: bool) -> Self {
        Self { client, dry_run }
    }

    /// The kind of a name (in any of its forms) in a version of an API; none if there is none, or several.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn kind(&self, name: &str, api_version: &str) -> Result<Option<Kind>> {
        let core = !api_version.contains('/');
        if let Some(kind) = self.kind_in(name, api_version).await? {
            return Ok(Some(kind));
        }
        if !core {
            return Ok(None);
        }
        // A version without a group may be that of any group.
        let groups = self.get("/apis", &[]).await?;
        let mut found = Vec::new();
        for group in groups["groups"].as_array().into_iter().flatten() {
            for version in group["versions"].as_array().into_iter().flatten() {
                if version["version"] == api_version
                    && let Some(full) = version["groupVersion"].as_str()
                {
                    found.extend(self.kind_in(name, full).await?);
                }
            }
        }
        Ok(if found.len() == 1 { found.pop() } else { None })
    }

    async fn kind_in(&self, name: &str, api_version: &str) -> Result<Option<Kind>> {
        let root = if api_version.contains('/') { "apis" } else { "api" };
        let list = match self.get(&format!("/{root}/{api_version}"), &[]).await {
            Ok(list) => list,
            Err(refused) if refused.is_not_found() => return Ok(None),
            Err(refused) => return Err(refused),
        };
        let resources: Vec<&Value> = list["resources"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|resource| resource["name"].as_str().is_some_and(|name| !name.contains('/')))
            .collect();
        let by = |key: &str| resources.iter().find(|resource| resource[key] == name);
        let short = || {
            resources.iter().find(|resource| {
                let names = resource["shortNames"].as_array();
                names.is_some_and(|names| names.iter().any(|short| short == name))
            })
        };
        let found = by("kind")
            .or_else(|| by("name"))
            .or_else(|| by("singularName"))
            .or_else(short);
        Ok(found.map(|resource| Kind {
            api_version: api_version.to_owned(),
            name: resource["kind"].as_str().unwrap_or_default().to_owned(),
            plural: resource["name"].as_str().unwrap_or_default().to_owned(),
            namespaced: resource["namespaced"] == true,
        }))
    }

    async fn get(&self, path: &str, query: &[(&str, String)]) -> Result<Value> {
        let answer = self.send(Method::GET, path, query, None, None).await?;
        Ok(answer.object)
    }

    /// One object, or a list of those that selectors choose.
    ///
    /// # Errors
    /// When there is none of the name, and when the server refuses.
    pub async fn read(
        &self,
        kind: &Kind,
        target: Target<'_>,
        labels: &[String],
        fields: &[String],
    ) -> Result<Value> {
        let mut query = Vec::new();
        for (name, selectors) in [("labelSelector", labels), ("fieldSelector", fields)] {
            if !selectors.is_empty() {
                query.push((name, selectors.join(",")));
            }
        }
        Ok(with_kinds(self.get(&kind.path(target), &query).await?))
    }

    /// Makes an object.
    ///
    /// # Errors
    /// When the server refuses, or the kind needs a namespace and none is named.
    pub async fn create(&self, kind: &Kind, object: &Value) -> Result<Answer> {
        let target = Target {
            name: None,
            ..Target::of(object)
        };
        needs_namespace(kind, target)?;
        let path = kind.path(target);
        self.send(
            Method::POST,
            &path,
            &self.dry(),
            Some("application/json"),
            Some(object),
        )
        .await
    }

    /// Puts an object in the place of the one that is there.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn replace(&self, kind: &Kind, object: &Value) -> Result<Answer> {
        let path = kind.path(Target::of(object));
        self.send(
            Method::PUT,
            &path,
            &self.dry(),
            Some("application/json"),
            Some(object),
        )
        .await
    }

    /// Changes an object.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn patch(
        &self,
        kind: &Kind,
        object: &Value,
        patch: Patch,
        options: &[(&'static str, String)],
    ) -> Result<Answer> {
        let target = Target::of(object);
        needs_namespace(kind, target)?;
        let mut query = self.dry();
        query.extend(options.iter().cloned());
        self.send(
            Method::PATCH,
            &kind.path(target),
            &query,
            Some(patch.content_type()),
            Some(object),
        )
        .await
    }

    /// Deletes an object.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn delete(
        &self,
        kind: &Kind,
        target: Target<'_>,
        options: Option<&Map<String, Value>>,
    ) -> Result<Value> {
        let body = options.map(|options| {
            let mut body = json!({"apiVersion": "v1", "kind": "DeleteOptions"});
            for (name, value) in options.iter().filter(|(_, value)| !value.is_null()) {
                body[name] = value.clone();
            }
            body
        });
        let content = body.as_ref().map(|_| "application/json");
        let path = kind.path(target);
        let answer = self
            .send(Method::DELETE, &path, &self.dry(), content, body.as_ref())
            .await?;
        Ok(answer.object)
    }

    fn dry(&self) -> Vec<(&'static str, String)> {
        if self.dry_run {
            vec![("dryRun", "All".to_owned())]
        } else {
            Vec::new()
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, String)],
        content_type: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Answer> {
        let lost = |said: String| Refused { status: None, said };
        let query: Vec<String> = query
            .iter()
            .map(|(name, value)| format!("{name}={}", encoded(value)))
            .collect();
        let uri = if query.is_empty() {
            path.to_owned()
        } else {
            format!("{path}?{}", query.join("&"))
        };
        let mut request = Request::builder()
            .method(method)
            .uri(uri)
            .header("Accept", "application/json")
            // Its first part is the name under which the server notes who has set what.
            .header(
                "User-Agent",
                concat!("slipway-playbook/", env!("CARGO_PKG_VERSION")),
            );
        if let Some(content_type) = content_type {
            request = request.header("Content-Type", content_type);
        }
        let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        let request = request
            .body(Body::from(body))
            .map_err(|error| lost(error.to_string()))?;
        let answer = self
            .client
            .send(request)
            .await
            .map_err(|error| lost(causes(&error)))?;
        let status = answer.status();
        let warnings = answer
            .headers()
            .get_all("warning")
            .iter()
            .filter_map(|value| warning(value.to_str().ok()?))
            .collect();
        let bytes = answer
            .into_body()
            .collect_bytes()
            .await
            .map_err(|error| lost(causes(&error)))?;
        let said = String::from_utf8_lossy(&bytes).into_owned();
        if !status.is_success() {
            return Err(Refused {
                status: Some(status.as_u16()),
                said,
            });
        }
        let object = serde_json::from_str(&said)
            .map_err(|error| lost(format!("the answer of the server is not JSON: {error}")))?;
        Ok(Answer { object, warnings })
    }
}

fn needs_namespace(kind: &Kind, target: Target<'_>) -> Result<()> {
    if !kind.namespaced || target.namespace.is_some() {
        return Ok(());
    }
    Err(Refused {
        status: None,
        said: format!("Namespace is required for {}.{}", kind.api_version, kind.name),
    })
}

/// An error with what led to it.
fn causes(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let cause = error.to_string();
        if !said.contains(&cause) {
            said = format!("{said}: {cause}");
        }
        next = error.source();
    }
    said
}

/// The text of a warning: `299 - "text"`.
fn warning(header: &str) -> Option<String> {
    let (_, rest) = header.split_once('"')?;
    let mut text = String::new();
    let mut characters = rest.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => text.extend(characters.next()),
            '"' => return Some(text),
            other => text.push(other),
        }
    }
    None
}

/// A value of a query.
fn encoded(value: &str) -> String {
    value
        .bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// A list whose objects say what they are, which the server leaves to the list.
fn with_kinds(mut list: Value) -> Value {
    let api_version = list["apiVersion"].clone();
    let kind = list["kind"]
        .as_str()
        .and_then(|kind| kind.strip_suffix("List"))
        .map(str::to_owned);
    if let Some(kind) = kind
        && let Some(items) = list.get_mut("items")
    {
        if items.is_null() {
            *items = json!([]);
        }
        for item in items
            .as_array_mut()
            .into_iter()
            .flatten()
            .filter_map(Value::as_object_mut)
        {
            item.entry("apiVersion").or_insert_with(|| api_version.clone());
            item.entry("kind").or_insert_with(|| kind.as_str().into());
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_the_quoted_text_of_its_header() {
        assert_eq!(
            warning(r#"299 - "v1 X is \"old\"""#).as_deref(),
            Some(r#"v1 X is "old""#)
        );
        assert_eq!(warning("299 - nothing"), None);
    }

    #[test]
    fn paths_name_group_namespace_and_object() {
        let kind = |api_version: &str, namespaced| Kind {
            api_version: api_version.to_owned(),
            name: "Thing".to_owned(),
            plural: "things".to_owned(),
            namespaced,
        };
        let target = Target {
            name: Some("a"),
            namespace: Some("n"),
        };
        assert_eq!(kind("v1", true).path(target), "/api/v1/namespaces/n/things/a");
        assert_eq!(kind("g/v1", false).path(target), "/apis/g/v1/things/a");
        assert_eq!(kind("g/v1", true).path(Target::default()), "/apis/g/v1/things");
        assert_eq!(encoded("a=b, c"), "a%3Db%2C%20c");
    }

    #[test]
    fn the_objects_of_a_list_say_what_they_are() {
        let list = with_kinds(json!({"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {}}]}));
        assert_eq!(
            list["items"][0],
            json!({"metadata": {}, "apiVersion": "v1", "kind": "Pod"})
        );
    }
}
