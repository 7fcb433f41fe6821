//! What the Application sets.

use serde::Deserialize;
use serde_json::{Map, Value};

/// How many calls may be under way at once. What Jsonnet's other
/// implementations allow, so that the same programs run.
const MAX_STACK: usize = 500;
/// The most that can be set. A call takes up to a few hundred bytes of memory.
const MAX_MAX_STACK: usize = 10_000;

/// The settings, checked.
#[derive(Deserialize)]
#[serde(try_from = "Written")]
pub(crate) struct Jsonnet {
    /// The program, relative to the application's folder.
    pub(crate) file: String,
    /// Where imports are looked up too.
    pub(crate) libs: Vec<String>,
    /// What `std.extVar` gives, `values` included.
    pub(crate) ext_vars: Map<String, Value>,
    /// Arguments of the program.
    pub(crate) tlas: Map<String, Value>,
    /// An argument of the program, if it has such a parameter.
    pub(crate) values: Option<Value>,
    /// Calls at once.
    pub(crate) max_stack: usize,
}

/// The settings as they are written.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct Written {
    file: String,
    libs: Vec<String>,
    ext_vars: Map<String, Value>,
    tlas: Map<String, Value>,
    values: Option<Map<String, Value>>,
    max_stack: usize,
}

impl Default for Written {
    fn default() -> Self {
        Self {
            file: "main.jsonnet".to_owned(),
            libs: Vec::new(),
            ext_vars: Map::new(),
            tlas: Map::new(),
            values: None,
            max_stack: MAX_STACK,
        }
    }
}

impl TryFrom<Written> for Jsonnet {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let Written { file, libs, mut ext_vars, tlas, values, max_stack } = written;
        if file.is_empty() || libs.iter().any(String::is_empty) {
            return Err("`file` and the folders of `libs` are paths, and one of them is empty".to_owned());
        }
        if !(1..=MAX_MAX_STACK).contains(&max_stack) {
            return Err(format!("`maxStack` is {max_stack}; it must be from 1 to {MAX_MAX_STACK}"));
        }
        let values = values.map(Value::Object);
        if let Some(values) = &values
            && ext_vars.insert("values".to_owned(), values.clone()).is_some()
        {
            return Err(
                "`values` and `extVars.values` are both `std.extVar('values')`: remove one".to_owned()
            );
        }
        Ok(Self { file, libs, ext_vars, tlas, values, max_stack })
    }
}
