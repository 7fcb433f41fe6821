//! How a plugin takes its settings: once, before anything else.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::diagnostic::Diagnostics;

/// A plugin that is made from its settings.
///
/// Everything that deserializes has it, so a misspelt key is an error before
/// the first object is seen. Settings that were not given are read as `{}`:
/// derive `Default` with `#[serde(default)]` to run without any. Implement it
/// yourself where settings have to be compiled first.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be made from settings",
    note = "derive `serde::Deserialize`, or implement `windlass_plugin_sdk::config::Configure`"
)]
pub trait Configure: Sized + 'static {
    /// Takes the settings: what the user wrote, or an empty object.
    ///
    /// # Errors
    /// Everything that is wrong with them, at once.
    fn configure(settings: Value) -> Result<Self, Diagnostics>;
}

impl<T: DeserializeOwned + 'static> Configure for T {
    fn configure(settings: Value) -> Result<Self, Diagnostics> {
        serde_json::from_value(settings).map_err(|error| Diagnostics::error(format!("bad settings: {error}")))
    }
}

/// Reads the settings as they cross the boundary.
pub(crate) fn configure<T: Configure>(json: &[u8]) -> Result<T, Diagnostics> {
    let settings = match serde_json::from_slice(json) {
        Ok(Value::Null) => Value::Object(serde_json::Map::new()),
        Ok(settings) => settings,
        Err(error) => return Err(Diagnostics::error(format!("the settings are not JSON: {error}"))),
    };
    T::configure(settings)
}
