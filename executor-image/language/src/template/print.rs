//! Writes a syntax tree as the text of a template again.
//!
//! minijinja loads templates that others name (`import`, `extends`) as text only, and they must be rewritten as all others are
//! ([`super::rewrite`]). Each statement stays on its line, so that errors name the right one.

use minijinja::Value;
use minijinja::machinery::Span;
use minijinja::machinery::ast::{
    BinOpKind, Call, CallArg, CompareOpKind, Expr, Macro, Spanned, Stmt, UnaryOpKind,
};
use minijinja::value::ValueKind;

/// The text of a template, in Jinja's own syntax without options.
pub(super) fn template(tree: &Stmt<'_>) -> String {
    let mut printer = Printer::default();
    printer.statement(tree);
    // A newline at the end of a template would be taken for the file's last one.
    printer.text.push_str("{##}");
    printer.text
}

#[derive(Default)]
struct Printer {
    text: String,
    /// How many newlines are in the text.
    lines: usize,
}

impl Printer {
    fn push(&mut self, text: &str) {
        self.lines += text.matches('\n').count();
        self.text.push_str(text);
    }

    /// A statement's tag, on the line where it was.
    fn tag(&mut self, span: Span, words: &str) {
        self.push("{%");
        self.reach(span);
        self.push(" ");
        self.push(words);
        self.push(" %}");
    }

    fn reach(&mut self, span: Span) {
        let missing = usize::from(span.start_line).saturating_sub(self.lines + 1);
        self.push(&"\n".repeat(missing));
    }

