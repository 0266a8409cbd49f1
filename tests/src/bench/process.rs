//! What processes use, as Linux tells it in `/proc`.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// CPU time that a process has used so far, in user and kernel together; counted in ticks of 10 ms as a rule.
pub(crate) fn cpu(pid: u32) -> Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    // The name of the program may hold spaces and brackets; what follows its last bracket has neither.
    let (_, rest) = text
        .rsplit_once(')')
        .with_context(|| format!("{path} has no name in brackets"))?;
    // proc(5): utime and stime are fields 14 and 15; the rest begins with field 3.
    let ticks: u64 = rest
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(str::parse::<u64>)
        .sum::<Result<_, _>>()
        .with_context(|| format!("{path} has no numbers where CPU times are"))?;
    let per_second = rustix::param::clock_ticks_per_second();
    Ok(Duration::from_secs_f64(ticks as f64 / per_second as f64))
}

/// CPU time that this process has used so far.
pub(crate) fn own_cpu() -> Result<Duration> {
    cpu(std::process::id())
}

/// A measure of a process's memory.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Memory {
    /// What is resident now.
    Resident,
    /// The most that ever was, since the last [`forget_own_peak`].
    Peak,
}

/// Memory of a process in bytes.
pub(crate) fn memory(pid: u32, which: Memory) -> Result<u64> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let key = match which {
        Memory::Resident => "VmRSS:",
        Memory::Peak => "VmHWM:",
    };
    kibibytes(&text, key)
        .map(|count| count * 1024)
        .with_context(|| format!("{path} has no {key}"))
}

/// Makes [`Memory::Peak`] of this process begin anew.
pub(crate) fn forget_own_peak() -> Result<()> {
    fs::write("/proc/self/clear_refs", "5").context("cannot reset the peak of memory")
}

fn kibibytes(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// What the figures were measured on, and how busy that was before.
pub(crate) fn machine() -> Result<String> {
    let cpus = fs::read_to_string("/proc/cpuinfo").context("cannot read /proc/cpuinfo")?;
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown", |rest| rest.trim_start_matches([' ', '\t', ':']));
    let cores = std::thread::available_parallelism()?;
    let memory = fs::read_to_string("/proc/meminfo").context("cannot read /proc/meminfo")?;
    let kibibytes = kibibytes(&memory, "MemTotal:").context("/proc/meminfo has no MemTotal")?;
    let load = fs::read_to_string("/proc/loadavg").context("cannot read /proc/loadavg")?;
    let load = load.split_whitespace().next().unwrap_or("unknown");
    Ok(format!(
        "Machine: {cores} cores ({model}), {} GiB of memory, load average {load} before the run.",
        kibibytes / (1 << 20)
    ))
}
