//! The host of the plugins: the only module that knows that they are
//! WebAssembly.
//!
//! Takes components (and preview-1 and waPC modules) with their limits; gives
//! renderers, policies and health rules as synchronous functions. A call
//! reads nothing but what it is handed, keeps nothing, and ends: by its result,
//! its deadline or one of its other limits.

pub mod artifact;
mod bindings;
pub mod cache;
mod child;
#[cfg(feature = "compiler")]
pub mod compile;
mod engine;
mod judging;
mod kubewarden;
mod loader;
mod panic_channel;
mod places;
mod preview1;
mod preview2;
mod program;
pub mod registry;
mod rendering;
mod results;
pub(crate) mod sandbox;
mod self_test;
mod steps;
mod store;
#[cfg(feature = "compiler")]
#[cfg(test)]
mod tests;
mod trap;
mod wapc;
mod wasi_program;

use std::time::Duration;

use bytes::Bytes;
use jsonschema::error::ValidationErrorKind;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

pub use self::artifact::Digest;
pub use self::child::CompileLimits;
pub use self::engine::Host;
pub use self::loader::{LimitOverrides, Loader, LoaderOptions};
use self::program::Program;
use crate::diagnostic::Diagnostic;

/// Problems with a config that are reported at once.
const MAX_CONFIG_PROBLEMS: usize = 20;

/// A component (or core module) with its limits, ready to be called from any
/// thread. Every call gets an instance of its own.
pub struct Plugin {
    host: Host,
    name: String,
    manifest: PluginManifest,
    digest: Digest,
    limits: Limits,
    schema: Option<jsonschema::Validator>,
    program: Program,
}

impl Plugin {
    /// What it goes by: the name of its file, so that several versions of one
    /// plugin can stand side by side; its own where the file's can't be one.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it goes by its own name. Another version of it never takes a
    /// folder by itself: it renders where it is named.
    pub(crate) fn goes_by_its_own_name(&self) -> bool {
        self.name == self.manifest.name
    }

    /// What the plugin says of itself.
    pub fn manifest(&self) -> &PluginManifest {
        &self.manifest
    }

    /// SHA-256 of its file.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// What one call may use.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Whether `config` fits the schema that the plugin declares.
    ///
    /// # Errors
    /// [`PluginError::Config`], with a JSON pointer for each problem.
    pub fn check_config(&self, config: &Value) -> Result<(), PluginError> {
        let Some(schema) = &self.schema else { return Ok(()) };
        // Whoever wrote nothing may still have left out what is required.
        let nothing = Value::Object(serde_json::Map::new());
        let config = if config.is_null() { &nothing } else { config };
        let problem = |error: jsonschema::ValidationError<'_>| {
            let mut pointer = error.instance_path().to_string();
            // What is too much is a field itself, and not all that is around it.
            if let ValidationErrorKind::AdditionalProperties { unexpected } = error.kind()
                && let Some(first) = unexpected.first()
            {
                pointer.push('/');
                pointer.push_str(&first.replace('~', "~0").replace('/', "~1"));
            }
            ConfigProblem { pointer: results::bounded(pointer), message: results::bounded(error.to_string()) }
        };
        let problems: Vec<_> = schema.iter_errors(config).take(MAX_CONFIG_PROBLEMS).map(problem).collect();
        if problems.is_empty() { Ok(()) } else { Err(PluginError::Config(problems)) }
    }

    fn checked_config(&self, config: &Value) -> Result<Vec<u8>, PluginError> {
        self.check_config(config)?;
        serde_json::to_vec(config).map_err(|error| {
            PluginError::Config(vec![ConfigProblem { pointer: String::new(), message: error.to_string() }])
        })
    }

    fn not_a(&self, wanted: &str) -> PluginError {
        let world = match self.manifest.world {
            World::Renderer => "renderer",
            World::Policy => "policy",
            World::Health => "health rule",
        };
        PluginError::Contract(format!("`{}` is a {world}, not a {wanted}", self.name))
    }
}

