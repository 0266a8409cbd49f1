//! A keep-alive HTTP/1.1 client that costs little: one write for a request, and a head that is barely read.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

/// Longer than any answer should take; then something hangs.
const TIMEOUT: Duration = Duration::from_mins(2);

/// Bytes that are read at once at most.
const READ_BYTES: usize = 256 << 10;

/// A connection and what arrived on it.
pub(crate) struct Connection {
    pub(crate) stream: TcpStream,
    pub(crate) answer: Answer,
}

/// Bytes of an answer, as far as they have arrived.
pub(crate) struct Answer {
    buffer: Vec<u8>,
    filled: usize,
}

/// A whole answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Whole<'a> {
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
}

impl Answer {
    fn new() -> Self {
        Self {
            buffer: vec![0; READ_BYTES],
            filled: 0,
        }
    }

    /// Makes room for the next answer.
    pub(crate) fn clear(&mut self) {
        self.filled = 0;
    }

    /// Reads once, which blocks only if nothing has arrived.
    pub(crate) fn read_from(&mut self, mut stream: &TcpStream) -> Result<()> {
        if self.buffer.len() - self.filled < READ_BYTES / 2 {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        let count = stream
            .read(&mut self.buffer[self.filled..])
            .context("the answer can't be read")?;
        ensure!(count > 0, "the service closed the connection");
        self.filled += count;
        Ok(())
    }

    /// The answer, once it is whole.
    pub(crate) fn whole(&self) -> Result<Option<Whole<'_>>> {
        let bytes = &self.buffer[..self.filled];
        let Some(head_bytes) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            return Ok(None);
        };
        let head = std::str::from_utf8(&bytes[..head_bytes]).context("the head is no UTF-8")?;
        let status = head
            .get(9..12)
            .and_then(|digits| digits.parse().ok())
            .with_context(|| format!("no status in {head:?}"))?;
        let Some(length) = head.lines().find_map(content_length) else {
            bail!("no Content-Length in {head:?}");
        };
        let start = head_bytes + 4;
        let body = bytes.get(start..start + length);
        Ok(body.map(|body| Whole { status, body }))
    }
}

fn content_length(line: &str) -> Option<usize> {
    let (name, value) = line.split_once(':')?;
    name.eq_ignore_ascii_case("content-length")
        .then(|| value.trim().parse().ok())?
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Result<Self> {
        let stream =
            TcpStream::connect(address).with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        Ok(Self {
            stream,
            answer: Answer::new(),
        })
    }

    /// Sends a whole request and waits for the whole answer.
    pub(crate) fn ask(&mut self, request: &[u8]) -> Result<Whole<'_>> {
        self.answer.clear();
        self.stream
            .write_all(request)
            .context("the request can't be sent")?;
        loop {
            self.answer.read_from(&self.stream)?;
            if self.answer.whole()?.is_some() {
                break;
            }
        }
        self.answer.whole()?.context("it was whole a moment ago")
    }
}

/// A GET request.
pub(crate) fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n").into_bytes()
}

/// Writes a POST request with a body of JSON over `request`.
pub(crate) fn post_into(request: &mut Vec<u8>, path: &str, body: &[u8]) {
    request.clear();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    request.extend_from_slice(head.as_bytes());
    request.extend_from_slice(body);
}
