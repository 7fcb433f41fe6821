//! Why a program has no value.

use rsjsonnet_lang::ast::{BinaryOp, UnaryOp};
use rsjsonnet_lang::program::{EvalErrorKind as E, EvalErrorValueType, EvalStackTraceItem as Item};
use rsjsonnet_lang::span::SpanId;

/// The words.
pub(super) fn message(kind: &E, max_stack: usize) -> String {
    match kind {
        E::StackOverflow => format!(
            "more than {max_stack} calls are under way: this is a recursion without end, or else `maxStack` has to be raised"
        ),
        E::InfiniteRecursion => "the value depends on itself".to_owned(),
        E::InvalidIndexedType { got_type, .. } => format!("{} has nothing to index", a(*got_type)),
        E::InvalidSlicedType { got_type, .. } => format!("{} can't be sliced", a(*got_type)),
        E::SliceIndexOrStepIsNotNumber { got_type, .. } => {
            format!("a slice takes numbers, not {}", a(*got_type))
        }
        E::StringIndexIsNotNumber { got_type, .. } => {
            format!("a string is indexed by a number, not {}", a(*got_type))
        }
        E::ArrayIndexIsNotNumber { got_type, .. } => {
            format!("an array is indexed by a number, not {}", a(*got_type))
        }
        E::NumericIndexIsNotValid { index, .. } => format!("`{index}` is no index"),
        E::NumericIndexOutOfRange { index, length, .. } => {
            format!("the index {index} is out of range: there are {length}")
        }
        E::ObjectIndexIsNotString { got_type, .. } => {
            format!("an object is indexed by a string, not {}", a(*got_type))
        }
        E::RepeatedFieldName { name, .. } => format!("the field `{name}` is defined twice"),
        E::FieldNameIsNotString { got_type, .. } => {
            format!("the name of a field is a string, not {}", a(*got_type))
        }
        E::UnknownObjectField { field_name, .. } => format!("the object has no field `{field_name}`"),
        E::FieldOfNonObject { .. } => "only an object has fields".to_owned(),
        E::SuperWithoutSuperObject { .. } => "there is no object that `super` could mean".to_owned(),
        E::ForSpecValueIsNotArray { got_type, .. } => format!("`for` takes an array, not {}", a(*got_type)),
        E::CondIsNotBool { got_type, .. } => format!("a condition is a boolean, not {}", a(*got_type)),
        E::CalleeIsNotFunction { got_type, .. } => format!("{} can't be called", a(*got_type)),
        E::TooManyCallArgs { num_params, .. } => {
            format!("there are more arguments than the {num_params} parameters of the function")
        }
        E::UnknownCallParam { span, param_name } => match span {
            Some(_) => format!("the function has no parameter `{param_name}`"),
            None => format!("the program has no parameter `{param_name}`, which `tlas` sets"),
        },
        E::RepeatedCallParam { param_name, .. } => format!("the argument `{param_name}` is given twice"),
        E::CallParamNotBound { span, param_name } => match span {
            Some(_) => format!("the argument `{param_name}` is missing"),
            None => format!("the program's parameter `{param_name}` has no value; set it in `tlas`"),
        },
        E::NativeCallFailed => "there are no native functions".to_owned(),
        E::InvalidUnaryOpType { op, rhs_type, .. } => {
            format!("`{}` does not apply to {}", unary(*op), a(*rhs_type))
        }
        E::InvalidBinaryOpTypes { op, lhs_type, rhs_type, .. } => {
            format!("`{}` does not apply to {} and {}", binary(*op), a(*lhs_type), a(*rhs_type))
        }
        E::NumberNotBitwiseSafe { .. } => "the number is too large for operations on bits".to_owned(),
        E::NumberOverflow { .. } => "the number is too large".to_owned(),
        E::NumberNan { .. } => "the result is not a number".to_owned(),
        E::DivByZero { .. } => "division by zero".to_owned(),
        E::ShiftByNegative { .. } => "a shift by less than zero".to_owned(),
        E::InvalidStdFuncArgType { func_name, arg_index, expected_types, got_type } => {
            let expected: Vec<_> = expected_types.iter().map(|expected| a(*expected)).collect();
            format!(
                "argument {} of `std.{func_name}` is {}; it takes {}",
                arg_index + 1,
                a(*got_type),
                expected.join(" or ")
            )
        }
        E::AssertFailed { message: Some(message), .. } => format!("assertion failed: {message}"),
        E::AssertFailed { message: None, .. } => "assertion failed".to_owned(),
        E::AssertEqualFailed { lhs, rhs } => format!("assertion failed: {lhs} is not {rhs}"),
        E::ExplicitError { message, .. } | E::Other { message, .. } => message.clone(),
        E::ImportFailed { path, .. } => format!("`{path}` can't be imported"),
        E::UnknownExtVar { name } => {
            format!("there is no external variable `{name}`; set it in `extVars`")
        }
        E::ManifestFunction => {
            "is a function, which no manifest can hold; call it, or hide the field with `::`".to_owned()
        }
        E::CompareNullInequality => "nulls have no order".to_owned(),
        E::CompareBooleanInequality => "booleans have no order".to_owned(),
        E::CompareObjectInequality => "objects have no order".to_owned(),
        E::CompareFunctions => "functions can't be compared".to_owned(),
        E::CompareDifferentTypesInequality { lhs_type, rhs_type } => {
            format!("{} and {} have no order", a(*lhs_type), a(*rhs_type))
        }
        E::PrimitiveEqualsNonPrimitive { got_type } => {
            format!("`std.primitiveEquals` does not take {}", a(*got_type))
        }
    }
}

