//! What is rendered: for each renderer something small, something as people have it, and something large. Gives files
//! as text; writes nothing.

use super::{helm, kustomize};

/// The namespace that every object names.
pub(super) const NAMESPACE: &str = "bench";
/// The Application's name, and the release's.
pub(super) const NAME: &str = "shop";

/// Something to render.
pub(super) struct Input {
    /// The plugin, and upstream's command.
    pub(super) renderer: &'static str,
    /// How large it is.
    pub(super) size: &'static str,
    /// Its folder in the repository.
    pub(super) folder: String,
    /// Every file with its path in that folder.
    pub(super) files: Vec<(String, String)>,
    /// How many objects it renders to.
    pub(super) objects: usize,
    /// The longest that a warm render should take, in milliseconds.
    pub(super) aim: Option<f64>,
    /// A values file in the folder.
    pub(super) values: Option<&'static str>,
}

impl Input {
    pub(super) fn new(
        renderer: &'static str,
        size: &'static str,
        objects: usize,
        files: Vec<(String, String)>,
    ) -> Self {
        let folder = format!("{renderer}/{size}");
        Self { renderer, size, folder, files, objects, aim: None, values: None }
    }

    /// The folder that is rendered, in the repository.
    pub(super) fn path(&self) -> String {
        let below = if self.renderer == "kustomize" { "/app" } else { "" };
        format!("{}{below}", self.folder)
    }
}

/// All of them, the small ones first.
pub(super) fn all() -> Vec<Input> {
    vec![
        Input { aim: Some(16.0), ..kustomize::small() },
        helm::small(),
        kustomize::medium(),
        Input { aim: Some(25.0), ..helm::medium() },
        kustomize::large(),
        helm::large(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_input_has_the_files_that_make_it_one() {
        for input in all() {
            let marker = if input.renderer == "kustomize" { "app/kustomization.yaml" } else { "Chart.yaml" };
            assert!(input.files.iter().any(|(path, _)| path == marker), "{}", input.folder);
            let mut paths: Vec<_> = input.files.iter().map(|(path, _)| path).collect();
            paths.sort();
            paths.dedup();
            assert_eq!(paths.len(), input.files.len(), "{}: a file stands twice", input.folder);
        }
    }
}
