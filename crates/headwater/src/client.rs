//! Talking to the service.

mod files;
mod graphql;
mod retry;

use std::io::{self, Read as _, Write};
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub(crate) use retry::is_worth_repeating;

use crate::failure::{Exit, Failure};

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long one exchange may take: reading a large submission in, or a large answer out.
const EXCHANGE_TIMEOUT: Duration = Duration::from_mins(5);
/// The largest answer that is read.
const ANSWER_BYTES_MAX: u64 = 512 << 20;

/// A connection to one service; requests follow one another on it.
#[derive(Debug)]
pub(crate) struct Client {
    agent: ureq::Agent,
    server: String,
}

/// What the service answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reply {
    /// The HTTP status.
    pub(crate) status: u16,
    /// How long to wait before trying again, if it says.
    pub(crate) retry_after: Option<Duration>,
    /// The offset at which a write is visible.
    pub(crate) offset: Option<u64>,
    /// The body.
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// True for 2xx.
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// What a REST endpoint says went wrong; the start of the body where it is of another form.
    pub(crate) fn error(&self) -> ApiError {
        #[derive(Deserialize)]
        struct Envelope {
            error: ApiError,
        }

        serde_json::from_slice::<Envelope>(&self.body).map_or_else(
            |_| {
                let text = String::from_utf8_lossy(&self.body);
                let start: String = text.trim().chars().take(200).collect();
                ApiError {
                    code: None,
                    message: if start.is_empty() {
                        "no explanation".to_owned()
                    } else {
                        start
                    },
                    pointer: None,
                    details: None,
                }
            },
            |envelope| envelope.error,
        )
    }
}

/// The error of a REST endpoint.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ApiError {
    /// For programs.
    #[serde(default)]
    pub(crate) code: Option<String>,
    /// For people.
    pub(crate) message: String,
    /// Where in what was sent.
    #[serde(default)]
    pub(crate) pointer: Option<String>,
    /// Whatever else helps.
    #[serde(default)]
    pub(crate) details: Option<serde_json::Value>,
}

impl ApiError {
    /// The message, after the pointer where there is one that the message does not begin with.
    pub(crate) fn text(&self) -> String {
        match &self.pointer {
            Some(pointer) if !pointer.is_empty() && !self.message.starts_with(&**pointer) => {
                format!("{pointer}: {}", self.message)
            }
            _ => self.message.clone(),
        }
    }
}

/// The answer, whole.
fn reply_of(mut response: ureq::http::Response<ureq::Body>) -> Result<Reply, ureq::Error> {
    let number = |name: &str| {
        let value = response.headers().get(name)?;
        value.to_str().ok()?.trim().parse::<u64>().ok()
    };
    Ok(Reply {
        status: response.status().as_u16(),
        retry_after: number("retry-after").map(Duration::from_secs),
        offset: number("headwater-offset"),
        body: response
            .body_mut()
            .with_config()
            .limit(ANSWER_BYTES_MAX)
            .read_to_vec()?,
    })
}

/// True if the service blames what was sent.
pub(crate) fn blames_input(status: u16) -> bool {
    matches!(status, 400 | 411 | 413 | 415 | 422)
}

