//! What a Kubewarden policy says of itself, in the custom section
//! `io.kubewarden.metadata`, as JSON.
//!
//! Takes the section; gives the rules, and the manifest of a policy plugin.
//! Refuses what can't be judged with here, and says why.

use serde::Deserialize;

use super::kinds;
use crate::plugin::{PluginError, PluginManifest, Receives, World};

/// The custom section that `kwctl annotate` writes.
pub(crate) const METADATA_SECTION: &str = "io.kubewarden.metadata";

/// Bytes of the section.
const MAX_METADATA_BYTES: usize = 256 << 10;

/// Patterns that all rules together may come to.
const MAX_PATTERNS: usize = 1000;

/// What the policy wants of its host. More than this is for other readers.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Metadata {
    protocol_version: Option<String>,
    #[serde(default)]
    pub(super) rules: Vec<Rule>,
    execution_mode: Option<String>,
    policy_type: Option<String>,
    #[serde(default)]
    context_aware_resources: Vec<ContextAwareResource>,
}

/// Which requests the policy wants to see, as in a webhook's configuration.
/// `apiVersions` is not looked at: a webhook is asked about every version of
/// what it names, too.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rule {
    api_groups: Vec<String>,
    resources: Vec<String>,
    operations: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContextAwareResource {
    api_version: String,
    kind: String,
}

impl Metadata {
    /// # Errors
    /// [`PluginError::Load`], saying why the policy can't be used.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, PluginError> {
        if json.len() > MAX_METADATA_BYTES {
            return Err(load(format!(
                "its `{METADATA_SECTION}` section is larger than {MAX_METADATA_BYTES} bytes"
            )));
        }
        let metadata: Self = serde_json::from_slice(json)
            .map_err(|error| load(format!("its `{METADATA_SECTION}` section can't be read: {error}")))?;
        match metadata.execution_mode.as_deref() {
            None | Some("kubewarden-wapc") => {}
            Some(mode @ ("opa" | "gatekeeper")) => {
                return Err(load(format!(
                    "it is a Kubewarden policy of execution mode `{mode}`, compiled from Rego: give its Rego to the \
                     plugin `rego` instead"
                )));
            }
            Some(mode) => {
                return Err(load(format!(
                    "it is a Kubewarden policy of execution mode `{}`; only `kubewarden-wapc` runs here",
                    mode.escape_debug()
                )));
            }
        }
        match metadata.protocol_version.as_deref() {
            Some("v1") => {}
            other => {
                let version = other.unwrap_or("none");
                return Err(load(format!(
                    "its Kubewarden protocol version is {}, not v1",
                    version.escape_debug()
                )));
            }
        }
        if metadata.policy_type.as_deref().is_some_and(|kind| kind != "kubernetes") {
            return Err(load("it is a raw Kubewarden policy, which judges no Kubernetes objects".to_owned()));
        }
        if !metadata.rules.is_empty() && metadata.matches()?.is_empty() {
            return Err(load(
                "its Kubewarden rules name nothing that a gate judges: it judges objects that are created or updated, \
                 neither deletions nor subresources"
                    .to_owned(),
            ));
        }
        Ok(metadata)
    }

    /// As a plugin of that name. Without rules of its own a policy judges what
    /// the Gate gives it.
    pub(crate) fn manifest(&self, name: String) -> Result<PluginManifest, PluginError> {
        let matches = if self.rules.is_empty() { vec!["*".to_owned()] } else { self.matches()? };
        let reads = self.context_aware_resources.iter().map(|resource| {
            let group = resource.api_version.split_once('/').map_or("v1", |(group, _)| group);
            format!("{group}/{}", resource.kind)
        });
        Ok(PluginManifest {
            name,
            version: "0.0.0".to_owned(),
            world: World::Policy,
            matches,
            reads: reads.collect(),
            old: true,
            config_schema: None,
            resources: Vec::new(),
            modules: Vec::new(),
            detects: Vec::new(),
            receives: Receives::default(),
        })
    }

    /// Patterns of the kinds that the rules name, and perhaps of more:
    /// [`Metadata::wants`] has the last word.
    fn matches(&self) -> Result<Vec<String>, PluginError> {
        let mut patterns = Vec::new();
        for rule in
            self.rules.iter().filter(|rule| rule.of_operation("CREATE") || rule.of_operation("UPDATE"))
        {
            for group in &rule.api_groups {
                for resource in rule.resources.iter().filter(|resource| is_whole(resource)) {
                    add_patterns(&mut patterns, group, resource);
                    if patterns.len() > MAX_PATTERNS {
                        return Err(load(format!(
                            "its Kubewarden rules come to more than {MAX_PATTERNS} kinds"
                        )));
                    }
                }
            }
        }
        patterns.sort_unstable();
        patterns.dedup();
        Ok(patterns)
    }

    /// Whether the policy is to be asked about such an object.
    pub(super) fn wants(&self, group: &str, kind: &str, operation: &str) -> bool {
        let named = |rule: &Rule| {
            rule.of_operation(operation)
                && rule.api_groups.iter().any(|wanted| wanted == "*" || wanted == group)
                && rule.resources.iter().any(|resource| names(resource, group, kind))
        };
        self.rules.is_empty() || self.rules.iter().any(named)
    }
}

