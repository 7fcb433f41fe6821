//! Bindings: where a policy applies, with which parameters, and what follows.

use windlass_plugin_sdk::policy::Action;

use super::build::{self, Building};
use super::spec;

/// A binding, ready for use.
pub(super) struct Binding {
    pub(super) name: String,
    pub(super) matching: Option<spec::Match>,
    pub(super) param_ref: Option<spec::ParamRef>,
    /// What a finding asks for; none at all where the binding asks for nothing.
    pub(super) actions: Vec<Option<Action>>,
}

/// Reads a binding, and says what is wrong with it.
pub(super) fn read(building: &mut Building, place: &str, name: &str, spec: spec::Binding) -> Binding {
    if let Some(matching) = &spec.match_resources {
        building.hold_matching(&format!("{place}/spec/matchResources"), matching);
    }
    if let Some(param_ref) = &spec.param_ref {
        let pointer = format!("{place}/spec/paramRef");
        if param_ref.name.is_empty() == param_ref.selector.is_none() {
            building
                .problem(&pointer, format!("binding `{name}`: `paramRef` needs either `name` or `selector`"));
        }
        if let Some(selector) = &param_ref.selector {
            for (below, message) in selector.faults() {
                building.problem(format!("{pointer}/selector{below}"), message);
            }
        }
    }
    if spec.validation_actions.is_empty() {
        let message = format!("binding `{name}`: `validationActions` is required");
        building.problem(format!("{place}/spec/validationActions"), message);
    }
    let actions = build::actions(&spec.validation_actions);
    Binding { name: name.to_owned(), matching: spec.match_resources, param_ref: spec.param_ref, actions }
}
