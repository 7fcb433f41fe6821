//! The settings: upstream's `PodSecurityConfiguration`, written out or as an
//! object, and what counts here beside it. All that is wrong is told at once.

mod names;

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use windlass_plugin_sdk::diagnostic::{Diagnostic, Diagnostics};
use windlass_plugin_sdk::object::pointer_step;

use crate::level::{Level, Policy, Standard, Version};
use crate::text::clipped;

/// What pods are held to where their namespace says nothing, and what is not
/// judged.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) defaults: Policy,
    pub(crate) namespaces: BTreeSet<String>,
    pub(crate) runtime_classes: BTreeSet<String>,
    pub(crate) labels: NamespaceLabels,
}

/// Whether the labels of a Namespace count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NamespaceLabels {
    /// And where they can't be known, nothing is admitted that they could deny.
    Required,
    /// And where they can't be known, the defaults hold.
    WhenKnown,
    Ignored,
}

const GROUP: &str = "pod-security.admission.config.k8s.io/";
const KIND: &str = "PodSecurityConfiguration";
const DEFAULTS: [&str; 6] = ["enforce", "enforce-version", "audit", "audit-version", "warn", "warn-version"];
/// The longest list of exemptions.
const EXEMPTIONS: usize = 1000;

impl Settings {
    pub(crate) fn read(settings: &Value) -> Result<Self, Diagnostics> {
        let mut reader = Reader { problems: Diagnostics::new() };
        let settings = reader.settings(settings);
        if reader.problems.is_empty() { Ok(settings) } else { Err(reader.problems) }
    }
}

/// Collects what is wrong on the way.
struct Reader {
    problems: Diagnostics,
}

impl Reader {
    fn settings(&mut self, settings: &Value) -> Settings {
        let empty = Map::new();
        let fields = self.fields(settings, "").unwrap_or(&empty);
        self.known(
            fields,
            "",
            &["apiVersion", "kind", "defaults", "exemptions", "namespaceLabels", "resources"],
        );
        let labels = self.labels(fields.get("namespaceLabels"));
        let (configuration, pointer) = match fields.get("resources") {
            None => (fields, ""),
            Some(resources) => {
                for key in ["apiVersion", "kind", "defaults", "exemptions"] {
                    if fields.contains_key(key) {
                        self.refuse(&format!("/{key}"), "stands in the object in `resources` already");
                    }
                }
                (self.resource(resources).unwrap_or(&empty), "/resources/0")
            }
        };
        self.identity(configuration, pointer);
        let defaults = self.defaults(configuration.get("defaults"), &format!("{pointer}/defaults"));
        let pointer = format!("{pointer}/exemptions");
        let exemptions = configuration.get("exemptions").filter(|exemptions| !exemptions.is_null());
        let exemptions =
            exemptions.and_then(|exemptions| self.fields(exemptions, &pointer)).unwrap_or(&empty);
        self.known(exemptions, &pointer, &["usernames", "runtimeClasses", "namespaces"]);
        if !self.names(exemptions, &pointer, "usernames", |_| Ok(())).is_empty() {
            let why =
                "nobody's name can be known here: objects come from Git, and have no user who sends them";
            self.refuse(&format!("{pointer}/usernames"), why);
        }
        Settings {
            defaults,
            namespaces: self.names(exemptions, &pointer, "namespaces", names::label),
            runtime_classes: self.names(exemptions, &pointer, "runtimeClasses", names::subdomain),
            labels,
        }
    }

