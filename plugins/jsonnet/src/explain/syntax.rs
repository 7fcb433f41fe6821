//! What is wrong with a text.

use rsjsonnet_lang::lexer::LexError;
use rsjsonnet_lang::parser::{ActualToken, ExpectedToken, ParseError};
use rsjsonnet_lang::program::{AnalyzeError, LoadError};
use rsjsonnet_lang::span::SpanId;
use rsjsonnet_lang::token::STokenKind;

/// The most that is said of what might stand in a place.
const MAX_EXPECTED: usize = 8;

/// The words, and where it is.
pub(super) fn explain(error: &LoadError) -> (String, SpanId) {
    match error {
        LoadError::Lex(error) => (lex(error), lex_span(error)),
        LoadError::Parse(error) => {
            let ParseError::Expected { span, .. } = error;
            (parse(error), *span)
        }
        LoadError::Analyze(error) => (analyze(error), analyze_span(error)),
    }
}

fn lex(error: &LexError) -> String {
    match error {
        LexError::InvalidChar { chr, .. } => {
            format!("the character `{}` has no meaning here", chr.escape_debug())
        }
        LexError::InvalidUtf8 { .. } => "is not UTF-8 here".to_owned(),
        LexError::UnfinishedMultilineComment { .. } => "the comment is not ended with `*/`".to_owned(),
        LexError::LeadingZeroInNumber { .. } => "a number does not begin with 0".to_owned(),
        LexError::MissingFracDigits { .. } => "digits are missing after the `.` of the number".to_owned(),
        LexError::MissingExpDigits { .. } => "digits are missing after the `e` of the number".to_owned(),
        LexError::MissingDigitAfterUnderscore { .. } => {
            "a digit is missing after the `_` of the number".to_owned()
        }
        LexError::ExpOverflow { .. } => "the exponent of the number is too large".to_owned(),
        LexError::InvalidEscapeInString { chr, .. } => {
            format!("`\\{}` is no escape of a string; write `\\\\` for a backslash", chr.escape_debug())
        }
        LexError::IncompleteUnicodeEscape { .. } => "`\\u` needs four hexadecimal digits".to_owned(),
        LexError::InvalidUtf16EscapeSequence { .. } => "the `\\u` escape is no character".to_owned(),
        LexError::UnfinishedString { .. } => "the string is not ended".to_owned(),
        LexError::MissingLineBreakAfterTextBlockStart { .. } => "a line break must follow `|||`".to_owned(),
        LexError::MissingWhitespaceTextBlockStart { .. } => {
            "the first line of a text block must be indented".to_owned()
        }
        LexError::InvalidTextBlockTermination { .. } => {
            "the text block is not ended with `|||` on a line that is indented less".to_owned()
        }
    }
}

fn parse(error: &ParseError) -> String {
    let ParseError::Expected { expected, instead, .. } = error;
    let mut words: Vec<_> = expected.iter().take(MAX_EXPECTED).copied().map(expected_token).collect();
    if expected.len() > MAX_EXPECTED {
        words.push("something else".to_owned());
    }
    let expected = match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, first)) => format!("{} or {last}", first.join(", ")),
        None => "something else".to_owned(),
    };
    format!("expected {expected}, found {}", actual_token(instead))
}

fn expected_token(token: ExpectedToken) -> String {
    match token {
        ExpectedToken::EndOfFile => "the end of the file".to_owned(),
        ExpectedToken::Simple(token) => simple_token(token),
        ExpectedToken::Ident => "a name".to_owned(),
        ExpectedToken::Number => "a number".to_owned(),
        ExpectedToken::String => "a string".to_owned(),
        ExpectedToken::TextBlock => "a text block".to_owned(),
        ExpectedToken::Expr => "an expression".to_owned(),
        ExpectedToken::BinaryOp => "an operator".to_owned(),
    }
}

fn actual_token(token: &ActualToken) -> String {
    match token {
        ActualToken::EndOfFile => "the end of the file".to_owned(),
        ActualToken::Simple(token) => simple_token(*token),
        ActualToken::OtherOp(operator) => format!("`{}`", operator.escape_debug()),
        ActualToken::Ident(name) => format!("the name `{name}`"),
        ActualToken::Number => "a number".to_owned(),
        ActualToken::String => "a string".to_owned(),
        ActualToken::TextBlock => "a text block".to_owned(),
    }
}

