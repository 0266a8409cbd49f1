//! Memory: what calls that failed leave behind in the host. In a process of its own, so that nothing else is measured.

mod support;

use std::fs;
use std::time::Duration;

use anyhow::Result;
use headwater_model::{Artifact, Extractor, ExtractorConfig, ExtractorLimits};
use headwater_plugin::{HostConfig, PluginHost};

/// What two measures may differ by.
const GROWTH_BYTES_MAX: u64 = 16 << 20;

fn artifact() -> Artifact {
    Artifact {
        name: "in/list.txt".into(),
        media_type: "text/plain".into(),
        content: b"orders"[..].into(),
    }
}

/// Does `work` so often that whatever the allocator keeps for later is there, and then wants as much of it again to
/// need no more.
fn check(name: &str, mut work: impl FnMut()) {
    const TIMES: usize = 10;
    for _ in 0..TIMES {
        work();
    }
    let Some(before) = resident_bytes() else {
        println!("skipped 1 case: this system does not tell how much memory is resident");
        return;
    };
    for _ in 0..TIMES {
        work();
    }
    let after = resident_bytes().expect("it told before");
    assert!(
        after < before + GROWTH_BYTES_MAX,
        "{name}: grew from {before} to {after} bytes"
    );
}

fn resident_bytes() -> Option<u64> {
    let statm = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * 4096)
}

// One test: two at once would measure each other.
#[test]
fn calls_that_failed_leave_nothing_behind() -> Result<()> {
    let host = PluginHost::new(HostConfig::default())?;
    let limits = ExtractorLimits {
        memory_bytes_max: 64 << 20,
        timeout: Duration::from_millis(30),
        facts_max: 100_000,
        read_bytes_max: 1 << 30,
    };
    let traps = host.load(&support::component("panics")?)?;
    check("panics", || {
        for _ in 0..100 {
            assert!(
                traps
                    .extract(&ExtractorConfig::new(), &[artifact()])
                    .is_err()
            );
        }
    });
    for name in [
        "endless-facts",
        "endless-findings",
        "endless-log",
        "endless-strings",
        "huge-push",
        "memory-bomb",
        "repeated-text",
        "table-bomb",
    ] {
        let guest = host.load(&support::component(name)?)?.with_limits(limits);
        check(name, || {
            // Some of them end well under these limits.
            let _ = guest.extract(&ExtractorConfig::new(), &[artifact()]);
        });
    }
    Ok(())
}