    /// The one object of `resources`.
    fn resource<'v>(&mut self, resources: &'v Value) -> Option<&'v Map<String, Value>> {
        let Some([resource]) = resources.as_array().map(Vec::as_slice) else {
            self.refuse("/resources", &format!("takes one {KIND}"));
            return None;
        };
        let fields = self.fields(resource, "/resources/0")?;
        // Written out, these two may be left out.
        for key in ["apiVersion", "kind"] {
            if !fields.contains_key(key) {
                self.refuse("/resources/0", &format!("has no `{key}`; takes a {KIND}"));
            }
        }
        self.known(fields, "/resources/0", &["apiVersion", "kind", "metadata", "defaults", "exemptions"]);
        Some(fields)
    }

    fn identity(&mut self, configuration: &Map<String, Value>, pointer: &str) {
        let known_version = |version: &Value| {
            let version = version.as_str().and_then(|version| version.strip_prefix(GROUP));
            matches!(version, Some("v1" | "v1beta1" | "v1alpha1"))
        };
        if configuration.get("apiVersion").is_some_and(|version| !known_version(version)) {
            let why = format!("takes {GROUP}v1, v1beta1 and v1alpha1");
            self.refuse(&format!("{pointer}/apiVersion"), &why);
        }
        if configuration.get("kind").is_some_and(|kind| kind != KIND) {
            self.refuse(&format!("{pointer}/kind"), &format!("takes {KIND}"));
        }
    }

    fn defaults(&mut self, defaults: Option<&Value>, pointer: &str) -> Policy {
        let empty = Map::new();
        let defaults = defaults.filter(|defaults| !defaults.is_null());
        let defaults = defaults.and_then(|defaults| self.fields(defaults, pointer)).unwrap_or(&empty);
        self.known(defaults, pointer, &DEFAULTS);
        let mut standard = |mode: &str| {
            let level = self.parsed(defaults, pointer, mode, Level::Privileged, Level::parse);
            let version = format!("{mode}-version");
            let version = self.parsed(defaults, pointer, &version, Version::Latest, Version::parse);
            Standard::new(level, version)
        };
        Policy { enforce: standard("enforce"), warn: standard("warn"), audit: standard("audit") }
    }

    /// A value of the defaults; upstream takes an empty one for none.
    fn parsed<T>(
        &mut self,
        fields: &Map<String, Value>,
        pointer: &str,
        key: &str,
        default: T,
        parse: fn(&str) -> Result<T, &'static str>,
    ) -> T {
        let value = match fields.get(key) {
            None | Some(Value::Null) => return default,
            Some(value) if value == "" => return default,
            Some(value) => value,
        };
        match value.as_str().ok_or("must be a string").and_then(parse) {
            Ok(parsed) => parsed,
            Err(why) => {
                self.refuse(&format!("{pointer}/{key}"), why);
                default
            }
        }
    }

    fn labels(&mut self, labels: Option<&Value>) -> NamespaceLabels {
        match labels.map(|labels| labels.as_str().unwrap_or_default()) {
            None | Some("Required") => NamespaceLabels::Required,
            Some("WhenKnown") => NamespaceLabels::WhenKnown,
            Some("Ignored") => NamespaceLabels::Ignored,
            Some(_) => {
                self.refuse("/namespaceLabels", "must be one of Required, WhenKnown, Ignored");
                NamespaceLabels::Required
            }
        }
    }

    /// A list of names without doubles, each of which `check` knows.
    fn names(
        &mut self,
        exemptions: &Map<String, Value>,
        pointer: &str,
        key: &str,
        check: fn(&str) -> Result<(), &'static str>,
    ) -> BTreeSet<String> {
        let pointer = format!("{pointer}/{key}");
        let mut names = BTreeSet::new();
        let items = match exemptions.get(key) {
            None | Some(Value::Null) => return names,
            Some(Value::Array(items)) => items,
            Some(_) => {
                self.refuse(&pointer, "must be a list");
                return names;
            }
        };
        if items.len() > EXEMPTIONS {
            self.refuse(&pointer, &format!("has {} names; the limit is {EXEMPTIONS}", items.len()));
            return names;
        }
        for (index, item) in items.iter().enumerate() {
            let pointer = format!("{pointer}/{index}");
            match item.as_str().ok_or("must be a string").and_then(|name| check(name).map(|()| name)) {
                Err(why) => self.refuse(&pointer, why),
                Ok(name) if !names.insert(name.to_owned()) => self.refuse(&pointer, "stands twice"),
                Ok(_) => {}
            }
        }
        names
    }

    fn fields<'v>(&mut self, value: &'v Value, pointer: &str) -> Option<&'v Map<String, Value>> {
        let fields = value.as_object();
        if fields.is_none() {
            self.refuse(pointer, "must be an object");
        }
        fields
    }

    fn known(&mut self, fields: &Map<String, Value>, pointer: &str, known: &[&str]) {
        for key in fields.keys().filter(|key| !known.contains(&key.as_str())) {
            let why = format!("there is no `{}`, only {}", clipped(key), known.join(", "));
            self.refuse(&format!("{pointer}{}", pointer_step(key)), &why);
        }
    }

    fn refuse(&mut self, pointer: &str, why: &str) {
        let problem = Diagnostic::error(why);
        self.problems.push(if pointer.is_empty() { problem } else { problem.at_pointer(pointer) });
    }
}
