//! Why there is no set of manifests, and what to do about it.

use crate::api::condition::Reason;
use crate::diagnostic::Diagnostic;
use crate::object::{ObjectKey, Origin};
use crate::plugin::{PluginError, World};
use crate::source::trace::Inputs;
use crate::source::tree::TreeError;

use super::{Absent, PluginId};

/// Why an application could not be rendered.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RenderError {
    /// The named renderer can't be used.
    #[error("{}", absent_message("a renderer", .name, World::Renderer, .absent))]
    Absent {
        /// The name.
        name: String,
        /// Why not.
        absent: Absent,
    },
    /// Nothing is at the Application's path.
    #[error("the path `{path}` does not exist in this revision")]
    PathMissing {
        /// The path as the Application gives it.
        path: String,
    },
    /// A file is at the Application's path.
    #[error("the path `{path}` is not a folder")]
    NotAFolder {
        /// The path as the Application gives it.
        path: String,
    },
    /// No renderer was named, none recognises a file, and the one for plain
    /// manifests is not loaded.
    #[error("no renderer recognises a file in `{}`", shown(.folder))]
    NothingDetected {
        /// The folder.
        folder: String,
        /// The renderers that are loaded.
        known: Vec<String>,
    },
    /// No renderer was named, and several recognise a file.
    #[error(
        "`{}` could be for the renderer `{}` (it has `{}`) or for `{}` (it has `{}`)",
        shown(.folder), .candidates[0].0, .candidates[0].1, .candidates[1].0, .candidates[1].1
    )]
    Ambiguous {
        /// The folder.
        folder: String,
        /// Two renderers, each with the file that it recognises.
        candidates: [(String, String); 2],
    },
    /// The Application hands over what the renderer does not take.
    #[error("the renderer `{renderer}` does not take {what}")]
    NotReceived {
        /// The renderer's name.
        renderer: String,
        /// What it is handed.
        what: &'static str,
    },
    /// The file that a post-renderer finds the set in is in the repository.
    #[error("`{path}` is in the repository, and a post-renderer is to find the rendered set there")]
    InputExists {
        /// The file.
        path: String,
    },
    /// A post-renderer made its result without the set that it was to change.
    #[error("the post-renderer `{renderer}` did not read the rendered set, `{path}`")]
    InputUnread {
        /// The renderer's name.
        renderer: String,
        /// The file that the set was in.
        path: String,
    },
    /// The renderer gave no result.
    #[error("{}", plugin_message(.plugin, .folder, .error))]
    Plugin {
        /// The renderer.
        plugin: PluginId,
        /// The application's folder.
        folder: String,
        /// What happened.
        error: PluginError,
        /// The look-up that failed first, if one did: often the cause.
        tree: Option<TreeError>,
    },
    /// Two manifests are the same object.
    #[error("{object} is rendered twice{}", places(.first.as_ref(), .second.as_ref()))]
    Duplicate {
        /// The object.
        object: ObjectKey,
        /// Where the first is from.
        first: Option<Origin>,
        /// Where the second is from.
        second: Option<Origin>,
    },
    /// The renderer returned something that the API server would never take.
    #[error("{} {problem}", object.as_ref().map_or_else(|| "a manifest".to_owned(), ToString::to_string))]
    InvalidObject {
        /// The renderer.
        renderer: PluginId,
        /// Where it is from, as near to the field as its file tells.
        origin: Option<Origin>,
        /// Column in characters, counted from 1.
        column: Option<u32>,
        /// The object, where that much could be read.
        object: Option<ObjectKey>,
        /// Where in the object, as a JSON pointer.
        pointer: Option<String>,
        /// What is wrong, to follow its name.
        problem: String,
    },
    /// The set has too many objects.
    #[error("`{}` renders to more than {limit} objects", shown(.folder))]
    TooManyObjects {
        /// The folder.
        folder: String,
        /// The limit.
        limit: usize,
    },
    /// One object is too large.
    #[error(
        "{} has {bytes} bytes, more than the limit of {limit}",
        object.as_ref().map_or_else(|| "a manifest".to_owned(), ToString::to_string)
    )]
    ObjectTooLarge {
        /// The object, where that much could be read.
        object: Option<ObjectKey>,
        /// Where it is from.
        origin: Option<Origin>,
        /// Its size as JSON.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The tree did not answer, or not within its limits.
    #[error("{0}")]
    Tree(TreeError),
    /// What was told of a failure in an earlier process, whose causes stand.
    #[error("{}", .diagnostics.first().map_or("it failed before", |first| first.message.as_str()))]
    Remembered {
        /// What kind of failure it was.
        reason: Reason,
        /// All that was told, the cause first.
        diagnostics: Vec<Diagnostic>,
    },
}