impl Rule {
    fn of_operation(&self, operation: &str) -> bool {
        self.operations.iter().any(|wanted| wanted == "*" || wanted == operation)
    }
}

/// Whether it names objects, and not what stands below them.
fn is_whole(resource: &str) -> bool {
    resource == "*/*" || !resource.contains('/')
}

fn is_any(resource: &str) -> bool {
    matches!(resource, "*" | "*/*")
}

fn add_patterns(patterns: &mut Vec<String>, group: &str, resource: &str) {
    let written = if group.is_empty() { "v1" } else { group };
    let before = patterns.len();
    if !is_any(resource) {
        patterns.extend(kinds::kinds(group, resource).map(|kind| format!("{written}/{kind}")));
    }
    // Nobody can tell the kind of a custom resource from its plural.
    if patterns.len() == before {
        patterns.push(if group == "*" { "*".to_owned() } else { format!("{written}/*") });
    }
}

fn names(resource: &str, group: &str, kind: &str) -> bool {
    if is_any(resource) || resource.contains('/') {
        return is_any(resource);
    }
    match kinds::resource(group, kind) {
        Some(known) => known == resource,
        // Too much is judged rather than too little: plurals are anybody's choice.
        None => kinds::kinds("*", resource).next().is_none() || kinds::guess(kind) == resource,
    }
}

