//! Policies: what judges rendered objects before the first of them is
//! written.

pub use crate::bindings::judging_exports::Finding;
use crate::config::Configure;
pub use crate::object::{Container, Object};

/// A policy that judges objects one by one. The type itself is the
/// configuration.
///
/// It must be pure: the host may ask again for the same object, in another
/// order and in another process, and expects the same answer.
pub trait Policy: Configure {
    /// Says what is wrong with `object`; saying nothing admits it.
    fn check(&self, object: &Object, findings: &mut Findings);
}

/// A policy that compares objects with each other. Every [`Policy`] is one.
///
/// It sees all objects at once that one revision of one application renders
/// and that it declared to match.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a policy",
    note = "implement `windlass_plugin_sdk::policy::Policy`, or `SetPolicy` to compare objects"
)]
pub trait SetPolicy: Configure {
    /// Says what is wrong with each of `objects`.
    fn check_set(&self, objects: &[Object], findings: &mut SetFindings);
}

impl<P: Policy> SetPolicy for P {
    fn check_set(&self, objects: &[Object], findings: &mut SetFindings) {
        for (index, object) in objects.iter().enumerate() {
            self.check(object, findings.on(index));
        }
    }
}

/// What is wrong with one object, in the order in which it was said.
#[derive(Clone, Debug, Default)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// Adds a finding at a JSON pointer; an empty one means the whole object.
    /// Whether it denies, warns or is only recorded is the Gate's choice.
    pub fn deny(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        self.push(None, pointer.into(), message.into());
    }

    /// The same, for a policy that holds several rules.
    pub fn deny_by(
        &mut self,
        rule: impl Into<String>,
        pointer: impl Into<String>,
        message: impl Into<String>,
    ) {
        self.push(Some(rule.into()), pointer.into(), message.into());
    }

    fn push(&mut self, rule: Option<String>, pointer: String, message: String) {
        self.0.push(Finding { message, pointer: Some(pointer).filter(|pointer| !pointer.is_empty()), rule });
    }
}

/// What is wrong with each object of a set.
#[derive(Clone, Debug)]
pub struct SetFindings(Vec<Findings>);

impl SetFindings {
    /// The findings on the object at `index`.
    ///
    /// # Panics
    /// When the set has no such object.
    pub fn on(&mut self, index: usize) -> &mut Findings {
        &mut self.0[index]
    }
}

/// What `judging.evaluate` does: one verdict per object, in their order,
/// whatever the policy says.
#[doc(hidden)]
pub fn evaluate<P: SetPolicy>(policy: &P, objects: &[Vec<u8>]) -> Vec<Vec<Finding>> {
    let objects: Vec<Object> = objects.iter().map(|json| Object::from_json(json)).collect();
    let mut findings = SetFindings(vec![Findings::default(); objects.len()]);
    policy.check_set(&objects, &mut findings);
    findings.0.into_iter().map(|findings| findings.0).collect()
}

/// Makes a component of a type that implements [`Policy`] or [`SetPolicy`].
///
/// ```ignore
/// export_policy!(PinnedImages, matches: ["v1/Pod", "apps/*", "batch/*"]);
/// export_policy!(PinnedImages, name: "pinned", matches: ["*"], schema: include_str!("schema.json"));
/// ```
///
/// `matches` lists what it wants to see, as `group/Kind` with `v1` for the core
/// group; `name` is the package's name without `windlass-plugin-` unless it is
/// given; `schema` is the JSON Schema (draft 2020-12) of the settings, which
/// the host checks before it starts the plugin.
#[macro_export]
macro_rules! export_policy {
    (
        $policy:ty $(, name: $name:expr)?, matches: [$($pattern:literal),+ $(,)?]
        $(, schema: $schema:expr)? $(,)?
    ) => {
        $crate::__manifest! {
            $policy, world: "policy", matches: [$($pattern),+], detects: [],
            $(name: $name,)? $(schema: $schema,)?
        }
        const _: () = {
            const fn is_policy<T: $crate::policy::SetPolicy>() {}
            is_policy::<$policy>();
        };
        #[cfg(target_family = "wasm")]
        const _: () = {
            $crate::__lifecycle!($policy);
            impl $crate::bindings::judging_exports::Guest for Plugin {
                fn evaluate(
                    objects: ::std::vec::Vec<::std::vec::Vec<u8>>,
                ) -> ::std::vec::Vec<::std::vec::Vec<$crate::policy::Finding>> {
                    INSTANCE.with(|instance| $crate::policy::evaluate(instance.get(), &objects))
                }
            }
            $crate::bindings::judging::export_judging!(Plugin with_types_in $crate::bindings::judging);
        };
    };
}

#[cfg(test)]
mod tests;