/// A [`RenderError`] with what it depended on: while these inputs stand, the
/// same would happen again, if [`RenderError::is_deterministic`].
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{error}")]
pub struct RenderFailure {
    /// What happened.
    pub error: RenderError,
    /// What was looked up until then.
    pub inputs: Inputs,
}

impl RenderError {
    /// Whether the same inputs would fail in the same way. Running out of time
    /// and an object database that does not answer say nothing about the next
    /// attempt; a plugin that could not be loaded may be loaded then.
    pub fn is_deterministic(&self) -> bool {
        !matches!(
            self,
            Self::Tree(TreeError::Unreadable { .. })
                | Self::Plugin { error: PluginError::Deadline { .. } | PluginError::Load(_), .. }
                | Self::Plugin { tree: Some(TreeError::Unreadable { .. }), .. }
        )
    }

    /// All that a person has to know, the cause first.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        match self {
            Self::Plugin { plugin, error: PluginError::Refused(own), tree, .. } => {
                let mut all: Vec<_> = tree.iter().map(tree_diagnostic).collect();
                let told = all.first().map(|first| first.message.clone());
                all.extend(own.iter().filter(|own| Some(&own.message) != told.as_ref()).cloned());
                if all.is_empty() {
                    all.push(Diagnostic::error(format!("the renderer {plugin} failed without a message")));
                }
                all
            }
            Self::Plugin { error, tree, folder, .. } => {
                let mut all: Vec<_> = tree.iter().map(tree_diagnostic).collect();
                let mut own = Diagnostic::error(self.to_string());
                own.origin = file(folder);
                own.hint = plugin_hint(error);
                all.push(own);
                all
            }
            Self::Tree(error) => vec![tree_diagnostic(error)],
            Self::Remembered { diagnostics, .. } => diagnostics.clone(),
            Self::InvalidObject { origin, column, object, pointer, .. } => vec![Diagnostic {
                origin: origin.clone(),
                column: *column,
                pointer: pointer.clone(),
                object: object.clone(),
                // The object has a field of its own.
                message: self.message_without_object(),
                ..Diagnostic::error("")
            }],
            Self::Duplicate { object, second, .. } => vec![Diagnostic {
                origin: second.clone(),
                object: Some(object.clone()),
                message: self.message_without_object(),
                hint: Some("remove one of them; the API server can hold only one".to_owned()),
                ..Diagnostic::error("")
            }],
            Self::ObjectTooLarge { object, origin, .. } => vec![Diagnostic {
                origin: origin.clone(),
                object: object.clone(),
                message: self.message_without_object(),
                hint: Some("split it: the API server takes no larger ones".to_owned()),
                ..Diagnostic::error("")
            }],
            _ => vec![Diagnostic {
                origin: self.folder(),
                hint: self.hint(),
                ..Diagnostic::error(self.to_string())
            }],
        }
    }

    fn message_without_object(&self) -> String {
        let message = self.to_string();
        let (Self::InvalidObject { object: Some(object), .. }
        | Self::ObjectTooLarge { object: Some(object), .. }
        | Self::Duplicate { object, .. }) = self
        else {
            return message;
        };
        let prefix = format!("{object} ");
        message.strip_prefix(&prefix).map_or_else(|| message.clone(), ToOwned::to_owned)
    }

    fn folder(&self) -> Option<Origin> {
        match self {
            Self::NothingDetected { folder, .. }
            | Self::Ambiguous { folder, .. }
            | Self::TooManyObjects { folder, .. } => file(folder),
            Self::InputExists { path } | Self::InputUnread { path, .. } => file(path),
            _ => None,
        }
    }

    fn hint(&self) -> Option<String> {
        let known = |known: &[String]| {
            if known.is_empty() {
                "no renderer is loaded".to_owned()
            } else {
                format!("known: {}", known.join(", "))
            }
        };
        Some(match self {
            Self::Absent { absent: Absent::Missing { known: names }, .. } => known(names),
            Self::Absent { absent: Absent::WrongWorld(_), .. } => {
                "name a plugin that is a renderer".to_owned()
            }
            Self::Absent { absent: Absent::Unusable(_), .. } => "see the status of its Plugin".to_owned(),
            Self::PathMissing { .. } | Self::NotAFolder { .. } => {
                "the path is relative to the root of the repository".to_owned()
            }
            Self::NotReceived { .. } => {
                "leave it out, or name a renderer whose manifest says under `receives` that it does"
                    .to_owned()
            }
            Self::InputUnread { .. } => {
                "name the file where the renderer looks, such as under `resources` of a kustomization.yaml"
                    .to_owned()
            }
            Self::InputExists { .. } => "give the post-renderer's `input` another name".to_owned(),
            Self::NothingDetected { known: names, .. } => format!("name the renderer; {}", known(names)),
            Self::Ambiguous { .. } => "name the renderer".to_owned(),
            Self::TooManyObjects { .. } => "split the application".to_owned(),
            _ => return None,
        })
    }
}

