//! A service as a process of its own, on a free port, with a folder of its own.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

/// How long a service may take to listen, and to stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// The folder that cargo builds into.
pub fn target_dir() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) if !dir.is_empty() => root.join(dir),
        _ => root.join("target"),
    }
}

/// The project's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The binary under test.
///
/// # Errors
/// If it isn't built: says how to.
pub fn binary() -> Result<PathBuf> {
    let binary = target_dir().join("debug/headwater");
    ensure!(
        binary.is_file(),
        "{} is not built; run `cargo xtask build --debug`",
        binary.display()
    );
    Ok(binary)
}

/// A built extractor.
///
/// # Errors
/// If it isn't built: says how to.
pub fn extractor(folder: &str, name: &str) -> Result<PathBuf> {
    let path = target_dir().join(folder).join(format!("{name}.wasm"));
    ensure!(
        path.is_file(),
        "{} is not built; run `cargo xtask plugins`",
        path.display()
    );
    Ok(path)
}

/// The folder of real input, if this machine has it.
pub fn data() -> Option<PathBuf> {
    let beside = || root().join("../shared/data");
    let dir = std::env::var_os("HEADWATER_DATA").map_or_else(beside, PathBuf::from);
    dir.join("captured").is_dir().then_some(dir)
}

/// A running service; it is killed when dropped.
pub struct Service {
    child: Child,
    /// Where it listens, for example `http://127.0.0.1:40123`.
    pub url: String,
    _stdout: BufReader<ChildStdout>,
    stderr: Option<ChildStderr>,
}

impl Service {
    /// Starts a service over `data` with further `arguments`.
    ///
    /// # Errors
    /// If it doesn't listen in time: says what it printed.
    pub fn start(data: &Path, arguments: &[&str]) -> Result<Self> {
        Self::start_on("127.0.0.1:0", data, arguments)
    }

    /// Starts a service that listens on `address`.
    ///
    /// # Errors
    /// If it doesn't listen in time: says what it printed.
    pub fn start_on(address: &str, data: &Path, arguments: &[&str]) -> Result<Self> {
        let mut command = Command::new(binary()?);
        command
            .args(["serve", "--listen", address, "--data"])
            .arg(data)
            .args(arguments)
            .env_remove("HEADWATER_DATA")
            .env("RUST_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().context("the service doesn't start")?;
        let stdout = child.stdout.take().context("it has no output")?;
        let mut stderr = child.stderr.take();
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            let mut reader = BufReader::new(stdout);
            let mut line = String::new();
            let read = reader.read_line(&mut line).map(|_| line);
            let _ = sender.send((read, reader));
        });
        let listening = receiver
            .recv_timeout(PATIENCE)
            .context("it doesn't listen")?;
        let line = listening.0.context("its output can't be read")?;
        let Some(url) = line.trim().strip_prefix("listening on ") else {
            let _ = child.wait();
            let mut said = String::new();
            if let Some(stderr) = &mut stderr {
                let _ = stderr.read_to_string(&mut said);
            }
            bail!("the service ended: {said}");
        };
        Ok(Self {
            child,
            url: url.to_owned(),
            _stdout: listening.1,
            stderr,
        })
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// Kills it as a power cut would.
    ///
    /// # Errors
    /// If it can't be killed.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to stop, and waits until it has.
    ///
    /// # Errors
    /// If it doesn't stop in time.
    pub fn terminate(&mut self) -> Result<(ExitStatus, String)> {
        let id = self.child.id().to_string();
        ensure!(
            Command::new("kill")
                .args(["-TERM", &id])
                .status()?
                .success(),
            "it can't be asked to stop"
        );
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                let mut said = String::new();
                if let Some(mut stderr) = self.stderr.take() {
                    stderr.read_to_string(&mut said)?;
                }
                return Ok((status, said));
            }
            ensure!(begun.elapsed() < PATIENCE, "it doesn't stop");
            std::thread::yield_now();
        }
    }

    /// Asks a GraphQL question; the whole response.
    ///
    /// # Errors
    /// If there is no answer in JSON.
    pub fn ask(&self, query: &str) -> Result<serde_json::Value> {
        let body = serde_json::json!({ "query": query });
        let url = format!("{}/graphql", self.url);
        let mut response = ureq::post(&url).send_json(&body)?;
        Ok(response
            .body_mut()
            .with_config()
            .limit(64 << 20)
            .read_json()?)
    }

    /// Sends a body; status, header `Headwater-Offset` and the body of the answer.
    ///
    /// # Errors
    /// If there is no answer.
    pub fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer> {
        let url = format!("{}{path}", self.url);
        let mut request = ureq::post(&url)
            .config()
            .http_status_as_error(false)
            .build();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = request.send(body)?;
        let offset = response.headers().get("headwater-offset");
        let offset = offset.and_then(|value| value.to_str().ok()?.parse().ok());
        let status = response.status().as_u16();
        let text = response.body_mut().read_to_string()?;
        Ok(Answer {
            status,
            offset,
            text,
        })
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The offset at which a write is visible.
    pub offset: Option<u64>,
    /// The body.
    pub text: String,
}

/// What a command printed, and how it ended.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// Runs the command line.
///
/// # Errors
/// If the binary isn't there.
pub fn run<S: AsRef<OsStr>>(arguments: &[S]) -> Result<Ran> {
    run_in(Path::new("."), arguments, b"")
}

/// Runs the command line in a folder, with `input` on standard input.
///
/// # Errors
/// If the binary isn't there.
pub fn run_in<S: AsRef<OsStr>>(folder: &Path, arguments: &[S], input: &[u8]) -> Result<Ran> {
    let mut child = Command::new(binary()?.canonicalize()?)
        .args(arguments)
        .current_dir(folder)
        .env_remove("HEADWATER_SERVER")
        .env_remove("HEADWATER_PLUGINS")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A command that doesn't read its input may have ended.
        let _ = stdin.write_all(input);
    }
    let output = child.wait_with_output()?;
    Ok(Ran {
        code: output.status.code(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}
