//! What a process has used so far, read from `/proc`. Takes a process id, gives processor time and resident
//! memory; never averages, samples or waits.

use std::time::Duration;

use anyhow::Context as _;

/// The unit of processor time in `/proc/PID/stat`: `USER_HZ`, which Linux fixes to 100 for user space on every
/// architecture that Kubernetes runs on.
const TICKS_PER_SECOND: u64 = 100;

/// Processor time and memory of one process at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessUsage {
    /// User and system time of all its threads since it started, to 10 ms.
    pub cpu: Duration,
    /// Resident memory now, in bytes.
    pub resident_bytes: u64,
    /// The largest resident memory it ever had, in bytes.
    pub peak_resident_bytes: u64,
}

impl ProcessUsage {
    /// The usage of process `pid`; an error when it doesn't exist (any more).
    pub fn of(pid: u32) -> anyhow::Result<Self> {
        let stat = read(pid, "stat")?;
        let status = read(pid, "status")?;
        Ok(Self {
            cpu: cpu(&stat).with_context(|| format!("find the processor time in /proc/{pid}/stat"))?,
            resident_bytes: kibibytes(&status, "VmRSS:").unwrap_or(0),
            peak_resident_bytes: kibibytes(&status, "VmHWM:").unwrap_or(0),
        })
    }

    /// The usage of this very process.
    pub fn of_this_process() -> anyhow::Result<Self> {
        Self::of(std::process::id())
    }
}

fn read(pid: u32, file: &str) -> anyhow::Result<String> {
    let path = format!("/proc/{pid}/{file}");
    std::fs::read_to_string(&path).with_context(|| format!("read {path}"))
}

/// Fields 14 and 15. The second field is the program's name in parentheses and may itself hold any character,
/// so counting starts behind the last one.
fn cpu(stat: &str) -> Option<Duration> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let user: u64 = fields.get(11)?.parse().ok()?;
    let system: u64 = fields.get(12)?.parse().ok()?;
    Some(Duration::from_millis((user + system) * 1000 / TICKS_PER_SECOND))
}

/// A line such as `VmRSS:     1234 kB`, in bytes. A process that has ended and waits for its parent has none.
fn kibibytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_with_parentheses_in_its_name_is_still_read_right() {
        let stat = "42 (a (b) c) S 1 42 42 0 -1 4194560 1 2 3 4 150 50 0 0 20 0 1 0 9 8 7";
        assert_eq!(cpu(stat), Some(Duration::from_secs(2)));
    }

    #[test]
    fn memory_is_given_in_bytes() {
        assert_eq!(kibibytes("Name:\tx\nVmRSS:\t     12 kB\n", "VmRSS:"), Some(12 * 1024));
    }

    #[test]
    fn this_process_uses_memory() {
        assert!(ProcessUsage::of_this_process().unwrap().resident_bytes > 0);
    }
}
