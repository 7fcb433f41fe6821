//! From a `.wasm` file to a [`Plugin`]: looked into, compiled or found
//! compiled, linked with what its world gives it, and nothing else.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::artifact::{Artifact, Digest, is_file_name};
use super::cache::Cache;
use super::child::{Compile, CompileLimits, CompilerProcess};
use super::engine::Host;
use super::program::{Linkers, Program};
use super::{Limits, Plugin, PluginError, PluginManifest, Receives, World};

/// The largest file that is read at all, compiled or not.
const MAX_FILE_BYTES: u64 = 256 << 20;

/// Where plugins are compiled to, and by what.
#[derive(Clone, Debug)]
pub struct LoaderOptions {
    /// The agent's own cache; made where it is missing.
    pub cache: PathBuf,
    /// A read-only cache that came with the image.
    pub bundled_cache: Option<PathBuf>,
    /// The compiler; the one beside the executable where there is none given.
    pub compiler: Option<PathBuf>,
    /// What one compilation may use.
    pub compile: CompileLimits,
    /// Calls into plugins at once.
    pub calls: u32,
}

/// What an operator changes of the limits that a world has by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimitOverrides {
    /// See [`Limits::time`].
    pub time: Option<Duration>,
    /// See [`Limits::memory_bytes`].
    pub memory_bytes: Option<usize>,
    /// See [`Limits::output_bytes`].
    pub output_bytes: Option<usize>,
    /// See [`Limits::host_calls`].
    pub host_calls: Option<u64>,
}

impl LimitOverrides {
    fn apply(self, world: World) -> Limits {
        let default = Limits::of_world(world);
        Limits {
            time: self.time.unwrap_or(default.time),
            memory_bytes: self.memory_bytes.unwrap_or(default.memory_bytes),
            output_bytes: self.output_bytes.unwrap_or(default.output_bytes),
            host_calls: self.host_calls.unwrap_or(default.host_calls),
        }
    }
}

impl Limits {
    /// What a plugin of `world` may use when nobody said otherwise.
    pub fn of_world(world: World) -> Self {
        let (memory_bytes, time) = match world {
            World::Renderer => (256 << 20, Duration::from_secs(10)),
            World::Policy | World::Health => (32 << 20, Duration::from_secs(2)),
        };
        Self { time, memory_bytes, output_bytes: 32 << 20, host_calls: 1_000_000 }
    }
}

/// Loads plugins into one engine.
pub struct Loader {
    host: Host,
    linkers: Linkers,
    bundled: Option<Cache>,
    cache: Cache,
    compiler: Box<dyn Compile>,
}

impl Loader {
    /// # Errors
    /// [`PluginError::Load`] where the engine or a cache can't be opened.
    pub fn new(options: &LoaderOptions) -> Result<Self, PluginError> {
        let compiler = CompilerProcess::new(options.compiler.clone(), options.compile);
        Self::with_compiler(options, Box::new(compiler))
    }

    pub(crate) fn with_compiler(
        options: &LoaderOptions,
        compiler: Box<dyn Compile>,
    ) -> Result<Self, PluginError> {
        let host = Host::new(options.calls)?;
        let linkers = Linkers::new(host.engine())
            .map_err(|error| PluginError::Load(format!("set up what plugins may import: {error:#}")))?;
        let bundled = options.bundled_cache.as_deref().map(Cache::bundled).transpose()?;
        Ok(Self { host, linkers, bundled, cache: Cache::private(&options.cache)?, compiler })
    }

    /// Loads the plugin at `path`; `overrides` is what is special about its
    /// limits.
    ///
    /// # Errors
    /// [`PluginError::Load`], saying what is wrong with the file or the
    /// compiler.
    pub fn load(&self, path: &Path, overrides: LimitOverrides) -> Result<Plugin, PluginError> {
        let artifact = Artifact::inspect(&read(path)?)?;
        let program = self.program(path, &artifact)?;
        let manifest = match (artifact.manifest, artifact.kubewarden) {
            (Some(manifest), _) => manifest,
            (None, Some(metadata)) => metadata.manifest(required_name_of(path)?)?,
            (None, None) => plain_program(path)?,
        };
        let name = name_of(path).unwrap_or_else(|| manifest.name.clone());
        let schema = manifest.config_schema.as_ref().map(validator).transpose()?;
        let limits = overrides.apply(manifest.world);
        Ok(Plugin {
            host: self.host.clone(),
            name,
            manifest,
            digest: artifact.digest,
            limits,
            schema,
            program,
        })
    }

    fn program(&self, path: &Path, artifact: &Artifact) -> Result<Program, PluginError> {
        for cache in self.bundled.iter().chain([&self.cache]) {
            let Some(compiled) = cache.find(&artifact.digest) else { continue };
            match Program::map(&self.host, &compiled) {
                Ok(code) => return self.linkers.link(&code, artifact),
                // Another version or machine made it.
                Err(error) => cache.discard(&compiled, &format!("{error:#}")),
            }
        }
        let scratch = self.cache.scratch(&artifact.digest);
        let inserted = self
            .compiler
            .compile(path, &scratch)
            .and_then(|()| self.cache.insert(&artifact.digest, &scratch))
            .inspect_err(|_| {
                let _ = std::fs::remove_file(&scratch);
            })?;
        // The file may have been replaced while it was compiled.
        if Digest::of(&read(path)?) != artifact.digest {
            self.cache.discard(&inserted, "its plugin changed while it was compiled");
            return Err(PluginError::Load("the file changed while it was compiled".to_owned()));
        }
        let code = Program::map(&self.host, &inserted)
            .map_err(|error| PluginError::Load(format!("map the compiled plugin: {error:#}")))?;
        self.linkers.link(&code, artifact)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, PluginError> {
    let failed = |error: std::io::Error| PluginError::Load(format!("read `{}`: {error}", path.display()));
    let size = std::fs::metadata(path).map_err(failed)?.len();
    if size > MAX_FILE_BYTES {
        return Err(PluginError::Load(format!("it has {size} bytes; {MAX_FILE_BYTES} is the most")));
    }
    std::fs::read(path).map_err(failed)
}

/// What a file calls the plugin in it, where its name can be one.
fn name_of(path: &Path) -> Option<String> {
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    stem.filter(|name| is_file_name(name)).map(str::to_owned)
}

/// The name of what does not name itself.
fn required_name_of(path: &Path) -> Result<String, PluginError> {
    name_of(path).ok_or_else(|| {
        PluginError::Load(
            "its file's name is not made of lower case letters, digits, `-` and `.`, at most 63".to_owned(),
        )
    })
}

/// What a WASI program without a manifest is: a renderer by its file's name.
fn plain_program(path: &Path) -> Result<PluginManifest, PluginError> {
    Ok(PluginManifest {
        // It has no settings but those that it reads, so it is given whatever there is.
        receives: Receives {
            values: Some("values".to_owned()),
            kube_version: Some("kubeVersion".to_owned()),
            api_versions: Some("apiVersions".to_owned()),
        },
        name: required_name_of(path)?,
        version: "0.0.0".to_owned(),
        world: World::Renderer,
        matches: Vec::new(),
        reads: Vec::new(),
        old: false,
        resources: Vec::new(),
        modules: Vec::new(),
        config_schema: None,
        detects: Vec::new(),
    })
}

fn validator(schema: &Value) -> Result<jsonschema::Validator, PluginError> {
    jsonschema::validator_for(schema)
        .map_err(|error| PluginError::Load(format!("the schema of its config is not a JSON Schema: {error}")))
}
