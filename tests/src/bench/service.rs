//! The release binary as a process.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::http::{Connection, get};
use crate::places::Places;
use crate::process::{self, Memory};

/// What the service prints once it listens.
const LISTENING: &str = "listening on http://";

/// A service that runs; killed when dropped.
pub(crate) struct Service {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// From exec to the first answer of `/health/ready`.
    pub(crate) ready_after: Duration,
    log: PathBuf,
}

impl Service {
    /// Starts the service on `data` and waits until it is ready. Its log goes beside the folder.
    pub(crate) fn start(places: &Places, data: &Path) -> Result<Self> {
        let log = data.with_extension("service.log");
        let started = Instant::now();
        let mut child = Command::new(places.binary()?)
            .args(["serve", "--listen", "127.0.0.1:0", "--log-format", "json"])
            .arg("--data")
            .arg(data)
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?)
            .spawn()
            .context("the service does not start")?;
        let stdout = child.stdout.take().context("its output is piped")?;
        let address = address(BufReader::new(stdout))
            .with_context(|| format!("the service is not ready; its log is {}", log.display()));
        let mut service = Self {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            ready_after: Duration::ZERO,
            log,
        };
        service.address = address?;
        let answer = Connection::open(service.address)?
            .ask(&get("/health/ready"))?
            .status;
        ensure!(answer == 200, "/health/ready answers {answer}");
        service.ready_after = started.elapsed();
        Ok(service)
    }

    pub(crate) fn cpu(&self) -> Result<Duration> {
        process::cpu(self.child.id())
    }

    /// Resident bytes.
    pub(crate) fn resident(&self) -> Result<u64> {
        process::memory(self.child.id(), Memory::Resident)
    }

    /// Entries of the log that it applied anew when it started, as its log tells.
    pub(crate) fn replayed_count(&self) -> Result<u64> {
        let text = fs::read_to_string(&self.log)?;
        text.lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
            .find_map(|line| line["entries_replayed_count"].as_u64())
            .with_context(|| format!("{} does not tell what was replayed", self.log.display()))
    }

    /// Asks it to stop and waits until it has; tells how long that took.
    pub(crate) fn stop(mut self) -> Result<Duration> {
        let started = Instant::now();
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.context("a child has a process id")?, Signal::TERM)?;
        let status = self.child.wait()?;
        ensure!(
            status.success(),
            "the service ended with {status}; its log is {}",
            self.log.display()
        );
        Ok(started.elapsed())
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended already; there is nobody left to tell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn address(output: impl BufRead) -> Result<SocketAddr> {
    for line in output.lines() {
        if let Some(address) = line?.strip_prefix(LISTENING) {
            return Ok(address.trim().parse()?);
        }
    }
    anyhow::bail!("it ended without listening")
}