fn simple_token(token: STokenKind) -> String {
    use STokenKind as T;
    let text = match token {
        T::Self_ => "self",
        T::Exclam => "!",
        T::ExclamEq => "!=",
        T::Dollar => "$",
        T::Percent => "%",
        T::Amp => "&",
        T::AmpAmp => "&&",
        T::LeftParen => "(",
        T::RightParen => ")",
        T::Asterisk => "*",
        T::Plus => "+",
        T::PlusColon => "+:",
        T::PlusColonColon => "+::",
        T::PlusColonColonColon => "+:::",
        T::Comma => ",",
        T::Minus => "-",
        T::Dot => ".",
        T::Slash => "/",
        T::Colon => ":",
        T::ColonColon => "::",
        T::ColonColonColon => ":::",
        T::Semicolon => ";",
        T::Lt => "<",
        T::LtLt => "<<",
        T::LtEq => "<=",
        T::Eq => "=",
        T::EqEq => "==",
        T::Gt => ">",
        T::GtEq => ">=",
        T::GtGt => ">>",
        T::LeftBracket => "[",
        T::RightBracket => "]",
        T::Hat => "^",
        T::LeftBrace => "{",
        T::Pipe => "|",
        T::PipePipe => "||",
        T::RightBrace => "}",
        T::Tilde => "~",
        // Debug has the keywords by their own names, which are written small.
        keyword => return format!("`{}`", format!("{keyword:?}").to_lowercase()),
    };
    format!("`{text}`")
}

fn analyze(error: &AnalyzeError) -> String {
    match error {
        AnalyzeError::UnknownVariable { name, .. } => format!("there is no variable `{name}`"),
        AnalyzeError::SelfOutsideObject { .. } => "`self` stands outside of any object".to_owned(),
        AnalyzeError::SuperOutsideObject { .. } => "`super` stands outside of any object".to_owned(),
        AnalyzeError::DollarOutsideObject { .. } => "`$` stands outside of any object".to_owned(),
        AnalyzeError::RepeatedLocalName { name, .. } => format!("the variable `{name}` is defined twice"),
        AnalyzeError::RepeatedFieldName { name, .. } => format!("the field `{name}` is defined twice"),
        AnalyzeError::RepeatedParamName { name, .. } => format!("the parameter `{name}` stands twice"),
        AnalyzeError::PositionalArgAfterNamed { .. } => {
            "an argument without a name follows one with a name".to_owned()
        }
        AnalyzeError::TextBlockAsImportPath { .. } => "an import takes a string, not a text block".to_owned(),
        AnalyzeError::ComputedImportPath { .. } => {
            "an import takes a string as it is, not an expression".to_owned()
        }
    }
}

fn lex_span(error: &LexError) -> SpanId {
    match error {
        LexError::InvalidChar { span, .. }
        | LexError::InvalidUtf8 { span, .. }
        | LexError::UnfinishedMultilineComment { span }
        | LexError::LeadingZeroInNumber { span }
        | LexError::MissingFracDigits { span }
        | LexError::MissingExpDigits { span }
        | LexError::MissingDigitAfterUnderscore { span }
        | LexError::ExpOverflow { span }
        | LexError::InvalidEscapeInString { span, .. }
        | LexError::IncompleteUnicodeEscape { span }
        | LexError::InvalidUtf16EscapeSequence { span, .. }
        | LexError::UnfinishedString { span }
        | LexError::MissingLineBreakAfterTextBlockStart { span }
        | LexError::MissingWhitespaceTextBlockStart { span }
        | LexError::InvalidTextBlockTermination { span } => *span,
    }
}

fn analyze_span(error: &AnalyzeError) -> SpanId {
    match error {
        AnalyzeError::UnknownVariable { span, .. }
        | AnalyzeError::TextBlockAsImportPath { span }
        | AnalyzeError::ComputedImportPath { span }
        | AnalyzeError::SelfOutsideObject { self_span: span }
        | AnalyzeError::SuperOutsideObject { super_span: span }
        | AnalyzeError::DollarOutsideObject { dollar_span: span }
        | AnalyzeError::RepeatedLocalName { repeated_span: span, .. }
        | AnalyzeError::RepeatedFieldName { repeated_span: span, .. }
        | AnalyzeError::RepeatedParamName { repeated_span: span, .. }
        | AnalyzeError::PositionalArgAfterNamed { arg_span: span } => *span,
    }
}
