//! What `--policy` names: a plugin, with or without settings, or the sources
//! of a policy, for which the plugin is found by what the plugins' manifests
//! say that they take.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use serde_json::{Map, Value, json};

use super::super::settings::{self, At, Document, documents_in};
use super::scan::is_yaml_or_json;
use super::written::Written;
use crate::api;
use crate::object::matches_kind;
use crate::source::folder_tree::FolderTree;
use crate::source::tree::{EntryKind, Tree};

/// Most files of one policy.
const MAX_FILES: usize = 2000;

/// A policy with its settings, and where these are written.
pub(super) struct Sourced {
    pub(super) plugin: String,
    pub(super) config: Value,
    pub(super) written: Written,
}

/// What a plugin takes as sources of policies.
#[derive(Clone, Debug, Default)]
pub(super) struct Engine {
    pub(super) name: String,
    /// Patterns of kinds.
    pub(super) resources: Vec<String>,
    /// Endings of files.
    pub(super) modules: Vec<String>,
    /// Whether it is not one of several versions.
    pub(super) is_plain: bool,
}

/// The policies that are meant by `typed`.
pub(super) fn read(typed: &str, engines: &[Engine]) -> anyhow::Result<Vec<Sourced>> {
    let path = Path::new(typed);
    if let Some((plugin, settings)) = typed.split_once('=')
        && !path.exists()
    {
        let config = settings::read(settings)?;
        let is_json = settings.trim_start().starts_with('{');
        let at = if is_json {
            At::all_of("--policy", settings)
        } else {
            At::all_of(settings, &settings::file(Path::new(settings))?)
        };
        return Ok(vec![Sourced { plugin: plugin.to_owned(), config, written: Written::in_document(at) }]);
    }
    if !engines.iter().any(|engine| engine.name == typed) && path.exists() {
        return sources(path, engines);
    }
    anyhow::ensure!(!typed.contains('/'), "there is no file `{typed}`, and a plugin's name has no `/`");
    Ok(vec![Sourced { plugin: typed.to_owned(), config: Value::Null, written: Written::default() }])
}

/// The policies in a file, or in all files of a folder that a plugin takes.
fn sources(path: &Path, engines: &[Engine]) -> anyhow::Result<Vec<Sourced>> {
    let mut objects = Vec::new();
    let mut chosen: BTreeMap<String, Collected> = BTreeMap::new();
    for (file, text) in files(path, engines)? {
        if let Some(ending) = ending(&file, engines) {
            let at = format!("{file}:1:1");
            let engine =
                only(engines, |engine| takes_ending(engine, ending), &at, &format!("`.{ending}` files"))?;
            let Some(engine) = engine else { continue };
            chosen.entry(engine.to_owned()).or_default().module(&file, &text);
        } else {
            objects.extend(documents_in(&file, &text)?.into_iter().flat_map(Document::objects));
        }
    }
    let mut strays = Vec::new();
    for document in objects {
        let place = document.at.to_string();
        let (group, kind) = document
            .group_and_kind()
            .with_context(|| format!("{place}: this is {}, and no policy", document.described()))?;
        anyhow::ensure!(
            (group, kind) != (api::GROUP, "Gate"),
            "{place}: this is a Gate; name its file with --gate"
        );
        let takes =
            |engine: &Engine| engine.resources.iter().any(|pattern| matches_kind(pattern, group, kind));
        match only(engines, takes, &place, &document.described())? {
            Some(engine) => chosen.entry(engine.to_owned()).or_default().resource(document),
            None => strays.push(document),
        }
    }
    if let Some(first) = strays.first() {
        let described = first.described();
        let mut names = chosen.keys();
        match (names.next(), names.next()) {
            (None, _) => {
                anyhow::bail!("{}: no plugin takes {described} as a policy; {}", first.at, offered(engines))
            }
            (Some(one), Some(other)) => anyhow::bail!(
                "{}: {described} could be for `{one}` and for `{other}`; name their files one by one",
                first.at
            ),
            // What a policy is bound by, and what it looks up, comes along.
            (Some(_), None) => {}
        }
    }
    if let Some(only) = chosen.values_mut().next() {
        for stray in strays {
            only.resource(stray);
        }
    }
    anyhow::ensure!(!chosen.is_empty(), "{} holds no policy; {}", path.display(), offered(engines));
    Ok(chosen.into_iter().map(|(plugin, collected)| collected.policy(plugin)).collect())
}

