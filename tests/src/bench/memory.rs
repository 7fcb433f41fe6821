//! Resident memory of the agent, by what it is made of. Reads `/proc`, never the agent.

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::first_sync::mebibytes;
use super::peers;
use super::report::{Report, Row, Unit};
use super::stage::Stage;

/// Resident memory at one moment, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Memory {
    /// Heap, stacks, and whatever was written to.
    anonymous: u64,
    /// Pages of files: the program, and compiled plugins.
    file: u64,
    /// Pages that are shared by name.
    shared: u64,
    /// Every page counted once, however often it is mapped, and only a part of what other processes map too.
    proportional: u64,
    /// The most that was ever resident.
    peak: u64,
}

impl Memory {
    pub(super) fn of(pid: u32) -> anyhow::Result<Self> {
        let read = |file: &str| {
            let path = format!("/proc/{pid}/{file}");
            std::fs::read_to_string(&path).with_context(|| format!("read {path}"))
        };
        let (status, rollup) = (read("status")?, read("smaps_rollup")?);
        Self::parse(&status, &rollup).with_context(|| format!("find the resident memory of process {pid}"))
    }

    fn parse(status: &str, rollup: &str) -> Option<Self> {
        let field = |text: &str, name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
        };
        let bytes = |name: &str| field(status, name);
        Some(Self {
            anonymous: bytes("RssAnon:")?,
            file: bytes("RssFile:")?,
            shared: bytes("RssShmem:")?,
            proportional: field(rollup, "Pss:")?,
            peak: bytes("VmHWM:")?,
        })
    }

    pub(super) fn resident(self) -> u64 {
        self.anonymous + self.file + self.shared
    }

    pub(super) fn anonymous(self) -> u64 {
        self.anonymous
    }
}

/// Lets the most that this process ever had resident be what it has now.
pub(super) fn forget_peak() -> anyhow::Result<()> {
    std::fs::write("/proc/self/clear_refs", "5").context("reset the peak of this process's memory")
}

/// Compares the agent before its first Application with how it is now.
pub(super) fn measure(stage: &Stage) -> anyhow::Result<Report> {
    let now = Memory::of(stage.agent.pid())?;
    let mut report =
        Report::new("memory", format!("the agent idle, and with {} Applications", stage.applications));
    let count = stage.applications;
    for (when, memory, peer) in [
        ("without Applications".to_owned(), stage.idle_memory, None),
        (format!("with {count} Applications"), now, stage.peer(peers::RESIDENT)),
    ] {
        let row = |what: &str, bytes| Row::new(format!("{what} {when}"), Unit::Mebibytes, mebibytes(bytes));
        report.row(row("resident", memory.resident()).peer(peer).at_most(80.0));
        report.row(row("  anonymous", memory.anonymous));
        report.row(row("  of files", memory.file));
        if memory.shared > 0 {
            report.row(row("  shared", memory.shared));
        }
        report.row(row("  every page once (Pss)", memory.proportional));
        report.row(row("at most", memory.peak).peer(peer).at_most(80.0));
    }
    report.note(
        "pages of files are the program and compiled plugins: they can be taken back. A plugin's file is mapped once \
         for each call that runs, and resident memory, its maximum too, counts those pages as often",
    );
    report.note(peers::WHO);
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_the_sum_of_its_parts() {
        let status = "VmHWM:\t 90 kB\nVmRSS:\t 60 kB\nRssAnon:\t 40 kB\nRssFile:\t 19 kB\nRssShmem:\t 1 kB\n";
        let memory = Memory::parse(status, "Rss:\t 60 kB\nPss:\t 50 kB\n").unwrap();
        assert_eq!((memory.resident(), memory.proportional, memory.peak), (60 << 10, 50 << 10, 90 << 10));
    }

    #[test]
    fn a_peak_that_is_forgotten_does_not_count_any_more() {
        let peak = || Memory::of(std::process::id()).unwrap().peak;
        drop(vec![1_u8; 200 << 20]);
        let before = peak();
        forget_peak().unwrap();
        assert!(peak() + (100 << 20) < before);
    }

    #[test]
    fn a_process_that_has_ended_has_none() {
        assert_eq!(Memory::parse("Name:\twindlass\nState:\tZ (zombie)\n", ""), None);
    }
}
