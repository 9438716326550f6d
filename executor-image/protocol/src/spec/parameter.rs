//! Short constructors for the rows of the table.

use super::{Kind, Parameter};

const fn of_kind(name: &'static str, kind: Kind) -> Parameter {
    Parameter {
        name,
        aliases: &[],
        kind,
        elements: Kind::Str,
        required: false,
        choices: &[],
        default: None,
        no_log: false,
    }
}

pub(super) const fn text(name: &'static str) -> Parameter {
    of_kind(name, Kind::Str)
}

pub(super) const fn boolean(name: &'static str) -> Parameter {
    of_kind(name, Kind::Bool)
}

pub(super) const fn integer(name: &'static str) -> Parameter {
    of_kind(name, Kind::Int)
}

pub(super) const fn float(name: &'static str) -> Parameter {
    of_kind(name, Kind::Float)
}

pub(super) const fn list(name: &'static str) -> Parameter {
    of_kind(name, Kind::List)
}

pub(super) const fn mapping(name: &'static str) -> Parameter {
    of_kind(name, Kind::Dict)
}

pub(super) const fn path(name: &'static str) -> Parameter {
    of_kind(name, Kind::Path)
}

pub(super) const fn raw(name: &'static str) -> Parameter {
    of_kind(name, Kind::Raw)
}

impl Parameter {
    pub(super) const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub(super) const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    pub(super) const fn choices(mut self, choices: &'static [&'static str]) -> Self {
        self.choices = choices;
        self
    }

    pub(super) const fn default(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }

    pub(super) const fn secret(mut self) -> Self {
        self.no_log = true;
        self
    }

    /// The kind of a list's elements.
    pub(super) const fn of(mut self, elements: Kind) -> Self {
        self.elements = elements;
        self
    }
}

/// Parameters, and those that every module has which writes a file: `mode`, `owner`, `group`,
/// `attributes`, the parts of an SELinux label, `unsafe_writes`.
macro_rules! with_file_attributes {
    ($($parameter:expr),* $(,)?) => {
        &[
            $($parameter,)*
            $crate::spec::parameter::raw("mode"),
            $crate::spec::parameter::text("owner"),
            $crate::spec::parameter::text("group"),
            $crate::spec::parameter::text("attributes").aliases(&["attr"]),
            $crate::spec::parameter::text("selevel"),
            $crate::spec::parameter::text("serole"),
            $crate::spec::parameter::text("setype"),
            $crate::spec::parameter::text("seuser"),
            $crate::spec::parameter::boolean("unsafe_writes"),
        ]
    };
}
