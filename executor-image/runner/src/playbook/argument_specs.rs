//! `meta/argument_specs.yml`: what a role takes, checked by a task that comes before its own.

use std::sync::Arc;

use slipway_language::{Node, NodeKind, Variable};

use super::{
    error::Problem,
    loader::{LoadContext, Loader},
    model::{Action, ModuleAction, Task},
    roles::{RoleUse, main_file},
};

impl Loader {
    /// The task that checks the arguments of a role, if the role says what they are.
    pub(super) fn validation_task(
        &mut self,
        usage: &RoleUse<'_>,
        meta: Option<&Node>,
        context: &LoadContext,
    ) -> Result<Option<Task>, Problem> {
        let Some(role) = context.role.clone().filter(|_| usage.validate) else {
            return Ok(None);
        };
        let file = match main_file(&role.path.join("meta"), "argument_specs") {
            Some(file) => self.read(&file)?,
            None => None,
        };
        let specs = file
            .as_ref()
            .or(meta)
            .and_then(|node| node.get("argument_specs"))
            .cloned();
        let entry = usage
            .files
            .tasks
            .trim_end_matches(".yml")
            .trim_end_matches(".yaml");
        let Some(spec) = specs.as_ref().and_then(|specs| specs.get(entry)) else {
            return Ok(None);
        };
        if spec.entries().is_empty() {
            return Ok(None);
        }
        let span = &spec.span;
        let mut name = format!("Validating arguments against arg spec '{entry}'");
        if let Some(short) = spec.get("short_description").and_then(Node::as_str) {
            name = format!("{name} - {short}");
        }
        let text = |text: &str| Node::new(span.clone(), NodeKind::Unsafe(Arc::from(text)));
        let mapping = |entries: Vec<(Node, Node)>| Node::new(span.clone(), NodeKind::Map(entries.into()));
        let about = mapping(vec![
            (text("type"), text("role")),
            (
                text("name"),
                text(role.name.rsplit('.').next().unwrap_or(&role.name)),
            ),
            (text("argument_spec_name"), text(entry)),
            (text("path"), text(&role.path.display().to_string())),
        ]);
        let provided = usage
            .provided
            .iter()
            .filter_map(|(name, variable)| match variable {
                Variable::Template(node) => Some((text(name), node.clone())),
                _ => None,
            });
        let options = spec
            .get("options")
            .filter(|options| !options.is_null())
            .cloned()
            .unwrap_or_else(|| mapping(Vec::new()));
        let args = mapping(vec![
            (text("argument_spec"), options),
            (text("provided_arguments"), mapping(provided.collect())),
            (text("validate_args_context"), about),
        ]);
        let module = slipway_protocol::spec::find("validate_argument_spec").ok_or_else(|| {
            Problem::new(
                span,
                "the module validate_argument_spec is not known to this build",
            )
        })?;
        let action = Action::Module(ModuleAction {
            spec: module,
            foreign: None,
            plugin: None,
            args,
            whole: None,
        });
        let mut task = Task::made("ansible.builtin.validate_argument_spec", action, context, span);
        task.name = Some(text(&name));
        task.settings.tags.push(Arc::from("always"));
        Ok(Some(task))
    }
}