    fn body(&mut self, statements: &[Stmt<'_>]) {
        for node in statements {
            self.statement(node);
        }
    }

    /// A tag, what is in it, and the tag that ends it.
    fn block(&mut self, span: Span, words: &str, body: &[Stmt<'_>], end: &str) {
        self.tag(span, words);
        self.body(body);
        self.push(end);
    }

    fn statement(&mut self, node: &Stmt<'_>) {
        match node {
            Stmt::Template(node) => self.body(&node.children),
            Stmt::EmitExpr(node) => {
                self.push("{{");
                self.reach(node.span());
                self.push(" ");
                self.push(&expression(&node.expr));
                self.push(" }}");
            }
            Stmt::EmitRaw(node) => self.raw(node.raw),
            Stmt::ForLoop(node) => {
                let mut words = format!("for {} in {}", target(&node.target), expression(&node.iter));
                if let Some(filter) = &node.filter_expr {
                    words.push_str(" if ");
                    words.push_str(&expression(filter));
                }
                if node.recursive {
                    words.push_str(" recursive");
                }
                self.tag(node.span(), &words);
                self.body(&node.body);
                if !node.else_body.is_empty() {
                    self.push("{% else %}");
                    self.body(&node.else_body);
                }
                self.push("{% endfor %}");
            }
            Stmt::IfCond(node) => {
                self.tag(node.span(), &format!("if {}", expression(&node.expr)));
                self.body(&node.true_body);
                if !node.false_body.is_empty() {
                    self.push("{% else %}");
                    self.body(&node.false_body);
                }
                self.push("{% endif %}");
            }
            Stmt::WithBlock(node) => {
                let assignments: Vec<String> = node
                    .assignments
                    .iter()
                    .map(|(name, value)| format!("{} = {}", target(name), expression(value)))
                    .collect();
                let words = format!("with {}", assignments.join(", "));
                self.block(node.span(), &words, &node.body, "{% endwith %}");
            }
            Stmt::Set(node) => {
                let words = format!("set {} = {}", target(&node.target), expression(&node.expr));
                self.tag(node.span(), &words);
            }
            Stmt::SetBlock(node) => {
                let filter = node
                    .filter
                    .as_ref()
                    .map_or_else(String::new, |filter| format!(" | {}", filters(filter)));
                let words = format!("set {}{filter}", expression(&node.target));
                self.block(node.span(), &words, &node.body, "{% endset %}");
            }
            Stmt::AutoEscape(node) => {
                let words = format!("autoescape {}", expression(&node.enabled));
                self.block(node.span(), &words, &node.body, "{% endautoescape %}");
            }
            Stmt::FilterBlock(node) => {
                let words = format!("filter {}", filters(&node.filter));
                self.block(node.span(), &words, &node.body, "{% endfilter %}");
            }
            Stmt::Block(node) => {
                let required = if node.required { " required" } else { "" };
                let words = format!("block {}{required}", node.name);
                self.block(node.span(), &words, &node.body, "{% endblock %}");
            }
            Stmt::Import(node) => {
                let words = format!("import {} as {}", expression(&node.expr), expression(&node.name));
                self.tag(node.span(), &words);
            }
            Stmt::FromImport(node) => {
                let names: Vec<String> = node
                    .names
                    .iter()
                    .map(|(name, alias)| match alias {
                        Some(alias) => format!("{} as {}", expression(name), expression(alias)),
                        None => expression(name),
                    })
                    .collect();
                let words = format!("from {} import {}", expression(&node.expr), names.join(", "));
                self.tag(node.span(), &words);
            }
            Stmt::Extends(node) => self.tag(node.span(), &format!("extends {}", expression(&node.name))),
            Stmt::Include(node) => {
                let missing = if node.ignore_missing {
                    " ignore missing"
                } else {
                    ""
                };
                self.tag(
                    node.span(),
                    &format!("include {}{missing}", expression(&node.name)),
                );
            }
            Stmt::Macro(node) => {
                let words = format!("macro {}({})", node.name, parameters(node));
                self.block(node.span(), &words, &node.body, "{% endmacro %}");
            }
            Stmt::CallBlock(node) => {
                let declaration = &node.macro_decl;
                let words = format!("call({}) {}", parameters(declaration), call(&node.call));
                self.block(node.span(), &words, &declaration.body, "{% endcall %}");
            }
            Stmt::Continue(node) => self.tag(node.span(), "continue"),
            Stmt::Break(node) => self.tag(node.span(), "break"),
            Stmt::Do(node) => self.tag(node.span(), &format!("do {}", call(&node.call))),
        }
    }

    /// Text that is no template, though it may look like one.
    fn raw(&mut self, text: &str) {
        if text.contains("{%") && text.contains("endraw") {
            self.push(&format!("{{{{ {} }}}}", quoted(text)));
        } else if ["{{", "{%", "{#"].iter().any(|begin| text.contains(begin)) || text.ends_with('{') {
            self.push("{% raw %}");
            self.push(text);
            self.push("{% endraw %}");
        } else {
            self.push(text);
        }
    }
}

fn parameters(node: &Spanned<Macro<'_>>) -> String {
    let required = node.args.len() - node.defaults.len();
    let parameters: Vec<String> = node
        .args
        .iter()
        .enumerate()
        .map(|(index, name)| {
            let default = index
                .checked_sub(required)
                .and_then(|index| node.defaults.get(index));
            match default {
                Some(default) => format!("{}={}", expression(name), expression(default)),
                None => expression(name),
            }
        })
        .collect();
    parameters.join(", ")
}

/// The filters of a block, without a value before them.
fn filters(node: &Expr<'_>) -> String {
    match node {
        Expr::Filter(node) => {
            let own = format!("{}{}", node.name, in_parentheses(&node.args));
            match &node.expr {
                Some(inner) => format!("{} | {own}", filters(inner)),
                None => own,
            }
        }
        other => expression(other),
    }
}

fn in_parentheses(list: &[CallArg<'_>]) -> String {
    if list.is_empty() {
        String::new()
    } else {
        format!("({})", arguments(list))
    }
}

fn arguments(list: &[CallArg<'_>]) -> String {
    let list: Vec<String> = list
        .iter()
        .map(|argument| match argument {
            CallArg::Pos(value) => expression(value),
            CallArg::Kwarg(name, value) => format!("{name}={}", expression(value)),
            CallArg::PosSplat(value) => format!("*{}", expression(value)),
            CallArg::KwargSplat(value) => format!("**{}", expression(value)),
        })
        .collect();
    list.join(", ")
}

fn call(node: &Spanned<Call<'_>>) -> String {
    format!("{}({})", expression(&node.expr), arguments(&node.args))
}

fn expressions(list: &[Expr<'_>]) -> Vec<String> {
    list.iter().map(expression).collect()
}

/// What is assigned to.
fn target(node: &Expr<'_>) -> String {
    let items = match node {
        Expr::Tuple(node) => &node.items,
        Expr::List(node) => &node.items,
        other => return expression(other),
    };
    let items: Vec<String> = items.iter().map(|item| target(item) + ",").collect();
    format!("({})", items.join(" "))
}

/// An expression, with parentheses wherever it could belong to what stands beside it.
fn expression(node: &Expr<'_>) -> String {
    let optional = |node: &Option<Expr<'_>>| node.as_ref().map_or_else(String::new, expression);
    match node {
        Expr::Var(node) => node.id.to_owned(),
        Expr::Const(node) => constant(&node.value),
        Expr::Slice(node) => format!(
            "{}[{}:{}:{}]",
            expression(&node.expr),
            optional(&node.start),
            optional(&node.stop),
            optional(&node.step)
        ),
        Expr::UnaryOp(node) => {
            let operator = match node.op {
                UnaryOpKind::Not => "not ",
                UnaryOpKind::Neg => "-",
            };
            format!("({operator}{})", expression(&node.expr))
        }
        Expr::BinOp(node) => format!(
            "({} {} {})",
            expression(&node.left),
            operator(node.op),
            expression(&node.right)
        ),
        Expr::Compare(node) => {
            let steps = node
                .ops
                .iter()
                .map(|step| format!(" {} {}", comparison(step.op), expression(&step.expr)));
            let text = expression(&node.expr) + &steps.collect::<String>();
            format!("({text})")
        }
        Expr::IfExpr(node) => {
            let otherwise = node
                .false_expr
                .as_ref()
                .map_or_else(String::new, |other| format!(" else {}", expression(other)));
            format!(
                "({} if {}{otherwise})",
                expression(&node.true_expr),
                expression(&node.test_expr)
            )
        }
        Expr::Filter(node) => format!(
            "({}|{}{})",
            optional(&node.expr),
            node.name,
            in_parentheses(&node.args)
        ),
        Expr::Test(node) => format!(
            "({} is {}{})",
            expression(&node.expr),
            node.name,
            in_parentheses(&node.args)
        ),
        Expr::GetAttr(node) => format!("{}.{}", expression(&node.expr), node.name),
        Expr::GetItem(node) => format!("{}[{}]", expression(&node.expr), expression(&node.subscript_expr)),
        Expr::Call(node) => call(node),
        Expr::List(node) => format!("[{}]", expressions(&node.items).join(", ")),
        Expr::Tuple(node) => match expressions(&node.items).as_slice() {
            [only] => format!("({only},)"),
            items => format!("({})", items.join(", ")),
        },
        Expr::Map(node) => {
            let pairs: Vec<String> = node
                .keys
                .iter()
                .zip(&node.values)
                .map(|(key, value)| format!("{}: {}", expression(key), expression(value)))
                .collect();
            format!("{{{}}}", pairs.join(", "))
        }
    }
}

fn operator(kind: BinOpKind) -> &'static str {
    match kind {
        BinOpKind::Eq => "==",
        BinOpKind::Ne => "!=",
        BinOpKind::Lt => "<",
        BinOpKind::Lte => "<=",
        BinOpKind::Gt => ">",
        BinOpKind::Gte => ">=",
        BinOpKind::ScAnd => "and",
        BinOpKind::ScOr => "or",
        BinOpKind::Add => "+",
        BinOpKind::Sub => "-",
        BinOpKind::Mul => "*",
        BinOpKind::Div => "/",
        BinOpKind::FloorDiv => "//",
        BinOpKind::Rem => "%",
        BinOpKind::Pow => "**",
        BinOpKind::Concat => "~",
        BinOpKind::In => "in",
    }
}

fn comparison(kind: CompareOpKind) -> &'static str {
    match kind {
        CompareOpKind::Eq => "==",
        CompareOpKind::Ne => "!=",
        CompareOpKind::Lt => "<",
        CompareOpKind::Lte => "<=",
        CompareOpKind::Gt => ">",
        CompareOpKind::Gte => ">=",
        CompareOpKind::In => "in",
        CompareOpKind::NotIn => "not in",
    }
}

/// A constant: what a parser made of a literal, or a list of such.
fn constant(value: &Value) -> String {
    match value.kind() {
        ValueKind::String => quoted(value.as_str().unwrap_or_default()),
        ValueKind::Seq => {
            let items: Vec<String> = value
                .try_iter()
                .into_iter()
                .flatten()
                .map(|item| constant(&item))
                .collect();
            format!("[{}]", items.join(", "))
        }
        ValueKind::None => "none".to_owned(),
        ValueKind::Number if value.is_integer() => format!("({value})"),
        // `{:?}` keeps the point that makes it a float.
        ValueKind::Number => match f64::try_from(value.clone()) {
            Ok(number) if number.is_finite() => format!("({number:?})"),
            // No literal is nothing but too large.
            _ => "1e999".to_owned(),
        },
        _ => value.to_string(),
    }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted.push('"');
    quoted
}