pub(crate) fn absent_message(what: &str, name: &str, wanted: World, absent: &Absent) -> String {
    match absent {
        Absent::Missing { .. } => format!("there is no plugin `{name}`"),
        Absent::Unusable(problem) => format!("the plugin `{name}` can't be used: {problem}"),
        Absent::WrongWorld(world) => format!(
            "the plugin `{name}` can't be used as {what}: it implements the world `{}`, not `{}`",
            world.as_str(),
            wanted.as_str()
        ),
    }
}

fn plugin_message(plugin: &PluginId, folder: &str, error: &PluginError) -> String {
    let folder = shown(folder);
    match error {
        PluginError::Refused(_) => format!("the renderer `{}` refused `{folder}`: {error}", plugin.name),
        PluginError::Trap { output, .. } if !output.trim().is_empty() => {
            format!("the renderer `{plugin}` on `{folder}` {error}; its last output: {}", output.trim())
        }
        _ => format!("the renderer `{plugin}` on `{folder}`: {error}"),
    }
}

pub(crate) fn plugin_hint(error: &PluginError) -> Option<String> {
    Some(match error {
        PluginError::Refused(_) | PluginError::Load(_) => return None,
        PluginError::Config(_) => "correct the settings; the schema is the plugin's".to_owned(),
        PluginError::Deadline { .. } => "raise limits.time of the plugin, or give it less to do".to_owned(),
        PluginError::Memory { .. } => "raise limits.memory of the plugin, or give it less to do".to_owned(),
        PluginError::Output { .. } => {
            "raise limits.output of the plugin, or split the application".to_owned()
        }
        PluginError::HostCalls { .. } => "raise limits.hostCalls of the plugin".to_owned(),
        PluginError::Trap { .. } | PluginError::Contract(_) => {
            "this is a defect of the plugin: report it to its author with the digest".to_owned()
        }
    })
}

fn tree_diagnostic(error: &TreeError) -> Diagnostic {
    let (path, hint) = match error {
        TreeError::Outside { path } => {
            (Some(path), "an application can only use files of its own repository")
        }
        TreeError::SymlinkLoop { path, .. } => (Some(path), "the symlinks may form a loop"),
        TreeError::Submodule { path } => {
            (Some(path), "submodules are not followed; copy the files, or use a Repository of its own")
        }
        TreeError::LfsPointer { path } => (Some(path), "commit the file itself instead of a Git LFS pointer"),
        TreeError::Limit { .. } => (None, "raise the setting that is named, or split the application"),
        TreeError::Name { path, .. } => (Some(path), "rename it"),
        TreeError::Unreadable { path, .. } => {
            (Some(path), "nothing is changed while the repository can't be read; this is tried again")
        }
        TreeError::WrongKind { path, .. } => {
            (Some(path), "the path is relative to the root of the repository")
        }
    };
    Diagnostic {
        origin: path.and_then(|path| file(path)),
        hint: Some(hint.to_owned()),
        ..Diagnostic::error(error.to_string())
    }
}

fn file(path: &str) -> Option<Origin> {
    let path = path.trim_start_matches('/');
    (!path.is_empty()).then(|| Origin { path: path.to_owned(), line: None, span: None })
}

/// A folder as a person writes it: the root has a name too.
fn shown(folder: &str) -> &str {
    if folder.is_empty() { "." } else { folder }
}

fn places(first: Option<&Origin>, second: Option<&Origin>) -> String {
    match (first, second) {
        (Some(first), Some(second)) => format!(": at {first} and at {second}"),
        (Some(place), None) | (None, Some(place)) => format!(": once at {place}"),
        (None, None) => String::new(),
    }
}
