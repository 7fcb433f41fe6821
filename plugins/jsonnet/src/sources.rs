//! The files of the repository, and where an import finds them.
//!
//! Paths are relative to the root of the repository, with `/` between their
//! parts. Never gives a file from outside of it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::rc::Rc;

use windlass_plugin_sdk::diagnostic::Diagnostics;
use windlass_plugin_sdk::render::Request;

/// Folders that are looked into without being named, as jsonnet-bundler and
/// Tanka have them. What is in the repository's own `lib` is preferred to what
/// was vendored.
const CONVENTIONAL: [&str; 2] = ["lib", "vendor"];

/// The files, each read once.
pub(crate) struct Sources<'r> {
    request: &'r Request,
    /// Where imports are looked up, in this order.
    folders: Vec<String>,
    read: RefCell<BTreeMap<String, Rc<[u8]>>>,
}

/// Why an import gives nothing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// Nothing is there; these paths were tried.
    Nowhere(Vec<String>),
    /// The path leads out of the repository.
    Outside,
    /// It is there, and can't be read.
    Unreadable(String, String),
}

impl<'r> Sources<'r> {
    /// # Errors
    /// Names the folder of `libs` that leads out of the repository.
    pub(crate) fn new(request: &'r Request, libs: &[String]) -> Result<Self, Diagnostics> {
        let mut folders = Vec::new();
        for lib in libs {
            let folder = join(request.path(), lib).ok_or_else(|| {
                Diagnostics::error(format!("`libs` has `{lib}`, which leads out of the repository"))
            })?;
            folders.push(folder);
        }
        for name in CONVENTIONAL {
            for base in [request.path(), ""] {
                let folder = if base.is_empty() { name.to_owned() } else { format!("{base}/{name}") };
                if !folders.contains(&folder) {
                    folders.push(folder);
                }
            }
        }
        Ok(Self { request, folders, read: RefCell::default() })
    }

    /// The file that `importer` means by `path`.
    pub(crate) fn import(&self, importer: &str, path: &str) -> Result<(String, Rc<[u8]>), Missing> {
        let candidates = self.candidates(importer, path);
        for candidate in &candidates {
            match self.file(candidate) {
                Ok(Some(content)) => return Ok((candidate.clone(), content)),
                Ok(None) => {}
                Err(problem) => return Err(Missing::Unreadable(candidate.clone(), problem)),
            }
        }
        Err(if candidates.is_empty() { Missing::Outside } else { Missing::Nowhere(candidates) })
    }

    /// The same, of what was read already.
    pub(crate) fn imported(&self, importer: &str, path: &str) -> Option<String> {
        let read = self.read.borrow();
        self.candidates(importer, path).into_iter().find(|candidate| read.contains_key(candidate))
    }

    /// A file that was read already.
    pub(crate) fn known(&self, path: &str) -> Option<Rc<[u8]>> {
        self.read.borrow().get(path).cloned()
    }

    /// The content of a file, if there is one.
    pub(crate) fn file(&self, path: &str) -> Result<Option<Rc<[u8]>>, String> {
        if let Some(content) = self.known(path) {
            return Ok(Some(content));
        }
        match fs::read(self.request.root().join(path)) {
            Ok(content) => {
                let content: Rc<[u8]> = content.into();
                self.read.borrow_mut().insert(path.to_owned(), Rc::clone(&content));
                Ok(Some(content))
            }
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Where `path` may be. An absolute one stands for one place.
    fn candidates(&self, importer: &str, path: &str) -> Vec<String> {
        let beside = importer.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut candidates: Vec<_> = join(beside, path).into_iter().collect();
        if !path.starts_with('/') {
            candidates.extend(self.folders.iter().filter_map(|folder| join(folder, path)));
        }
        candidates
    }
}

/// `path` as seen from `folder`, or from the root when it begins with `/`;
/// nothing where it leads out of the repository.
pub(crate) fn join(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    let folder = if path.starts_with('/') { "" } else { folder };
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
