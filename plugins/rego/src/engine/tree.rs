//! Walks the engine's tree of a module, and shows the references, variables
//! and calls in it.

use regorus::unstable::{AssignOp, Expr, Literal, Module, Query, Rule, RuleAssign, RuleHead, Span};

/// What a walk comes by.
pub(super) enum Node<'a> {
    /// A whole reference, such as `data.a[x].b`, from its root.
    Reference(&'a Expr),
    /// A variable that is not the root of a reference.
    Variable(&'a Span),
    /// A call of a function with so many arguments.
    Call(&'a Expr, usize),
    /// A statement that negates an expression, and where it stands.
    Negated(&'a Expr, &'a Span),
    /// A variable that is declared here, whatever else has its name.
    Declared(&'a Span),
}

type See<'a, 's> = &'s mut dyn FnMut(Node<'a>);

/// One step of a reference: its text where it is written there, nothing where
/// it is computed.
pub(super) type Step = Option<String>;

/// Shows what stands in a module's rules.
pub(super) fn walk_module<'a>(module: &'a Module, see: See<'a, '_>) {
    for rule in &module.policy {
        walk_rule(rule.as_ref(), see);
    }
}

/// Shows what stands in a rule.
pub(super) fn walk_rule<'a>(rule: &'a Rule, see: See<'a, '_>) {
    match rule {
        Rule::Spec { head, bodies, .. } => {
            walk_head(head, see);
            for body in bodies {
                walk_assign(body.assign.as_ref(), see);
                walk_query(body.query.as_ref(), see);
            }
        }
        Rule::Default { value, .. } => walk(value.as_ref(), see),
    }
}

/// Shows what stands in the key, the value and the arguments of a head. The
/// rule's own name is none of it.
fn walk_head<'a>(head: &'a RuleHead, see: See<'a, '_>) {
    match head {
        RuleHead::Compr { refr, assign, .. } => {
            walk_indices(refr.as_ref(), see);
            walk_assign(assign.as_ref(), see);
        }
        RuleHead::Set { refr, key, .. } => {
            walk_indices(refr.as_ref(), see);
            if let Some(key) = key {
                walk(key.as_ref(), see);
            }
        }
        RuleHead::Func { args, assign, .. } => {
            for argument in args {
                declare(argument.as_ref(), see);
                walk(argument.as_ref(), see);
            }
            walk_assign(assign.as_ref(), see);
        }
    }
}

fn walk_assign<'a>(assign: Option<&'a RuleAssign>, see: See<'a, '_>) {
    if let Some(assign) = assign {
        walk(assign.value.as_ref(), see);
    }
}

/// Shows what stands in a body.
pub(super) fn walk_query<'a>(query: &'a Query, see: See<'a, '_>) {
    for statement in &query.stmts {
        match &statement.literal {
            Literal::SomeVars { vars, .. } => {
                for var in vars {
                    see(Node::Declared(var));
                    see(Node::Variable(var));
                }
            }
            Literal::SomeIn { key, value, collection, .. } => {
                if let Some(key) = key {
                    declare(key.as_ref(), see);
                    walk(key.as_ref(), see);
                }
                declare(value.as_ref(), see);
                walk(value.as_ref(), see);
                walk(collection.as_ref(), see);
            }
            Literal::Expr { expr, .. } => walk(expr.as_ref(), see),
            Literal::NotExpr { span, expr } => {
                if statement.with_mods.is_empty() {
                    see(Node::Negated(expr.as_ref(), span));
                }
                walk(expr.as_ref(), see);
            }
            Literal::Every { key, value, domain, query, .. } => {
                for var in key.iter().chain([value]) {
                    see(Node::Declared(var));
                    see(Node::Variable(var));
                }
                walk(domain.as_ref(), see);
                walk_query(query.as_ref(), see);
            }
        }
        for modifier in &statement.with_mods {
            walk(modifier.refr.as_ref(), see);
            walk(modifier.r#as.as_ref(), see);
        }
    }
}

/// Shows what stands in an expression.
pub(super) fn walk<'a>(expr: &'a Expr, see: See<'a, '_>) {
    match expr {
        Expr::String { .. }
        | Expr::RawString { .. }
        | Expr::Number { .. }
        | Expr::Bool { .. }
        | Expr::Null { .. } => {}
        Expr::Var { span, .. } => see(Node::Variable(span)),
        Expr::Array { items, .. } | Expr::Set { items, .. } => {
            for item in items {
                walk(item.as_ref(), see);
            }
        }
        Expr::Object { fields, .. } => {
            for (_, key, value) in fields {
                walk(key.as_ref(), see);
                walk(value.as_ref(), see);
            }
        }
        Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => {
            walk(term.as_ref(), see);
            walk_query(query.as_ref(), see);
        }
        Expr::ObjectCompr { key, value, query, .. } => {
            walk(key.as_ref(), see);
            walk(value.as_ref(), see);
            walk_query(query.as_ref(), see);
        }
        Expr::Call { fcn, params, .. } => {
            see(Node::Call(fcn.as_ref(), params.len()));
            for param in params {
                walk(param.as_ref(), see);
            }
        }
        Expr::UnaryExpr { expr, .. } => walk(expr.as_ref(), see),
        Expr::RefDot { .. } | Expr::RefBrack { .. } => {
            see(Node::Reference(expr));
            let root = walk_indices(expr, see);
            if !matches!(root, Expr::Var { .. }) {
                walk(root, see);
            }
        }
        Expr::AssignExpr { op, lhs, rhs, .. } => {
            if matches!(op, AssignOp::ColEq) {
                declare(lhs.as_ref(), see);
            }
            walk(lhs.as_ref(), see);
            walk(rhs.as_ref(), see);
        }
        Expr::BinExpr { lhs, rhs, .. }
        | Expr::BoolExpr { lhs, rhs, .. }
        | Expr::ArithExpr { lhs, rhs, .. } => {
            walk(lhs.as_ref(), see);
            walk(rhs.as_ref(), see);
        }
        Expr::Membership { key, value, collection, .. } => {
            if let Some(key) = key {
                walk(key.as_ref(), see);
            }
            walk(value.as_ref(), see);
            walk(collection.as_ref(), see);
        }
    }
}

