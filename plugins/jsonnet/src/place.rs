//! Where something stands in the program's value: `$.web.items[3]`.

use std::fmt;

/// From a value to one in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Key(String),
    Index(usize),
}

/// From the program's value to one in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place(pub(crate) Vec<Step>);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("$")?;
        for step in &self.0 {
            match step {
                Step::Key(key) if is_identifier(key) => write!(f, ".{key}")?,
                Step::Key(key) => write!(f, "['{key}']")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

fn is_identifier(key: &str) -> bool {
    key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && key.bytes().next().is_some_and(|first| !first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_like_the_expression_that_leads_there() {
        let key = |key: &str| Step::Key(key.to_owned());
        let place = Place(vec![key("prometheus"), key("items"), Step::Index(3), key("a-b.yaml"), key("")]);
        assert_eq!(place.to_string(), "$.prometheus.items[3]['a-b.yaml']['']");
        assert_eq!(Place::default().to_string(), "$");
    }
}
