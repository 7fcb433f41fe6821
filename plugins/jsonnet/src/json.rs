//! Between the values of a program and JSON.

use rsjsonnet_lang::program::{Program, Value as Evaluated, ValueKind};
use serde_json::{Map, Number, Value};

use crate::place::{Place, Step};

/// How deep the program's value may nest: what leads to an object, and the
/// object, of which what reads JSON later takes 128 levels.
const MAX_DEPTH: usize = 120;
/// Values in all. One that the program holds once, and refers to often, counts
/// as often as it is printed.
const MAX_VALUES: usize = 1_000_000;

/// Makes a value of the program of a setting.
pub(crate) fn to_program<'p>(program: &mut Program<'p>, value: &Value) -> Evaluated<'p> {
    match value {
        Value::Null => Evaluated::null(),
        Value::Bool(value) => Evaluated::bool(*value),
        // Every number of Jsonnet is of this type, and JSON has none that is not finite.
        Value::Number(value) => Evaluated::number(value.as_f64().unwrap_or_default()),
        Value::String(value) => Evaluated::string(value),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| to_program(program, item)).collect();
            program.make_array(&items)
        }
        Value::Object(fields) => {
            let fields: Vec<_> = fields
                .iter()
                .map(|(key, value)| (program.intern_str(key), to_program(program, value)))
                .collect();
            program.make_object(&fields)
        }
    }
}

/// Makes JSON of the program's value, keys in their order.
///
/// # Errors
/// Where in the value something is that can't be JSON, and why.
pub(crate) fn from_program(value: &Evaluated<'_>) -> Result<Value, (Place, String)> {
    let mut reader = Reader { place: Place::default(), left: MAX_VALUES };
    let read = reader.read(value);
    read.map_err(|message| (reader.place, message))
}

struct Reader {
    place: Place,
    left: usize,
}

impl Reader {
    fn read(&mut self, value: &Evaluated<'_>) -> Result<Value, String> {
        self.left = self
            .left
            .checked_sub(1)
            .ok_or_else(|| format!("the program's value has more than {MAX_VALUES} values"))?;
        if self.place.0.len() > MAX_DEPTH {
            return Err(format!("nests deeper than {MAX_DEPTH} levels"));
        }
        Ok(match value.kind() {
            ValueKind::Null => Value::Null,
            ValueKind::Bool(value) => Value::Bool(value),
            ValueKind::Number(value) => Value::Number(number(value)),
            ValueKind::String(value) => Value::String(value),
            ValueKind::Array(items) => {
                let mut array = Vec::with_capacity(items.len().min(self.left));
                for (index, item) in items.iter().enumerate() {
                    array.push(self.read_at(Step::Index(index), item)?);
                }
                Value::Array(array)
            }
            ValueKind::Object(fields) => {
                let mut object = Map::new();
                for (key, value) in &fields {
                    let key = key.value();
                    object.insert(key.to_owned(), self.read_at(Step::Key(key.to_owned()), value)?);
                }
                object.sort_keys();
                Value::Object(object)
            }
            ValueKind::Function => {
                return Err(
                    "is a function, which no manifest can hold; call it, or hide the field with `::`"
                        .to_owned(),
                );
            }
        })
    }

    /// The place stays where it is when something is wrong there.
    fn read_at(&mut self, step: Step, value: &Evaluated<'_>) -> Result<Value, String> {
        self.place.0.push(step);
        let value = self.read(value)?;
        self.place.0.pop();
        Ok(value)
    }
}

/// A whole number without a fraction, as long as a whole number can hold it.
fn number(value: f64) -> Number {
    /// Where `i64` and `u64` end.
    const SIGNED: f64 = 9_223_372_036_854_775_808.0;
    const UNSIGNED: f64 = 18_446_744_073_709_551_616.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the value is in the range")]
    if value.fract() != 0.0 {
        // Jsonnet has no number that is not finite.
        Number::from_f64(value).unwrap_or_else(|| 0.into())
    } else if (-SIGNED..SIGNED).contains(&value) {
        (value as i64).into()
    } else if (0.0..UNSIGNED).contains(&value) {
        (value as u64).into()
    } else {
        Number::from_f64(value).unwrap_or_else(|| 0.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_have_no_fraction() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (3.0, "3"),
            (-7.0, "-7"),
            (0.1, "0.1"),
            (9_007_199_254_740_993.0, "9007199254740992"),
            (-9_223_372_036_854_775_808.0, "-9223372036854775808"),
            (18_446_744_073_709_549_568.0, "18446744073709549568"),
        ] {
            assert_eq!(number(value).to_string(), text);
        }
        assert_eq!(number(1e21).as_f64(), Some(1e21));
    }
}