fn load(problem: String) -> PluginError {
    PluginError::Load(problem)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn parse(metadata: &Value) -> Result<Metadata, PluginError> {
        Metadata::parse(metadata.to_string().as_bytes())
    }

    fn rules(rules: &Value) -> Metadata {
        parse(&json!({"protocolVersion": "v1", "rules": rules, "mutating": false})).unwrap()
    }

    fn rule(group: &str, resources: &[&str], operations: &[&str]) -> Value {
        json!({"apiGroups": [group], "apiVersions": ["v1"], "resources": resources, "operations": operations})
    }

    fn matches(metadata: &Metadata) -> Vec<String> {
        metadata.manifest("a".to_owned()).unwrap().matches
    }

    #[test]
    fn rules_become_patterns_of_kinds() {
        let metadata = rules(&json!([
            rule("", &["pods", "pods/exec"], &["CREATE"]),
            rule("apps", &["deployments", "statefulsets"], &["CREATE", "UPDATE"]),
            rule("", &["services"], &["DELETE"]),
        ]));
        assert_eq!(matches(&metadata), ["apps/Deployment", "apps/StatefulSet", "v1/Pod"]);
        assert_eq!(matches(&rules(&json!([rule("*", &["*"], &["*"])]))), ["*"]);
        assert_eq!(matches(&rules(&json!([rule("batch", &["*/*"], &["*"])]))), ["batch/*"]);
        assert_eq!(matches(&rules(&json!([rule("*", &["ingresses"], &["*"])]))), ["*/Ingress"]);
        assert_eq!(matches(&rules(&json!([]))), ["*"]);
    }

    #[test]
    fn an_object_is_judged_where_a_rule_names_its_kind_and_the_operation() {
        let metadata = rules(&json!([rule("", &["pods", "services/status"], &["CREATE"])]));
        assert!(metadata.wants("", "Pod", "CREATE"));
        assert!(!metadata.wants("", "Pod", "UPDATE"));
        assert!(!metadata.wants("", "Service", "CREATE"));
        assert!(!metadata.wants("apps", "Pod", "CREATE"));
        assert!(rules(&json!([])).wants("apps", "Deployment", "UPDATE"));
    }

    #[test]
    fn kinds_that_others_made_are_judged_by_every_rule_of_their_group() {
        let metadata = rules(&json!([rule("example.com", &["indices"], &["*"])]));
        assert_eq!(matches(&metadata), ["example.com/*"]);
        assert!(metadata.wants("example.com", "Index", "CREATE"));
        assert!(!metadata.wants("example.org", "Index", "CREATE"));
        // What is named like a built-in resource is no kind of others, unless it is called so.
        let metadata = rules(&json!([rule("*", &["services"], &["*"])]));
        assert!(!metadata.wants("example.com", "Index", "CREATE"));
        assert!(metadata.wants("serving.knative.dev", "Service", "CREATE"));
    }

    #[test]
    fn what_a_policy_reads_comes_from_its_context_aware_resources() {
        let resources = json!([
            {"apiVersion": "v1", "kind": "Namespace"}, {"apiVersion": "apps/v1", "kind": "Deployment"}
        ]);
        let metadata =
            parse(&json!({"protocolVersion": "v1", "rules": [], "contextAwareResources": resources}));
        let manifest = metadata.unwrap().manifest("a".to_owned()).unwrap();
        assert_eq!(manifest.reads, ["v1/Namespace", "apps/Deployment"]);
    }

    #[test]
    fn what_can_not_run_here_is_refused_with_the_reason() {
        let only_deletions = json!({"protocolVersion": "v1", "rules": [rule("", &["pods"], &["DELETE"])]});
        for (metadata, reason) in [
            (json!({"executionMode": "gatekeeper"}), "give its Rego to the plugin `rego` instead"),
            (json!({"executionMode": "opa"}), "execution mode `opa`, compiled from Rego"),
            (json!({"executionMode": "wasi", "protocolVersion": "v1"}), "execution mode `wasi`; only"),
            (json!({"executionMode": "a\u{1b}[2J"}), "`a\\u{1b}[2J`"),
            (json!({"rules": []}), "its Kubewarden protocol version is none, not v1"),
            (json!({"protocolVersion": "Unknown"}), "is Unknown, not v1"),
            (json!({"protocolVersion": "v1", "policyType": "raw"}), "judges no Kubernetes objects"),
            (only_deletions, "neither deletions nor subresources"),
            (json!([]), "can't be read: "),
            (json!({"protocolVersion": "v1", "rules": [{"apiGroups": [""]}]}), "missing field `resources`"),
        ] {
            let error = parse(&metadata).unwrap_err().to_string();
            assert!(error.contains(reason), "{metadata}: {error}");
        }
    }

    #[test]
    fn rules_that_come_to_too_many_kinds_are_refused() {
        let resources: Vec<_> = (0..=MAX_PATTERNS).map(|number| format!("r{number}")).collect();
        let many = json!({"protocolVersion": "v1",
            "rules": [{"apiGroups": ["a"], "resources": resources, "operations": ["*"]}]});
        let error = parse(&many).unwrap_err().to_string();
        assert!(error.ends_with("come to more than 1000 kinds"), "{error}");
    }
}
