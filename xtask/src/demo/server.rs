//! The server as a process.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// From the start of the process to a server that is ready, on a machine that does other things too.
const READY_TIMEOUT: Duration = Duration::from_mins(1);

/// From the signal to the end of the process; then it is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// How often a state that cannot be waited for is looked at.
const POLL: Duration = Duration::from_millis(50);

/// How much of the server's log is shown if it fails.
const LOG_LINES_SHOWN: usize = 20;

/// What the server prints once it accepts connections, before its address.
const ANNOUNCEMENT: &str = "listening on ";

/// A running server; it is stopped when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    url: String,
    log: PathBuf,
}

impl Server {
    /// Starts the server and waits until it is ready. What it logs goes to the file `log`.
    pub(crate) fn start(mut command: Command, log: &Path, is_stopped: &AtomicBool) -> Result<Self> {
        let log_file =
            File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log_file);
        // A group of its own: Ctrl-C reaches this task alone, which then stops the server once.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        let mut server = Self {
            child,
            url: String::new(),
            log: log.to_owned(),
        };
        let deadline = Instant::now() + READY_TIMEOUT;
        let ready = server
            .learn_url(deadline, is_stopped)
            .and_then(|()| server.wait_until_ready(deadline, is_stopped));
        match ready {
            Ok(()) => Ok(server),
            Err(error) => Err(error.context(server.log_end())),
        }
    }

    /// Where it serves, for example `http://127.0.0.1:8080`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Reads stdout until the address is announced, and goes on reading it so that the server never blocks.
    fn learn_url(&mut self, deadline: Instant, is_stopped: &AtomicBool) -> Result<()> {
        let stdout = self.child.stdout.take().context("stdout is piped")?;
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || announce(stdout, &sender));
        loop {
            match receiver.recv_timeout(POLL) {
                Ok(url) => {
                    self.url = url;
                    return Ok(());
                }
                Err(RecvTimeoutError::Disconnected) => {
                    bail!("the server ended without `{ANNOUNCEMENT}http://…` on stdout")
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.check_goes_on(deadline, is_stopped, "has not announced its address")?;
                }
            }
        }
    }

    fn wait_until_ready(&mut self, deadline: Instant, is_stopped: &AtomicBool) -> Result<()> {
        let address = format!("{}/health/ready", self.url);
        while ureq::get(&address).call().is_err() {
            self.check_goes_on(deadline, is_stopped, "is not ready")?;
            thread::sleep(POLL);
        }
        Ok(())
    }

    fn check_goes_on(
        &mut self,
        deadline: Instant,
        is_stopped: &AtomicBool,
        missing: &str,
    ) -> Result<()> {
        if is_stopped.load(Ordering::Relaxed) {
            bail!("stopped by a signal");
        }
        if let Some(status) = self.child.try_wait()? {
            bail!("the server ended ({status})");
        }
        if Instant::now() > deadline {
            bail!("the server {missing} after {} s", READY_TIMEOUT.as_secs());
        }
        Ok(())
    }

    /// Serves until `is_stopped`, then stops; an error if the server ends by itself.
    pub(crate) fn serve_until(&mut self, is_stopped: &AtomicBool) -> Result<()> {
        while !is_stopped.load(Ordering::Relaxed) {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended by itself ({status})\n{}", self.log_end());
            }
            thread::sleep(POLL);
        }
        println!("stopping");
        self.stop()
    }

    /// Asks the server to end and waits; an error if it does not end well or in time.
    pub(crate) fn stop(&mut self) -> Result<()> {
        match self.end()? {
            Some(status) if status.success() => Ok(()),
            Some(status) => bail!("the server did not end well ({status})\n{}", self.log_end()),
            None => bail!(
                "the server did not end within {} s and was killed\n{}",
                STOP_TIMEOUT.as_secs(),
                self.log_end()
            ),
        }
    }

    /// Returns how the server ended, or `None` if it had to be killed.
    fn end(&mut self) -> Result<Option<ExitStatus>> {
        if let Some(status) = self.child.try_wait()? {
            return Ok(Some(status));
        }
        kill_process(Pid::from_child(&self.child), Signal::TERM)
            .context("cannot signal the server")?;
        let deadline = Instant::now() + STOP_TIMEOUT;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Some(status));
            }
            thread::sleep(POLL);
        }
        self.child.kill()?;
        self.child.wait()?;
        Ok(None)
    }

    fn log_end(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        let end = &lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..];
        format!("the server's log ends with:\n{}", end.join("\n"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing is left to tell that the task's own outcome does not say.
        let _ = self.end();
    }
}

/// Sends the address that the server announces, and passes its other lines on.
fn announce(stdout: impl Read, sender: &mpsc::Sender<String>) {
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        match announced_url(&line) {
            // The receiver is gone once it has an address: later ones are of no use to it.
            Some(url) => drop(sender.send(url)),
            None => println!("    {line}"),
        }
    }
}

fn announced_url(line: &str) -> Option<String> {
    let url = line.trim().strip_prefix(ANNOUNCEMENT)?;
    let url = url.split_whitespace().next()?.trim_end_matches('/');
    url.starts_with("http://").then(|| url.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_line(line: &str, expected: Option<&str>) {
        assert_eq!(announced_url(line).as_deref(), expected);
    }

    #[test]
    fn the_address_is_read_from_the_announcement() {
        check_line(
            "listening on http://127.0.0.1:8080",
            Some("http://127.0.0.1:8080"),
        );
        check_line("listening on http://[::1]:80/\n", Some("http://[::1]:80"));
    }

    #[test]
    fn other_lines_announce_nothing() {
        check_line("opening data", None);
        check_line("listening on 127.0.0.1:8080", None);
        check_line("listening on ", None);
    }

    /// Starts a shell script as the server and returns what is wrong with it.
    fn failure(script: &str, is_stopped: bool) -> String {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let outcome = Server::start(
            command,
            &folder.path().join("log"),
            &AtomicBool::new(is_stopped),
        );
        format!("{:#}", outcome.unwrap_err())
    }

    #[test]
    fn a_server_that_fails_at_its_start_is_reported_with_its_log() {
        let failure = failure("echo cannot open data >&2; exit 1", false);
        assert!(failure.contains("the server ended"), "{failure}");
        assert!(failure.contains("cannot open data"), "{failure}");
    }

    #[test]
    fn a_signal_during_the_start_ends_the_server() {
        let failure = failure("exec tail -f /dev/null", true);
        assert!(failure.contains("stopped by a signal"), "{failure}");
    }

    /// Starts a server that announces itself, is ready, and ends with `code` when asked to.
    fn stopped(code: u8) -> Result<()> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let ready = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let length = stream.read(&mut request).unwrap();
            let answer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            std::io::Write::write_all(&mut stream, answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&request[..length]).into_owned()
        });
        let script = format!(
            "tail -f /dev/null & other=$!; trap 'kill $other; exit {code}' TERM; echo listening on {url}; wait"
        );
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", &script]);
        let log = folder.path().join("log");
        let mut server = Server::start(command, &log, &AtomicBool::new(false)).unwrap();
        assert_eq!(server.url(), url);
        assert!(ready.join().unwrap().starts_with("GET /health/ready "));
        server.serve_until(&AtomicBool::new(true))
    }

    #[test]
    fn a_server_is_awaited_asked_to_end_and_awaited_again() {
        stopped(0).unwrap();
    }

    #[test]
    fn a_server_that_does_not_end_well_is_reported() {
        let error = stopped(3).unwrap_err().to_string();
        assert!(error.contains("did not end well"), "{error}");
    }
}
