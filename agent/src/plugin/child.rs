//! Compiles a plugin in a process of its own, with its own memory and time.
//!
//! Takes a `.wasm` file and where the compiled form goes; gives nothing but
//! success or the compiler's last words. The only process that the agent ever
//! starts.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::PluginError;

/// The compiler's name, beside the agent's own executable.
const PROGRAM: &str = "windlass-compile";

/// What is kept of the compiler's words, in bytes.
const WORDS_BYTES: u64 = 16 << 10;

/// How often a running compiler is looked at.
const PATIENCE: Duration = Duration::from_millis(20);

/// What one compilation may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompileLimits {
    /// Largest module in bytes. A larger one must be precompiled.
    pub module_bytes: u64,
    /// Memory of the compiler in bytes.
    pub memory_bytes: u64,
    /// Wall clock.
    pub time: Duration,
}

impl Default for CompileLimits {
    fn default() -> Self {
        Self { module_bytes: 8 << 20, memory_bytes: 1 << 30, time: Duration::from_mins(2) }
    }
}

/// Turns a `.wasm` file into machine code.
pub(crate) trait Compile: Send + Sync {
    /// Writes the compiled form of `input` to `output`.
    ///
    /// # Errors
    /// [`PluginError::Load`].
    fn compile(&self, input: &Path, output: &Path) -> Result<(), PluginError>;
}

/// The compiler that was built with this agent.
#[derive(Clone, Debug)]
pub(crate) struct CompilerProcess {
    program: PathBuf,
    limits: CompileLimits,
}

impl CompilerProcess {
    /// `program`, or the compiler that stands beside this executable.
    pub(crate) fn new(program: Option<PathBuf>, limits: CompileLimits) -> Self {
        let beside = || std::env::current_exe().ok().map(|exe| exe.with_file_name(PROGRAM));
        Self { program: program.or_else(beside).unwrap_or_else(|| PathBuf::from(PROGRAM)), limits }
    }
}

impl Compile for CompilerProcess {
    fn compile(&self, input: &Path, output: &Path) -> Result<(), PluginError> {
        let size = std::fs::metadata(input).map_or(0, |metadata| metadata.len());
        if size > self.limits.module_bytes {
            return Err(PluginError::Load(format!(
                "it has {size} bytes, more than the {} that may be compiled inside the pod (compile.moduleBytes); \
                 precompile it with `{PROGRAM}` in an init container or a Job",
                self.limits.module_bytes
            )));
        }
        let mut child = Command::new(&self.program)
            .arg("--output")
            .arg(output)
            .arg("--memory-limit")
            .arg(self.limits.memory_bytes.to_string())
            .arg(input)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| {
                PluginError::Load(format!("start the plugin compiler `{}`: {error}", self.program.display()))
            })?;
        // Read aside, so that a chatty compiler never blocks on a full pipe.
        let words = child.stderr.take().map(|stderr| std::thread::spawn(move || last_words(stderr)));
        let status = wait(&mut child, self.limits.time);
        let words = words.and_then(|reader| reader.join().ok()).unwrap_or_default();
        match status {
            Ok(Some(status)) if status.success() => Ok(()),
            Ok(Some(status)) => Err(PluginError::Load(format!("compile it: {status}: {words}"))),
            Ok(None) => Err(PluginError::Load(format!(
                "compiling it took longer than {:?} (compile.time)",
                self.limits.time
            ))),
            Err(error) => Err(PluginError::Load(format!("wait for the plugin compiler: {error}"))),
        }
    }
}

/// The exit status; nothing when the time was up and the compiler was killed.
fn wait(child: &mut Child, time: Duration) -> std::io::Result<Option<ExitStatus>> {
    let end = Instant::now() + time;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= end {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(PATIENCE);
    }
}

/// Reads to the end, keeping the first part.
fn last_words(mut stderr: impl Read) -> String {
    let mut words = Vec::new();
    let _ = stderr.by_ref().take(WORDS_BYTES).read_to_end(&mut words);
    let _ = std::io::copy(&mut stderr, &mut std::io::sink());
    String::from_utf8_lossy(&words).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_over_the_budget_names_the_setting_and_the_way_out() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), [0; 32]).unwrap();
        let limits = CompileLimits { module_bytes: 31, ..CompileLimits::default() };
        let compiler = CompilerProcess::new(None, limits);
        let error = compiler.compile(file.path(), Path::new("/dev/null")).unwrap_err().to_string();
        assert!(error.contains("compile.moduleBytes") && error.contains("precompile"), "{error}");
    }

    #[test]
    fn a_compiler_that_fails_is_quoted() {
        let compiler = CompilerProcess::new(Some(PathBuf::from("/bin/ls")), CompileLimits::default());
        let error = compiler.compile(Path::new("/nowhere"), Path::new("/dev/null")).unwrap_err();
        assert!(error.to_string().starts_with("can't be loaded: compile it: exit status"), "{error}");
    }

    #[test]
    fn a_compiler_that_is_missing_is_named() {
        let compiler =
            CompilerProcess::new(Some(PathBuf::from("/nowhere/compiler")), CompileLimits::default());
        let error = compiler.compile(Path::new("/nowhere"), Path::new("/dev/null")).unwrap_err();
        assert!(error.to_string().contains("`/nowhere/compiler`"), "{error}");
    }
}