/// A name as one segment of a path: names may hold letters beyond ASCII.
pub(crate) fn segment(name: &str) -> String {
    name.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

impl Client {
    /// A client of the service at `url`; connects when it first asks.
    ///
    /// # Errors
    /// A [`Failure`] with [`Exit::Usage`] if `url` is no HTTP address.
    pub(crate) fn new(url: &str) -> Result<Self, Failure> {
        let server = url.trim_end_matches('/');
        let host = server
            .strip_prefix("http://")
            .or_else(|| server.strip_prefix("https://"));
        if host.is_none_or(str::is_empty) {
            let message = format!("{url:?} is not the address of a service");
            return Err(Failure::new(Exit::Usage, message)
                .hint("an address looks like http://127.0.0.1:8080"));
        }
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_global(Some(EXCHANGE_TIMEOUT))
            .user_agent(concat!("headwater/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self {
            agent: config.into(),
            server: server.to_owned(),
        })
    }

    /// The service's address.
    pub(crate) fn server(&self) -> &str {
        &self.server
    }

    /// Posts JSON once.
    ///
    /// # Errors
    /// What kept the exchange from ending; whatever the service answers is no error here.
    fn post_once(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Reply, ureq::Error> {
        let mut request = self
            .agent
            .post(format!("{}{path}", self.server))
            .content_type("application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        reply_of(request.send(body)?)
    }

    /// Posts JSON, and again while the service is busy or the connection breaks: only for what may arrive twice.
    ///
    /// # Errors
    /// A [`Failure`] that names the service, once the retries are used up.
    pub(crate) fn post_repeatable(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Reply, Failure> {
        retry::repeat(|| self.post_once(path, headers, body), std::thread::sleep)
            .map_err(|error| self.unreachable(error))
    }

    /// Gets what may be large and take long, into `out`. `tell` hears how many bytes came, and how many the header
    /// `size` announces.
    ///
    /// # Errors
    /// A [`Failure`] that names the service and what it answered.
    pub(crate) fn download(
        &self,
        path: &str,
        size: &str,
        out: &mut impl Write,
        tell: &mut dyn FnMut(u64, u64),
    ) -> Result<(), Failure> {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_recv_response(Some(EXCHANGE_TIMEOUT))
            .user_agent(concat!("headwater/", env!("CARGO_PKG_VERSION")))
            .build();
        let agent: ureq::Agent = config.into();
        let mut response = agent
            .get(format!("{}{path}", self.server))
            .call()
            .map_err(|error| self.unreachable(error))?;
        let server = &self.server;
        if !response.status().is_success() {
            let status = response.status().as_u16();
            let body = response
                .body_mut()
                .with_config()
                .limit(1 << 20)
                .read_to_vec();
            let reply = Reply {
                status,
                body: body.unwrap_or_default(),
                ..Reply::default()
            };
            let message = format!("{server} answers {status}: {}", reply.error().text());
            return Err(Failure::new(Exit::Failed, message));
        }
        let all = response.headers().get(size);
        let all = all.and_then(|value| value.to_str().ok()?.parse().ok());
        let all = all.unwrap_or(0);
        let broken = |error: io::Error| {
            Failure::new(Exit::Failed, format!("the answer of {server} is cut short"))
                .because(error)
        };
        let mut body = response.body_mut().as_reader();
        let mut piece = vec![0; 256 << 10];
        let mut done = 0;
        loop {
            let count = body.read(&mut piece).map_err(broken)?;
            if count == 0 {
                return Ok(());
            }
            out.write_all(&piece[..count])
                .map_err(|error| Failure::new(Exit::Failed, "cannot write").because(error))?;
            done += count as u64;
            tell(done, all);
        }
    }

    fn unreachable(&self, error: ureq::Error) -> Failure {
        let server = &self.server;
        let failure = Failure::new(Exit::Failed, format!("cannot reach {server}"));
        let is_connecting = retry::is_connection(&error);
        let failure = failure.because(error);
        if is_connecting {
            failure.hint(format!(
                "is a service running at {server}? start one with `headwater serve`, or name another with --server"
            ))
        } else {
            failure
        }
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    #[test]
    fn what_is_no_address_is_refused() {
        for url in ["", "127.0.0.1:8080", "ftp://h", "http://"] {
            assert!(Client::new(url).is_err(), "{url}");
        }
        let client = Client::new("http://h:1/").expect("an address");
        assert_eq!(client.server(), "http://h:1");
    }

    #[test]
    fn an_error_is_read_in_the_services_form_and_in_any_other() {
        let error = |body: &str| {
            let body = body.as_bytes().to_vec();
            Reply {
                body,
                ..Reply::default()
            }
            .error()
            .text()
        };
        assert_snapshot!(
            error(r#"{"error": {"code": "INVALID_INPUT", "message": "is empty", "pointer": "/edges/1/from"}}"#),
            @"/edges/1/from: is empty"
        );
        assert_snapshot!(
            error(r#"{"error": {"code": "INVALID_INPUT", "message": "/a: is empty", "pointer": "/a"}}"#),
            @"/a: is empty"
        );
        assert_snapshot!(error("<html>Bad Gateway</html>"), @"<html>Bad Gateway</html>");
        assert_snapshot!(error(""), @"no explanation");
    }
}