/// What a plugin is for: the world that it implements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum World {
    /// Turns files into manifests.
    Renderer,
    /// Judges manifests.
    Policy,
    /// Assesses live objects.
    Health,
}

impl World {
    /// As it stands in manifests and status.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Renderer => "renderer",
            Self::Policy => "policy",
            Self::Health => "health",
        }
    }
}

/// What a plugin says of itself, in the custom section `windlass:manifest`, as
/// JSON.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PluginManifest {
    /// The plugin's name: lower case letters, digits and `-`.
    pub name: String,
    /// Its version (semver).
    pub version: String,
    /// The world that it implements.
    pub world: World,
    /// Which objects it wants to see: `v1/Pod`, `apps/*`, `*`; group/kind with
    /// `v1` for the core group. Renderers leave it empty.
    #[serde(default)]
    pub matches: Vec<String>,
    /// JSON Schema (draft 2020-12) of its settings.
    #[serde(default)]
    pub config_schema: Option<Value>,
    /// Which objects of the cluster a policy may want to read, as patterns
    /// like those of `matches`. It gets those that the Gate grants too.
    #[serde(default)]
    pub reads: Vec<String>,
    /// Whether a policy wants to see what an object was before.
    #[serde(default)]
    pub old: bool,
    /// The kinds of Kubernetes objects that a policy takes as its own sources,
    /// in its setting `resources`.
    #[serde(default)]
    pub resources: Vec<String>,
    /// The endings of the files that a policy takes as its own sources, in its
    /// setting `modules`, by their paths.
    #[serde(default)]
    pub modules: Vec<String>,
    /// Files that make a folder this renderer's when the Application names
    /// none, for example `kustomization.yaml`.
    #[serde(default)]
    pub detects: Vec<String>,
    /// Which of its settings take what an Application hands over.
    #[serde(default)]
    pub receives: Receives,
}

/// The properties of a renderer's settings, at their top level, that take what
/// an Application hands over. What is absent is not taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Receives {
    /// Takes the Application's typed values, an object.
    pub values: Option<String>,
    /// Takes the API server's version, such as `v1.37.0`.
    pub kube_version: Option<String>,
    /// Takes the list of what the API server serves: `group/version` and
    /// `group/version/Kind`.
    pub api_versions: Option<String>,
}

/// What one call may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Wall clock from entering the plugin to leaving it.
    pub time: Duration,
    /// Linear memory in bytes.
    pub memory_bytes: usize,
    /// What it may return, including captured output, in bytes.
    pub output_bytes: usize,
    /// Calls from the plugin into the host.
    pub host_calls: u64,
}

/// One application to render; see `rendering.request` in the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderRequest {
    /// Folder relative to the root of the tree; empty for the root.
    pub path: String,
    /// The Application's name.
    pub name: String,
    /// The Application's namespace.
    pub namespace: String,
    /// What randomness starts from, beside what is public.
    pub seed: Option<Seed>,
}

/// The shortest secret that passwords are made from.
const MIN_SEED_BYTES: usize = 16;

/// A secret is too short to make passwords from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("needs at least {MIN_SEED_BYTES} random bytes")]
pub struct SeedTooShort;

/// What the randomness of a render starts from, where nobody is to predict it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Seed([u8; 32]);

impl Seed {
    /// From a secret that nobody can guess.
    ///
    /// # Errors
    /// [`SeedTooShort`] for one that could be tried out.
    pub fn from_secret(secret: &[u8]) -> Result<Self, SeedTooShort> {
        if secret.len() < MIN_SEED_BYTES {
            return Err(SeedTooShort);
        }
        Ok(Self(Sha256::new().chain_update("windlass.dev/seed").chain_update(secret).finalize().into()))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Without the seed: whoever knows it knows every password that is made of it.
impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seed(hidden)")
    }
}

