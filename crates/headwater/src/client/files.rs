//! Sending files as multipart/form-data (RFC 7578), each read as it is sent.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::PathBuf;

use uuid::Uuid;

use super::{Client, Reply, reply_of};
use crate::failure::{Exit, Failure};

/// All parts one after the other; a file is opened when its turn comes.
struct Parts<'a> {
    boundary: String,
    files: std::slice::Iter<'a, (String, PathBuf)>,
    head: Cursor<Vec<u8>>,
    file: Option<File>,
    is_over: bool,
}

impl Parts<'_> {
    fn next_part(&mut self) -> io::Result<()> {
        let boundary = &self.boundary;
        if let Some((name, path)) = self.files.next() {
            let head = format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\
                 Content-Type: application/octet-stream\r\n\r\n"
            );
            self.file = Some(File::open(path)?);
            self.head = Cursor::new(head.into_bytes());
        } else {
            self.head = Cursor::new(format!("--{boundary}--\r\n").into_bytes());
            self.is_over = true;
        }
        Ok(())
    }
}

impl Read for Parts<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.head.read(out)?;
            if count > 0 || self.is_over {
                return Ok(count);
            }
            match &mut self.file {
                Some(file) => {
                    let count = file.read(out)?;
                    if count > 0 {
                        return Ok(count);
                    }
                    self.file = None;
                    self.head = Cursor::new(b"\r\n".to_vec());
                }
                None => self.next_part()?,
            }
        }
    }
}

impl Client {
    /// Posts files under the names given.
    ///
    /// # Errors
    /// A [`Failure`] that names the file that can't be sent, or the service.
    pub(crate) fn post_files(
        &self,
        path: &str,
        files: &[(String, PathBuf)],
    ) -> Result<Reply, Failure> {
        let is_odd = |name: &str| name.contains('"') || name.chars().any(char::is_control);
        if let Some((name, _)) = files.iter().find(|(name, _)| is_odd(name)) {
            let message =
                format!("{name:?} can't be sent: its name holds a quote or a control character");
            return Err(Failure::new(Exit::Input, message));
        }
        let boundary = Uuid::new_v4().simple().to_string();
        let mut parts = Parts {
            boundary: boundary.clone(),
            files: files.iter(),
            head: Cursor::default(),
            file: None,
            is_over: false,
        };
        let sent = self
            .agent
            .post(format!("{}{path}", self.server))
            .content_type(format!("multipart/form-data; boundary={boundary}"))
            .send(ureq::SendBody::from_reader(&mut parts));
        sent.and_then(reply_of)
            .map_err(|error| self.unreachable(error))
    }

    /// Posts bytes once.
    ///
    /// # Errors
    /// A [`Failure`] that names the service.
    pub(crate) fn post_bytes(&self, path: &str, bytes: &[u8]) -> Result<Reply, Failure> {
        let sent = self
            .agent
            .post(format!("{}{path}", self.server))
            .content_type("application/wasm")
            .send(bytes);
        sent.and_then(reply_of)
            .map_err(|error| self.unreachable(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_is_a_part() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("a.sql");
        std::fs::write(&path, "select 1").expect("a file");
        let empty = dir.path().join("b.sql");
        std::fs::write(&empty, "").expect("a file");
        let files = [("x/a.sql".to_owned(), path), ("b.sql".to_owned(), empty)];
        let mut parts = Parts {
            boundary: "B".to_owned(),
            files: files.iter(),
            head: Cursor::default(),
            file: None,
            is_over: false,
        };
        let mut text = String::new();
        parts.read_to_string(&mut text).expect("text");
        let head = |name| {
            format!(
                "--B\r\nContent-Disposition: form-data; name=\"{name}\"\r\nContent-Type: application/octet-stream\r\n\r\n"
            )
        };
        let expected = format!(
            "{}select 1\r\n{}\r\n--B--\r\n",
            head("x/a.sql"),
            head("b.sql")
        );
        assert_eq!(text, expected);
    }
}