/// Shows the variables of a pattern as declared.
fn declare<'a>(pattern: &'a Expr, see: See<'a, '_>) {
    let mut spans = Vec::new();
    collect(pattern, &mut spans);
    for span in spans {
        see(Node::Declared(span));
    }
}

/// Shows what stands in the brackets of a reference, and gives its root.
fn walk_indices<'a>(reference: &'a Expr, see: See<'a, '_>) -> &'a Expr {
    let mut expr = reference;
    loop {
        match expr {
            Expr::RefDot { refr, .. } => expr = refr.as_ref(),
            Expr::RefBrack { refr, index, .. } => {
                walk(index.as_ref(), see);
                expr = refr.as_ref();
            }
            root => return root,
        }
    }
}

/// The steps of a reference from its root, which is a variable.
pub(super) fn steps(reference: &Expr) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut expr = reference;
    loop {
        match expr {
            Expr::RefDot { refr, field, .. } => {
                steps.push(Some(field.0.text().to_owned()));
                expr = refr.as_ref();
            }
            Expr::RefBrack { refr, index, .. } => {
                steps.push(match index.as_ref() {
                    Expr::String { value, .. } | Expr::RawString { value, .. } => {
                        value.as_string().ok().map(|text| text.as_ref().to_owned())
                    }
                    _ => None,
                });
                expr = refr.as_ref();
            }
            Expr::Var { span, .. } => {
                steps.push(Some(span.text().to_owned()));
                steps.reverse();
                return Some(steps);
            }
            _ => return None,
        }
    }
}

/// The same where every step is written there.
pub(super) fn path(reference: &Expr) -> Option<Vec<String>> {
    steps(reference)?.into_iter().collect()
}

/// The variables that a rule gives with its head: in its key and its value, but
/// not in comprehensions there, which bind their own.
pub(super) fn outputs(head: &RuleHead) -> Vec<&Span> {
    let mut spans = Vec::new();
    match head {
        RuleHead::Compr { refr, assign, .. } => {
            if let Expr::RefBrack { index, .. } = refr.as_ref() {
                collect(index.as_ref(), &mut spans);
            }
            if let Some(assign) = assign {
                collect(assign.value.as_ref(), &mut spans);
            }
        }
        RuleHead::Set { key, .. } => {
            if let Some(key) = key {
                collect(key.as_ref(), &mut spans);
            }
        }
        RuleHead::Func { assign, .. } => {
            if let Some(assign) = assign {
                collect(assign.value.as_ref(), &mut spans);
            }
        }
    }
    spans
}

fn collect<'a>(expr: &'a Expr, spans: &mut Vec<&'a Span>) {
    match expr {
        Expr::Var { span, .. } => spans.push(span),
        Expr::Array { items, .. } | Expr::Set { items, .. } | Expr::Call { params: items, .. } => {
            for item in items {
                collect(item.as_ref(), spans);
            }
        }
        Expr::Object { fields, .. } => {
            for (_, key, value) in fields {
                collect(key.as_ref(), spans);
                collect(value.as_ref(), spans);
            }
        }
        _ => {}
    }
}
