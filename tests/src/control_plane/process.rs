//! One program of the control plane as a child process that can't outlive this one.
//!
//! The program runs under a shell that leaves a watcher behind and then becomes the program itself, so the
//! child's id is the program's. The watcher reads from a pipe whose other end only this process holds: a line
//! means "ended in good order"; the end of the pipe means that this process is gone, even by SIGKILL, and then
//! the watcher kills the program. It works for any binary and needs no runtime, thread or signal handler here.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};

use anyhow::Context as _;

/// `$$` stays the id of the outer shell inside the watcher, which is the program's id after `exec`. The folder
/// is removed a second time because programs that are being killed may still have written into it.
const SUPERVISE: &str = r#"
exec 3<&0
{
  read -r _ <&3 || {
    kill -KILL $$
    [ -z "$WINDLASS_LEFTOVERS" ] || rm -rf -- "$WINDLASS_LEFTOVERS" || { sleep 1; rm -rf -- "$WINDLASS_LEFTOVERS"; }
  }
} >/dev/null 2>&1 &
exec "$@" </dev/null 3<&-
"#;

/// How much of a log an error quotes, in bytes.
const LOG_TAIL: u64 = 4 * 1024;

/// A running program. Dropping it kills it and waits until it is gone.
pub(crate) struct Program {
    name: &'static str,
    log: PathBuf,
    child: Child,
    lifeline: Option<ChildStdin>,
}

/// What to run and where its output goes.
pub(crate) struct Start<'a> {
    pub(crate) name: &'static str,
    /// The binary and all its arguments.
    pub(crate) words: Vec<OsString>,
    /// Standard output and error are appended here.
    pub(crate) log: &'a Path,
    /// A folder to remove should this process die without stopping the program.
    pub(crate) leftovers: Option<&'a Path>,
}

impl Program {
    pub(crate) fn start(start: Start<'_>) -> anyhow::Result<Self> {
        let Start { name, words, log, leftovers } = start;
        let output = File::options()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| format!("open the log {}", log.display()))?;
        let errors = output.try_clone().with_context(|| format!("open the log {}", log.display()))?;
        let mut child = Command::new("/bin/sh")
            .arg("-c")
            .arg(SUPERVISE)
            .arg(name)
            .args(words)
            .env("WINDLASS_LEFTOVERS", leftovers.map(Path::as_os_str).unwrap_or_default())
            .stdin(Stdio::piped())
            .stdout(output)
            .stderr(errors)
            // Ctrl-C in a terminal goes to this process alone, which then stops the programs in order.
            .process_group(0)
            .spawn()
            .with_context(|| format!("start {name}"))?;
        let lifeline = child.stdin.take();
        Ok(Self { name, log: log.to_owned(), child, lifeline })
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        self.child.try_wait().with_context(|| format!("ask whether {} still runs", self.name))
    }

    /// The last lines that it wrote.
    pub(crate) fn log_tail(&self) -> String {
        tail(&self.log)
            .unwrap_or_else(|error| format!("(its log {} can't be read: {error})", self.log.display()))
    }

    fn stop(&mut self) {
        // Killing fails only when the program has ended already, and there is nobody to tell.
        _ = self.child.kill();
        _ = self.child.wait();
        if let Some(mut lifeline) = self.lifeline.take() {
            _ = lifeline.write_all(b"\n");
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.stop();
    }
}

fn tail(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(length.saturating_sub(LOG_TAIL)))?;
    let mut bytes = Vec::new();
    file.take(LOG_TAIL).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    fn shell(script: &str, log: &Path) -> Program {
        let words = ["/bin/sh", "-c", script].map(OsString::from).to_vec();
        Program::start(Start { name: "script", words, log, leftovers: None }).unwrap()
    }

    #[test]
    fn the_childs_id_is_the_programs_own() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let mut program = shell("echo $$", &log);
        program.child.wait().unwrap();
        assert_eq!(program.log_tail().trim(), program.pid().to_string());
    }

    #[test]
    fn the_program_sees_an_empty_standard_input_and_not_the_lifeline() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let mut program = shell("cat; [ -e /proc/self/fd/3 ] && echo leaked; echo done", &log);
        program.child.wait().unwrap();
        assert_eq!(program.log_tail(), "done\n");
    }

    #[test]
    fn the_end_of_the_lifeline_kills_the_program_and_removes_what_it_leaves() {
        let folder = tempfile::tempdir().unwrap();
        let leftovers = folder.path().join("leftovers");
        std::fs::create_dir(&leftovers).unwrap();
        let words = ["/bin/sleep", "1000"].map(OsString::from).to_vec();
        let log = folder.path().join("log");
        let start = Start { name: "sleep", words, log: &log, leftovers: Some(&leftovers) };
        let mut program = Program::start(start).unwrap();
        drop(program.lifeline.take());
        assert_eq!(program.child.wait().unwrap().signal(), Some(9));
        while leftovers.exists() {
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_long_log_is_quoted_by_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        std::fs::write(&path, format!("{}the end", "x".repeat(10_000))).unwrap();
        let tail = tail(&path).unwrap();
        assert_eq!(tail.len() as u64, LOG_TAIL);
        assert!(tail.ends_with("the end"));
    }
}
