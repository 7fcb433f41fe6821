//! Renderers: what turns files of a Git tree into manifests.
//!
//! Files are read with `std::fs`: the host serves the tree of one commit,
//! read-only, and records what was read. So read what the result depends on
//! and nothing else.

use std::ops::Range;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::bindings::rendering_exports as contract;
use crate::config::Configure;
use crate::diagnostic::{Diagnostics, span};

/// A renderer. The type itself is the configuration.
///
/// The same files must give the same output, byte for byte: sort what a
/// directory lists, and iterate over no map with an order of its own.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a renderer",
    note = "implement `windlass_plugin_sdk::render::Renderer`"
)]
pub trait Renderer: Configure {
    /// Renders the whole application.
    ///
    /// # Errors
    /// Whatever keeps the set from being complete; never return a part of it.
    fn render(&self, request: &Request) -> Result<Output, Diagnostics>;
}

/// One application to render.
#[derive(Clone, Debug)]
pub struct Request {
    root: PathBuf,
    path: String,
    name: String,
    namespace: String,
}

impl Request {
    /// The root of the repository.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The application's folder.
    pub fn folder(&self) -> PathBuf {
        self.root.join(self.path())
    }

    /// The application's folder, relative to the root of the repository; empty
    /// for the root itself.
    pub fn path(&self) -> &str {
        self.path.trim_matches('/')
    }

    /// The application's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The application's namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// How a file is named to a person, in diagnostics and manifests: relative
    /// to the root of the repository, with `/` between its parts.
    pub fn display_path(&self, file: &Path) -> String {
        let relative = file.strip_prefix(&self.root).unwrap_or(file);
        let parts: Vec<_> = relative.iter().map(|part| part.to_string_lossy()).collect();
        parts.join("/")
    }

    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn new(root: &Path, path: &str, name: &str, namespace: &str) -> Self {
        Self {
            root: root.to_owned(),
            path: path.to_owned(),
            name: name.to_owned(),
            namespace: namespace.to_owned(),
        }
    }
}

/// One rendered object and where it came from.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// The object.
    pub object: Value,
    /// The file that it was read or made from, as [`Request::display_path`]
    /// names it.
    pub path: Option<String>,
    /// The bytes of its document in that file.
    pub bytes: Option<Range<usize>>,
}

/// A complete set of manifests.
#[derive(Clone, Debug, Default)]
pub struct Output {
    /// The objects, in an order that depends on nothing but the files.
    pub manifests: Vec<Manifest>,
    /// What a person should know although the set is complete.
    pub warnings: Diagnostics,
}

/// What `rendering.render` does.
#[doc(hidden)]
pub fn render<R: Renderer>(
    renderer: &R,
    request: contract::Request,
) -> Result<contract::Output, Vec<crate::diagnostic::Diagnostic>> {
    let contract::Request { path, name, namespace } = request;
    let output = renderer.render(&Request { root: PathBuf::from("/"), path, name, namespace })?;
    let manifests = output.manifests.into_iter().map(|manifest| contract::Manifest {
        object: manifest.object.to_string().into_bytes(),
        path: manifest.path,
        span: manifest.bytes.map(span),
    });
    Ok(contract::Output { manifests: manifests.collect(), diagnostics: output.warnings.into() })
}

/// Makes a component of a type that implements [`Renderer`].
///
/// ```ignore
/// export_renderer!(Yaml, detects: [], schema: include_str!("schema.json"));
/// ```
///
/// `detects` names the files that make a folder this renderer's when the
/// Application names none; `name` and `schema` are those of
/// [`export_policy!`](crate::export_policy). `values` names the property of the
/// settings that takes an Application's typed values.
#[macro_export]
macro_rules! export_renderer {
    (
        $renderer:ty $(, name: $name:expr)? $(, detects: [$($file:literal),* $(,)?])?
        $(, schema: $schema:expr)? $(, values: $values:literal)? $(,)?
    ) => {
        $crate::__manifest! {
            $renderer, world: "renderer", matches: [], detects: [$($($file),*)?],
            $(name: $name,)? $(schema: $schema,)? $(values: $values,)?
        }
        const _: () = {
            const fn is_renderer<T: $crate::render::Renderer>() {}
            is_renderer::<$renderer>();
        };
        #[cfg(target_family = "wasm")]
        const _: () = {
            $crate::__lifecycle!($renderer);
            impl $crate::bindings::rendering_exports::Guest for Plugin {
                fn render(
                    request: $crate::bindings::rendering_exports::Request,
                ) -> ::std::result::Result<
                    $crate::bindings::rendering_exports::Output,
                    ::std::vec::Vec<$crate::diagnostic::Diagnostic>,
                > {
                    INSTANCE.with(|instance| $crate::render::render(instance.get(), request))
                }
            }
            $crate::bindings::rendering::export_rendering!(Plugin with_types_in $crate::bindings::rendering);
        };
    };
}
