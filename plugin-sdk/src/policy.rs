//! Policies: what judges rendered objects before the first of them is
//! written.

mod cluster;

use crate::bindings::judging_exports::Subject as RawSubject;
pub use crate::bindings::judging_exports::{Action, Finding};
use crate::config::Configure;
pub use crate::object::{Container, Object};
pub use cluster::{Cluster, Found};

/// A policy that judges objects one by one. The type itself is the
/// configuration.
///
/// It must be pure: the host may ask again for the same object, in another
/// order and in another process, and expects the same answer.
pub trait Policy: Configure {
    /// Says what is wrong with `object`; saying nothing admits it.
    fn check(&self, object: &Object, findings: &mut Findings);
}

/// A policy that compares objects: with the same object before, with the others
/// of the set, with those of the cluster; or one that reads the JSON itself.
/// Every [`Policy`] is one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a policy",
    note = "implement `windlass_plugin_sdk::policy::Policy`, or `BatchPolicy` to compare objects"
)]
pub trait BatchPolicy: Configure {
    /// Says what is wrong with each of `subjects`. They are not all of a large
    /// set: what they are compared with comes from `cluster`.
    fn check_batch(&self, subjects: &[Subject], cluster: &Cluster, findings: &mut BatchFindings);
}

impl<P: Policy> BatchPolicy for P {
    fn check_batch(&self, subjects: &[Subject], _: &Cluster, findings: &mut BatchFindings) {
        for (index, subject) in subjects.iter().enumerate() {
            self.check(&subject.object(), findings.on(index));
        }
    }
}

/// What is judged: an object, and what it was before.
#[derive(Clone, Debug)]
pub struct Subject(RawSubject);

impl Subject {
    pub(crate) fn new(object: Vec<u8>, old: Option<Vec<u8>>) -> Self {
        Self(RawSubject { object, old })
    }

    /// The object, as it would reach the API server: with its namespace.
    pub fn object(&self) -> Object {
        Object::from_json(self.json())
    }

    /// The same object as the revision rendered it that is applied now, where
    /// it had it. Only plugins that declare `old: true` see it.
    pub fn old(&self) -> Option<Object> {
        self.old_json().map(Object::from_json)
    }

    /// The JSON text of the object.
    pub fn json(&self) -> &[u8] {
        &self.0.object
    }

    /// The JSON text of [`Subject::old`].
    pub fn old_json(&self) -> Option<&[u8]> {
        self.0.old.as_deref()
    }
}

/// What is wrong with one object, in the order in which it was said.
#[derive(Clone, Debug, Default)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// Adds a finding at a JSON pointer; an empty one means the whole object.
    /// Whether it denies, warns or is only recorded is the Gate's choice.
    pub fn deny(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        self.push(finding(None, pointer.into(), message.into()));
    }

    /// The same, for a policy that holds several rules.
    pub fn deny_by(
        &mut self,
        rule: impl Into<String>,
        pointer: impl Into<String>,
        message: impl Into<String>,
    ) {
        self.push(finding(Some(rule.into()), pointer.into(), message.into()));
    }

    /// Adds a finding as it is: one that asks for less than to deny, for
    /// example.
    pub fn push(&mut self, finding: Finding) {
        self.0.push(finding);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn finding(rule: Option<String>, pointer: String, message: String) -> Finding {
    let pointer = Some(pointer).filter(|pointer| !pointer.is_empty());
    Finding { message, pointer, rule, action: None }
}

/// What is wrong with each object of a batch.
#[derive(Clone, Debug)]
pub struct BatchFindings(Vec<Findings>);

impl BatchFindings {
    /// The findings on the object at `index`.
    ///
    /// # Panics
    /// When the batch has no such object.
    pub fn on(&mut self, index: usize) -> &mut Findings {
        &mut self.0[index]
    }
}

/// What `judging.evaluate` does: one verdict per subject, in their order,
/// whatever the policy says.
pub(crate) fn judge<P: BatchPolicy>(
    policy: &P,
    subjects: &[Subject],
    cluster: &Cluster,
) -> Vec<Vec<Finding>> {
    let mut findings = BatchFindings(vec![Findings::default(); subjects.len()]);
    policy.check_batch(subjects, cluster, &mut findings);
    findings.0.into_iter().map(|findings| findings.0).collect()
}

/// [`judge`], as the export macro calls it.
#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub fn evaluate<P: BatchPolicy>(policy: &P, subjects: Vec<RawSubject>) -> Vec<Vec<Finding>> {
    let subjects: Vec<Subject> = subjects.into_iter().map(Subject).collect();
    judge(policy, &subjects, &Cluster::around())
}

/// Makes a component of a type that implements [`Policy`] or [`BatchPolicy`].
///
/// ```ignore
/// export_policy!(PinnedImages, matches: ["v1/Pod", "apps/*", "batch/*"]);
/// export_policy!(
///     UniqueHosts,
///     name: "hosts",
///     matches: ["networking.k8s.io/Ingress"],
///     reads: ["networking.k8s.io/Ingress"],
///     schema: include_str!("schema.json"),
/// );
/// ```
///
/// `matches` lists what it wants to see, as `group/Kind` with `v1` for the core
/// group; `reads` what it asks of [`Cluster`]; `old: true` says that it wants
/// [`Subject::old`]; `name` is the package's name without `windlass-plugin-`
/// unless it is given; `schema` is the JSON Schema (draft 2020-12) of the
/// settings, which the host checks before it starts the plugin.
///
/// An engine for policies that are written in a language of their own also says
/// what it takes: `resources` are the kinds of Kubernetes objects that it wants
/// in its setting `resources`, `modules` the endings of the files whose texts
/// it wants in its setting `modules`, by their paths.
#[macro_export]
macro_rules! export_policy {
    (
        $policy:ty $(, name: $name:expr)?, matches: [$($pattern:literal),+ $(,)?]
        $(, reads: [$($read:literal),* $(,)?])? $(, old: $old:literal)?
        $(, resources: [$($kind:literal),* $(,)?])? $(, modules: [$($ending:literal),* $(,)?])?
        $(, schema: $schema:expr)? $(,)?
    ) => {
        $crate::__manifest! {
            $policy, world: "policy", matches: [$($pattern),+], detects: [],
            $(name: $name,)? $(schema: $schema,)? $(reads: [$($read),*],)? $(old: $old,)?
            $(resources: [$($kind),*],)? $(modules: [$($ending),*],)?
        }
        const _: () = {
            const fn is_policy<T: $crate::policy::BatchPolicy>() {}
            is_policy::<$policy>();
        };
        #[cfg(target_family = "wasm")]
        const _: () = {
            $crate::__lifecycle!($policy);
            impl $crate::bindings::judging_exports::Guest for Plugin {
                fn evaluate(
                    subjects: ::std::vec::Vec<$crate::bindings::judging_exports::Subject>,
                ) -> ::std::vec::Vec<::std::vec::Vec<$crate::policy::Finding>> {
                    INSTANCE.with(|instance| $crate::policy::evaluate(instance.get(), subjects))
                }
            }
            $crate::bindings::judging::export_judging!(Plugin with_types_in $crate::bindings::judging);
        };
    };
}

#[cfg(test)]
mod tests;