/// What a policy judges; see `judging.subject` in the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The object's JSON text, with its namespace.
    pub object: Bytes,
    /// What the same object was before.
    pub old: Option<Bytes>,
}

/// What a policy's look-ups are answered from.
pub trait Surroundings: Send + Sync {
    /// The objects of a kind (`v1/Namespace`, `apps/*`, `*`), in all namespaces
    /// and of all names where those are not given; see `cluster.objects` in the
    /// contract.
    fn objects(&self, kind: &str, namespace: Option<&str>, name: Option<&str>) -> Found;
}

/// Objects around those under judgement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Their JSON texts, in the order of their namespaces and names.
    pub objects: Vec<Bytes>,
    /// Whether they are all that there are.
    pub complete: bool,
}

/// What a finding leads to, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Nothing of the revision is written.
    Deny,
    /// The revision is written, and the person is told.
    Warn,
    /// The revision is written, and the finding is recorded.
    Audit,
}

/// One finding of a policy; see `judging.finding` in the contract.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// For the person who wrote the manifest.
    pub message: String,
    /// Where in the object, as a JSON pointer.
    pub pointer: Option<String>,
    /// Which rule of the policy.
    pub rule: Option<String>,
    /// The strongest that the rule itself asks for.
    pub action: Option<Action>,
}

/// The state of a live object; see `assessing.state` in the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum HealthState {
    /// Reached what was asked for.
    Healthy,
    /// On its way.
    Progressing,
    /// Its controller gave up.
    Failed,
    /// Told to wait.
    Suspended,
    /// Can't be judged yet.
    Unknown,
}

/// A health rule's answer on one live object.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Assessment {
    /// The state.
    pub state: HealthState,
    /// Why.
    pub message: String,
}

/// What does not fit the schema of a plugin's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigProblem {
    /// Where in the settings, as a JSON pointer.
    pub pointer: String,
    /// What is wrong there.
    pub message: String,
}

impl std::fmt::Display for ConfigProblem {
    /// "`/pointer`: message", without the pointer where all of it is meant.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.pointer.is_empty() {
            write!(f, "`{}`: ", self.pointer)?;
        }
        f.write_str(&self.message)
    }
}

/// Why a call into a plugin gave no result.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PluginError {
    /// The plugin refused its input, in its own words. Not a defect of the
    /// plugin.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Refused(Vec<Diagnostic>),
    /// Its settings do not fit the schema that it declares.
    #[error(
        "the config does not fit the plugin's schema: {}",
        .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    )]
    Config(Vec<ConfigProblem>),
    /// It ran longer than allowed.
    #[error("ran longer than {} (limits.time)", humantime(*.limit))]
    Deadline {
        /// The limit.
        limit: Duration,
    },
    /// It asked for more memory than allowed, and stopped for it.
    #[error("needs more than {limit_bytes} bytes of memory (limits.memory)")]
    Memory {
        /// The limit.
        limit_bytes: usize,
    },
    /// It returned or printed more than allowed.
    #[error("returned more than {limit_bytes} bytes (limits.output)")]
    Output {
        /// The limit.
        limit_bytes: usize,
    },
    /// It called the host more often than allowed.
    #[error("called the host more than {limit} times (limits.hostCalls)")]
    HostCalls {
        /// The limit.
        limit: u64,
    },
    /// It broke: a panic, an `unreachable`, a failed exit.
    #[error("broke: {message}")]
    Trap {
        /// The panic's message or the trap's reason.
        message: String,
        /// The last lines that it printed.
        output: String,
    },
    /// It returned something that the contract does not allow.
    #[error("broke the contract: {0}")]
    Contract(String),
    /// It can't be used at all on this host.
    #[error("can't be loaded: {0}")]
    Load(String),
}

fn humantime(duration: Duration) -> String {
    format!("{duration:?}")
}