fn unary(operator: UnaryOp) -> &'static str {
    match operator {
        UnaryOp::Minus => "-",
        UnaryOp::Plus => "+",
        UnaryOp::BitwiseNot => "~",
        UnaryOp::LogicNot => "!",
    }
}

fn binary(operator: BinaryOp) -> &'static str {
    match operator {
        BinaryOp::Add => "+",
        BinaryOp::Sub => "-",
        BinaryOp::Mul => "*",
        BinaryOp::Div => "/",
        BinaryOp::Rem => "%",
        BinaryOp::Shl => "<<",
        BinaryOp::Shr => ">>",
        BinaryOp::Lt => "<",
        BinaryOp::Le => "<=",
        BinaryOp::Gt => ">",
        BinaryOp::Ge => ">=",
        BinaryOp::Eq => "==",
        BinaryOp::Ne => "!=",
        BinaryOp::In => "in",
        BinaryOp::BitwiseAnd => "&",
        BinaryOp::BitwiseOr => "|",
        BinaryOp::BitwiseXor => "^",
        BinaryOp::LogicAnd => "&&",
        BinaryOp::LogicOr => "||",
    }
}

fn a(kind: EvalErrorValueType) -> &'static str {
    match kind {
        EvalErrorValueType::Null => "null",
        EvalErrorValueType::Bool => "a boolean",
        EvalErrorValueType::Number => "a number",
        EvalErrorValueType::String => "a string",
        EvalErrorValueType::Array => "an array",
        EvalErrorValueType::Object => "an object",
        EvalErrorValueType::Function => "a function",
    }
}

/// Where an error says that it is.
pub(super) fn span(kind: &E) -> Option<SpanId> {
    match kind {
        E::InvalidIndexedType { span, .. }
        | E::InvalidSlicedType { span, .. }
        | E::SliceIndexOrStepIsNotNumber { span, .. }
        | E::StringIndexIsNotNumber { span, .. }
        | E::ArrayIndexIsNotNumber { span, .. }
        | E::NumericIndexIsNotValid { span, .. }
        | E::NumericIndexOutOfRange { span, .. }
        | E::ObjectIndexIsNotString { span, .. }
        | E::RepeatedFieldName { span, .. }
        | E::FieldNameIsNotString { span, .. }
        | E::UnknownObjectField { span, .. }
        | E::FieldOfNonObject { span }
        | E::SuperWithoutSuperObject { span }
        | E::ForSpecValueIsNotArray { span, .. }
        | E::CondIsNotBool { span, .. }
        | E::InvalidUnaryOpType { span, .. }
        | E::AssertFailed { span, .. }
        | E::ExplicitError { span, .. }
        | E::ImportFailed { span, .. } => Some(*span),
        E::CalleeIsNotFunction { span, .. }
        | E::TooManyCallArgs { span, .. }
        | E::UnknownCallParam { span, .. }
        | E::RepeatedCallParam { span, .. }
        | E::CallParamNotBound { span, .. }
        | E::InvalidBinaryOpTypes { span, .. }
        | E::NumberNotBitwiseSafe { span }
        | E::NumberOverflow { span }
        | E::NumberNan { span }
        | E::DivByZero { span }
        | E::ShiftByNegative { span }
        | E::Other { span, .. } => *span,
        _ => None,
    }
}

/// What led to an error, if it is in a file.
pub(super) fn frame(item: &Item) -> Option<(SpanId, String)> {
    match item {
        Item::Call { span: Some(span), name: Some(name) } => {
            Some((*span, format!("called from here: `{name}`")))
        }
        Item::Call { span: Some(span), name: None } => Some((*span, "called from here".to_owned())),
        Item::Variable { span, name } => Some((*span, format!("the variable `{name}` is needed here"))),
        Item::ObjectField { span: Some(span), name } => {
            Some((*span, format!("the field `{name}` is needed here")))
        }
        Item::ArrayItem { span: Some(span), index } => Some((*span, format!("item {index} is needed here"))),
        Item::Import { span } => Some((*span, "imported here".to_owned())),
        _ => None,
    }
}
