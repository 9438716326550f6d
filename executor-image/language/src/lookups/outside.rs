//! Lookups that ask the machine that runs the playbook: commands, addresses, settings, the inventory.

use minijinja::{Error, Value};

use super::{Lookup, failure};
use crate::filters::call::items;
use crate::plugins::{self, PluginKind};
use crate::scope::{CommandOutput, UrlRequest};
use crate::value::convert::entries;
use crate::value::python;

pub(super) const LOOKUPS: super::Table = &[
    ("config", config),
    ("inventory_hostnames", inventory_hostnames),
    ("lines", |lookup| {
        let mut lines = Vec::new();
        for term in &lookup.terms {
            lines.extend(run(lookup, term)?.lines().map(Value::from));
        }
        Ok(lines)
    }),
    ("pipe", |lookup| {
        let output = |term| run(lookup, term).map(|output| Value::from(output.trim_end()));
        lookup.terms.iter().map(output).collect()
    }),
    ("url", url),
];

/// What a command of the shell prints.
fn run(lookup: &Lookup<'_>, term: &Value) -> Result<String, Error> {
    let command = python::to_text(term);
    let name = lookup.name;
    let CommandOutput {
        status,
        standard_output,
        standard_error,
    } = lookup
        .host()
        .run(&command)
        .map_err(|error| failure(format!("{name}: cannot run '{command}': {error}")))?;
    if status != 0 {
        let said = String::from_utf8_lossy(&standard_error);
        return Err(failure(format!(
            "lookup_plugin.{name}({command}) returned {status}: {}",
            said.trim_end()
        )));
    }
    String::from_utf8(standard_output)
        .map_err(|_| failure(format!("{name}: '{command}' prints what is not UTF-8 text")))
}

fn inventory_hostnames(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    let patterns: Vec<String> = lookup.terms.iter().map(python::to_text).collect();
    let hosts = lookup.host().hosts(&patterns).map_err(failure)?;
    Ok(hosts.into_iter().map(Value::from).collect())
}

/// Settings. Those of plugins, and those that have no meaning here, the installed ansible-core knows.
fn config(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    let on_missing = lookup
        .option("on_missing")?
        .map_or_else(|| "error".to_owned(), |value| python::to_text(&value));
    if !matches!(&*on_missing, "error" | "skip" | "warn") {
        return Err(failure(format!(
            "Invalid value \"{on_missing}\" for configuration option \"plugin_type: lookup plugin: config setting: on_missing \", valid values are: error, skip, warn"
        )));
    }
    let asks_more = ["plugin_type", "plugin_name", "show_origin"]
        .iter()
        .map(|name| Ok(lookup.option(name)?.is_some()))
        .collect::<Result<Vec<bool>, Error>>()?;
    if asks_more.contains(&true) {
        return config_of_ansible(lookup, &lookup.terms);
    }
    let mut found = Vec::new();
    for term in &lookup.terms {
        let Some(name) = term.as_str() else {
            return Err(failure(format!(
                "Invalid setting identifier, \"{}\" is not a string, its a {}",
                python::to_text(term),
                python::type_name(term)
            )));
        };
        match lookup.host().setting(name) {
            Some(value) => found.push(value),
            None if lookup.context.templar.plugins().is_some() => {
                found.extend(config_of_ansible(lookup, std::slice::from_ref(term))?);
            }
            None if on_missing == "error" => {
                return Err(failure(format!("Unable to find setting {name}")));
            }
            None => {}
        }
    }
    Ok(found)
}

/// The lookup as the installed ansible-core carries it out.
fn config_of_ansible(lookup: &Lookup<'_>, terms: &[Value]) -> Result<Vec<Value>, Error> {
    let found = plugins::carry_out(
        lookup.context,
        PluginKind::Lookup,
        lookup.name,
        terms,
        lookup.options,
    )?;
    items(&found)
}

fn url(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    const IGNORED: [&str; 12] = [
        "ca_path",
        "ciphers",
        "client_cert",
        "client_key",
        "follow_redirects",
        "force_basic_auth",
        "http_agent",
        "unix_socket",
        "unredirected_headers",
        "use_gssapi",
        "use_netrc",
        "use_proxy",
    ];
    for name in IGNORED {
        if lookup.option(name)?.is_some() {
            return Err(failure(format!("url: the option '{name}' is not supported")));
        }
    }
    let text = |name| Ok::<_, Error>(lookup.option(name)?.map(|value| python::to_text(&value)));
    let headers: Vec<(String, String)> = lookup
        .option("headers")?
        .map(|headers| entries(&headers))
        .unwrap_or_default()
        .iter()
        .map(|(name, value)| (python::to_text(name), python::to_text(value)))
        .collect();
    let mut headers = headers;
    if lookup.flag("force", false)? {
        headers.push(("cache-control".into(), "no-cache".into()));
    }
    let split = lookup.flag("split_lines", true)?;
    let timeout = text("timeout")?
        .map(|text| text.parse().map_err(|_| failure("url: timeout is not a number")))
        .transpose()?;
    let mut request = UrlRequest {
        url: String::new(),
        headers,
        username: text("username")?,
        password: text("password")?,
        timeout: timeout.unwrap_or(10.0),
        validate_certs: lookup.flag("validate_certs", true)?,
    };
    let mut found = Vec::new();
    for term in &lookup.terms {
        request.url = python::to_text(term);
        let content = lookup
            .host()
            .fetch(&request)
            .map_err(|message| failure(format!("Failed lookup url for {} : {message}", request.url)))?;
        let content = String::from_utf8_lossy(&content);
        if split {
            found.extend(content.lines().map(Value::from));
        } else {
            found.push(Value::from(content.into_owned()));
        }
    }
    Ok(found)
}