/// The sources for one plugin.
#[derive(Default)]
struct Collected {
    resources: Vec<Value>,
    modules: Map<String, Value>,
    written: Written,
}

impl Collected {
    fn resource(&mut self, document: Document) {
        self.written.add(&format!("/resources/{}", self.resources.len()), document.at);
        self.resources.push(document.content);
    }

    fn module(&mut self, file: &str, text: &str) {
        let escaped = file.replace('~', "~0").replace('/', "~1");
        self.written.add_text(&format!("/modules/{escaped}"), file, text);
        self.modules.insert(file.to_owned(), text.into());
    }

    fn policy(self, plugin: String) -> Sourced {
        let mut config = Map::new();
        if !self.resources.is_empty() {
            config.insert("resources".to_owned(), json!(self.resources));
        }
        if !self.modules.is_empty() {
            config.insert("modules".to_owned(), Value::Object(self.modules));
        }
        Sourced { plugin, config: Value::Object(config), written: self.written }
    }
}

/// The plugin that takes what is there; `None` where no plugin does.
fn only<'a>(
    engines: &'a [Engine],
    takes: impl Fn(&Engine) -> bool,
    place: &str,
    what: &str,
) -> anyhow::Result<Option<&'a str>> {
    let taking: Vec<&Engine> = engines.iter().filter(|engine| takes(engine)).collect();
    // Another version of a plugin judges where it is named.
    let plain: Vec<&Engine> = taking.iter().copied().filter(|engine| engine.is_plain).collect();
    let candidates = if plain.is_empty() { taking } else { plain };
    match candidates.as_slice() {
        [] => Ok(None),
        [engine] => Ok(Some(&engine.name)),
        [one, other, ..] => anyhow::bail!(
            "{place}: {what} could be for the plugin `{}` or for `{}`; write --policy PLUGIN=SETTINGS",
            one.name,
            other.name
        ),
    }
}

fn takes_ending(engine: &Engine, ending: &str) -> bool {
    engine.modules.iter().any(|taken| taken.trim_start_matches('.') == ending)
}

/// The ending of a file that is a module of some plugin.
fn ending<'a>(file: &'a str, engines: &[Engine]) -> Option<&'a str> {
    let name = file.rsplit('/').next()?;
    let endings = name.match_indices('.').map(|(dot, _)| &name[dot + 1..]);
    let mut taken = endings.filter(|ending| engines.iter().any(|engine| takes_ending(engine, ending)));
    taken.next()
}

/// The texts of the files that may be sources, by the names that people give
/// them.
fn files(path: &Path, engines: &[Engine]) -> anyhow::Result<Vec<(String, String)>> {
    let wanted = |file: &str| is_yaml_or_json(file) || ending(file, engines).is_some();
    if !path.is_dir() {
        let shown = path.display().to_string();
        anyhow::ensure!(wanted(&shown), "no plugin takes `{shown}` as a policy; {}", offered(engines));
        return Ok(vec![(shown, settings::file(path)?)]);
    }
    let tree = FolderTree::open(path).with_context(|| format!("open `{}`", path.display()))?;
    let (mut found, mut folders) = (Vec::new(), vec![String::new()]);
    while let Some(folder) = folders.pop() {
        for (name, kind) in tree.list(&folder)? {
            let below = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            match kind {
                EntryKind::Directory => folders.push(below),
                EntryKind::File | EntryKind::Executable if wanted(&below) => found.push(below),
                _ => {}
            }
        }
        anyhow::ensure!(
            found.len() + folders.len() <= MAX_FILES,
            "`{}` has more files and folders than the limit of {MAX_FILES} (fixed)",
            path.display()
        );
    }
    found.sort();
    let read = |below: String| {
        let file = path.join(below);
        Ok((file.display().to_string(), settings::file(&file)?))
    };
    found.into_iter().map(read).collect()
}

fn offered(engines: &[Engine]) -> String {
    let of = |engine: &Engine| {
        let kinds = engine.resources.iter().map(|kind| format!("`{kind}`"));
        let endings =
            engine.modules.iter().map(|ending| format!("`.{}` files", ending.trim_start_matches('.')));
        let all: Vec<String> = kinds.chain(endings).collect();
        (!all.is_empty()).then(|| format!("`{}` takes {}", engine.name, all.join(", ")))
    };
    let all: Vec<String> = engines.iter().filter_map(of).collect();
    if all.is_empty() { "no plugin that is loaded takes any".to_owned() } else { all.join("; ") }
}

#[cfg(test)]
mod tests;
