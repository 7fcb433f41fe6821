//! A repository with everything that is rendered, and the plugins, in this process. Times renders, and looks at
//! what they take of memory.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use windlass::plugin::registry::{Registry, RegistryOptions};
use windlass::plugin::{CompileLimits, LimitOverrides, LoaderOptions};
use windlass::render::{Job, Memo, RenderError, Rendered, render};
use windlass::source::tree::Tree;
use windlass::source::worktree::open_revision;

use super::inputs::{self, Input, NAME, NAMESPACE};
use super::repeat;
use crate::bench::memory::{Memory, forget_peak};
use crate::{ProcessUsage, TestRepo};

/// What a render may take here: to measure one that takes too long is what this is for.
const PATIENCE: Duration = Duration::from_mins(2);

/// The commit that is rendered, and the next one, which changes something else.
const RENDERED: &str = "HEAD~1";
const NEXT: &str = "HEAD";

/// What was found in one process.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Warm {
    /// Milliseconds of each render.
    pub(super) took: Vec<f64>,
    /// Milliseconds of each answer without one.
    pub(super) remembered: Vec<f64>,
    pub(super) before: Memory,
    /// The most that was resident, in bytes.
    pub(super) peak: u64,
    pub(super) after: Memory,
}

/// The repository and the plugins.
pub(super) struct Stage {
    repo: TestRepo,
    registry: Registry,
    pub(super) plugins: PathBuf,
    pub(super) cache: tempfile::TempDir,
}

impl Stage {
    pub(super) fn prepare(progress: &dyn Fn(&str)) -> anyhow::Result<Self> {
        let plugins = crate::agent::build_plugins(progress)?;
        let root = tempfile::tempdir().context("make a folder for the repository")?;
        let repo = TestRepo::create(Arc::new(root), "renderers", None)?;
        for input in inputs::all() {
            let files = input.files.into_iter();
            repo.write_all(files.map(|(path, text)| (format!("{}/{path}", input.folder), text)))?;
        }
        repo.commit("everything")?;
        repo.write("elsewhere/a.txt", "a")?;
        repo.commit("something else")?;
        progress("loading the plugins");
        let cache = tempfile::tempdir().context("make a folder for compiled plugins")?;
        let patient = LimitOverrides { time: Some(PATIENCE), ..LimitOverrides::default() };
        let registry = Registry::open(RegistryOptions {
            loader: LoaderOptions {
                cache: cache.path().join("plugins"),
                bundled_cache: Some(plugins.join("compiled")),
                compiler: None,
                compile: CompileLimits::default(),
                // As many as an agent has for its default of one render at a time.
                calls: 3,
            },
            folder: plugins.clone(),
            limits: ["helm.wasm", "kustomize.wasm"].map(|file| (file.to_owned(), patient)).into(),
        })?;
        anyhow::ensure!(registry.errors().is_empty(), "plugins are not loaded: {:?}", registry.errors());
        Ok(Self { repo, registry, plugins, cache })
    }

    /// The folder of an input in the work tree.
    pub(super) fn folder(&self, input: &Input) -> PathBuf {
        self.repo.work_tree().join(input.path())
    }

    /// Renders an input again and again.
    pub(super) fn warm(&self, input: &Input, count: usize) -> anyhow::Result<Warm> {
        let job = job(input);
        let look = || Memory::of(std::process::id());
        // The first one maps the code.
        self.timed(&job, input)?;
        let before = look()?;
        forget_peak()?;
        let took = repeat(count, || self.timed(&job, input))?;
        let peak = ProcessUsage::of_this_process()?.peak_resident_bytes;
        let after = look()?;
        Ok(Warm { took, remembered: self.remembered(&job, input, count)?, before, peak, after })
    }

    /// Milliseconds of one render.
    fn timed(&self, job: &Job, input: &Input) -> anyhow::Result<f64> {
        let (tree, clock) = self.open(RENDERED)?;
        let began = Instant::now();
        let rendered = render(black_box(job), &tree, clock, &self.registry);
        let took = milliseconds(began);
        counted(rendered.as_ref().map_err(|failure| &failure.error), input)?;
        Ok(took)
    }

    /// Milliseconds of each answer for the next commit.
    fn remembered(&self, job: &Job, input: &Input, count: usize) -> anyhow::Result<Vec<f64>> {
        let memo = Memo::default();
        let ask = |revision: &str| {
            let (tree, clock) = self.open(revision)?;
            let began = Instant::now();
            let rendered = memo.render(black_box(job), &tree, clock, &self.registry);
            let took = milliseconds(began);
            counted(rendered.as_deref().map_err(|failure| &failure.error), input)?;
            Ok(took)
        };
        ask(RENDERED)?;
        let took = repeat(count, || ask(NEXT))?;
        anyhow::ensure!(
            memo.counts().misses == 1,
            "{} is rendered anew for a commit that changes something else",
            input.folder
        );
        Ok(took)
    }

    fn open(&self, revision: &str) -> anyhow::Result<(Arc<dyn Tree>, i64)> {
        let (revision, tree) = open_revision(self.repo.work_tree(), revision)
            .map_err(anyhow::Error::msg)
            .context("open a commit")?;
        Ok((Arc::new(tree), revision.time))
    }
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

fn job(input: &Input) -> Job {
    Job {
        renderer: Some(input.renderer.to_owned()),
        config: config(input),
        ..Job::new(NAMESPACE, NAME, &input.path())
    }
}

/// The settings that an input is rendered with.
pub(super) fn config(input: &Input) -> Value {
    input.values.map_or_else(|| json!({}), |file| json!({"valueFiles": [file]}))
}

/// Makes sure that a render gave what it should.
fn counted(rendered: Result<&Rendered, &RenderError>, input: &Input) -> anyhow::Result<()> {
    let rendered = rendered.map_err(|error| anyhow::anyhow!("{} does not render: {error}", input.folder))?;
    let (count, wanted) = (rendered.len(), input.objects);
    anyhow::ensure!(count == wanted, "{} renders to {count} objects and not to {wanted}", input.folder);
    Ok(())
}

/// A path as an argument.
pub(super) fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The large ones collect garbage while they render, which must not tie them to a commit.
    #[test]
    fn every_input_renders_whole_and_is_remembered_across_commits() {
        let stage = Stage::prepare(&|_| {}).unwrap();
        for input in inputs::all().into_iter().filter(|input| input.folder != "kustomize/large") {
            let warm = stage.warm(&input, 1).unwrap();
            assert_eq!((warm.took.len(), warm.remembered.len()), (1, 1));
        }
    }
}
