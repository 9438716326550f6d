//! Templates of manifests: handlebars, in which every value must be known. Only `{{#if}}`, `{{#unless}}` and `{{#each}}` may ask for
//! one that is not: it is then as good as false, or empty.

use handlebars::{Context, Handlebars, Helper, HelperResult, Output, RenderContext, RenderErrorReason};
use serde_json::Value;

/// Renders the templates of one addon, in their order. Each is called `addon/key` in messages.
///
/// # Errors
/// A sentence that names template and line.
pub fn render(
    addon: &str,
    templates: &[(String, String)],
    data: &Value,
) -> Result<Vec<(String, String)>, String> {
    let mut handlebars = Handlebars::new();
    handlebars.set_strict_mode(true);
    // Manifests are not HTML.
    handlebars.register_escape_fn(handlebars::no_escape);
    handlebars.register_helper("json", Box::new(json));
    for (key, text) in templates {
        handlebars.register_template_string(key, text).map_err(|error| {
            let line = error
                .pos()
                .map(|(line, _)| format!(":{line}"))
                .unwrap_or_default();
            format!("template {addon}/{key}{line}: {}", error.reason())
        })?;
    }
    let rendered = templates.iter().map(|(key, _)| {
        let text = handlebars.render(key, data).map_err(|error| {
            let key = error.template_name.as_ref().unwrap_or(key);
            let line = error.line_no.map(|line| format!(":{line}")).unwrap_or_default();
            format!("template {addon}/{key}{line}: {}", reason(error.reason()))
        })?;
        Ok((key.clone(), text))
    });
    rendered.collect()
}

fn reason(reason: &RenderErrorReason) -> String {
    match reason {
        RenderErrorReason::MissingVariable(Some(name)) => format!("the value {name} is not known"),
        RenderErrorReason::MissingVariable(None) => "a value is not known".to_owned(),
        RenderErrorReason::HelperNotFound(name) => format!("there is no helper {name}"),
        other => other.to_string(),
    }
}

/// `{{json values.resources}}`: any value on one line, quoted as YAML takes it.
fn json(
    helper: &Helper<'_>,
    _: &Handlebars<'_>,
    _: &Context,
    _: &mut RenderContext<'_, '_>,
    out: &mut dyn Output,
) -> HelperResult {
    let value = helper
        .param(0)
        .ok_or(RenderErrorReason::ParamNotFoundForIndex("json", 0))?;
    if value.is_value_missing() {
        let path = value.relative_path().cloned();
        return Err(RenderErrorReason::MissingVariable(path).into());
    }
    out.write(&value.value().to_string())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn one(text: &str) -> Result<String, String> {
        let data = json!({
            "cluster": {"name": "shop"},
            "values": {"on": true, "off": false, "list": ["a", "b"], "map": {"k": "v: <&>"}},
        });
        let templates = [("app.yaml".to_owned(), text.to_owned())];
        render("demo", &templates, &data).map(|mut rendered| rendered.remove(0).1)
    }

    #[test]
    fn values_are_put_in_as_they_are_and_json_quotes_them() {
        assert_eq!(one("name: {{cluster.name}}").unwrap(), "name: shop");
        assert_eq!(one("{{values.map.k}}").unwrap(), "v: <&>");
        assert_eq!(one("k: {{json values.map}}").unwrap(), r#"k: {"k":"v: <&>"}"#);
        assert_eq!(one("{{#each values.list}}[{{this}}]{{/each}}").unwrap(), "[a][b]");
        assert_eq!(
            one("{{#if values.on}}on{{/if}}{{#if values.off}}off{{/if}}").unwrap(),
            "on"
        );
        assert_eq!(one("{{#if values.unknown}}on{{else}}off{{/if}}").unwrap(), "off");
    }

    #[test]
    fn what_is_wrong_is_told_with_template_and_line() {
        let rows = [
            (
                "a: 1\nb: {{values.nope}}\n",
                "template demo/app.yaml:2: the value values.nope is not known",
            ),
            (
                "a: {{json values.nope}}\n",
                "template demo/app.yaml:1: the value values.nope is not known",
            ),
            (
                "a: {{frobnicate values.on}}",
                "template demo/app.yaml:1: there is no helper frobnicate",
            ),
        ];
        for (text, expected) in rows {
            assert_eq!(one(text), Err(expected.to_owned()), "{text}");
        }
        let error = one("a: 1\n{{#if values.on}}\n").unwrap_err();
        assert!(error.starts_with("template demo/app.yaml:"), "{error}");
    }
}
