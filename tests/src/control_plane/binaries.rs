//! Where the control plane's programs come from: the folder that `KUBEBUILDER_ASSETS` names, or one binary
//! that is built once from the Go module beside this crate and kept in the user's cache.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use sha2::{Digest as _, Sha256};

mod build;

/// The conventional variable: a folder with `etcd`, `kube-apiserver` and `kubectl`, and `kube-controller-manager`
/// and `kube-scheduler` where they are wanted.
const ASSETS: &str = "KUBEBUILDER_ASSETS";

/// What the built binary is made of; their contents name its place in the cache.
const INPUTS: [&str; 3] = ["go.mod", "go.sum", "main.go"];

/// The programs of a control plane.
#[derive(Debug, Clone)]
pub struct Binaries(Source);

#[derive(Debug, Clone)]
enum Source {
    /// A folder with a binary for each.
    Folder(PathBuf),
    /// One binary that is all of them and takes the program's name as its first argument.
    Combined(PathBuf),
}

impl Binaries {
    /// Finds them, and builds them where nothing fits: that takes minutes the first time and needs Go 1.26 and
    /// the network. `progress` is given a line now and then. Processes that need the same binary at the same
    /// time build it once.
    pub fn find_or_build(progress: &(dyn Fn(&str) + Sync)) -> anyhow::Result<Self> {
        if let Some(folder) = std::env::var_os(ASSETS).filter(|folder| !folder.is_empty()) {
            return Self::in_folder(folder.into());
        }
        let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("control-plane");
        let folder = cache_folder()?.join(digest_of_inputs(&module)?);
        let binary = folder.join("control-plane");
        if !binary.is_file() {
            fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
            let lock = lock(&folder.join("lock"), progress)?;
            if !binary.is_file() {
                build::build(&module, &binary, progress)?;
            }
            drop(lock);
        }
        Ok(Self(Source::Combined(binary)))
    }

    fn in_folder(folder: PathBuf) -> anyhow::Result<Self> {
        for name in ["etcd", "kube-apiserver", "kubectl"] {
            if !folder.join(name).is_file() {
                bail!(
                    "{ASSETS} is set to {}, which has no `{name}`: fetch the full set of binaries, or unset the \
                     variable to have them built",
                    folder.display()
                );
            }
        }
        Ok(Self(Source::Folder(folder)))
    }

    /// The words that start `program`: a binary and perhaps a first argument.
    pub fn command(&self, program: &str) -> anyhow::Result<Vec<OsString>> {
        match &self.0 {
            Source::Combined(binary) => Ok(vec![binary.into(), program.into()]),
            Source::Folder(folder) => {
                let binary = folder.join(program);
                if !binary.is_file() {
                    bail!("{ASSETS} is set to {}, which has no `{program}`", folder.display());
                }
                Ok(vec![binary.into()])
            }
        }
    }
}

/// `windlass/control-plane` in the user's cache folder.
fn cache_folder() -> anyhow::Result<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = absolute("XDG_CACHE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".cache")))
        .context("find the cache folder: neither XDG_CACHE_HOME nor HOME is an absolute path")?;
    Ok(cache.join("windlass").join("control-plane"))
}

fn digest_of_inputs(module: &Path) -> anyhow::Result<String> {
    let mut digest = Sha256::new();
    for input in INPUTS {
        let path = module.join(input);
        digest.update(fs::read(&path).with_context(|| format!("read {}", path.display()))?);
    }
    Ok(hex::encode(digest.finalize()))
}

/// Waits for the lock; the system takes it back from a process that dies.
fn lock(path: &Path, progress: &(dyn Fn(&str) + Sync)) -> anyhow::Result<File> {
    let file = File::create(path).with_context(|| format!("create {}", path.display()))?;
    if file.try_lock().is_err() {
        progress("waiting for another process that builds the control plane");
        file.lock().with_context(|| format!("lock {}", path.display()))?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incomplete_folder_of_binaries_is_refused_by_the_name_of_what_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("etcd"), "").unwrap();
        let error = Binaries::in_folder(folder.path().to_owned()).unwrap_err().to_string();
        assert!(error.contains("no `kube-apiserver`"), "{error}");
    }

    #[test]
    fn binaries_of_a_folder_take_no_first_argument() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["etcd", "kube-apiserver", "kubectl"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let binaries = Binaries::in_folder(folder.path().to_owned()).unwrap();
        assert_eq!(binaries.command("kubectl").unwrap(), [folder.path().join("kubectl")]);
        assert!(binaries.command("kube-scheduler").is_err());
    }

    #[test]
    fn a_changed_input_names_another_place_in_the_cache() {
        let folder = tempfile::tempdir().unwrap();
        for input in INPUTS {
            fs::write(folder.path().join(input), input).unwrap();
        }
        let before = digest_of_inputs(folder.path()).unwrap();
        fs::write(folder.path().join("main.go"), "package main").unwrap();
        assert_ne!(before, digest_of_inputs(folder.path()).unwrap());
    }
}
