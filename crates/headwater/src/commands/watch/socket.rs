//! One subscription over graphql-transport-ws, as a client.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use tungstenite::client::IntoClientRequest as _;
use tungstenite::protocol::WebSocketConfig;
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Error, Message, WebSocket};

/// How long a connection waits for a message before its user may look at something else.
const LISTEN: Duration = Duration::from_millis(200);
/// How often it listens for the acknowledgement.
const PATIENCE: u32 = 50;
/// The largest message that is read.
const MESSAGE_BYTES_MAX: usize = 256 << 20;
/// The id of the one subscription.
const ID: &str = "1";

/// What came.
pub(super) enum Heard {
    /// Nothing yet.
    Nothing,
    /// A set of changes.
    Next(Value),
    /// Why there are no more; `is_slow` if that is because they were not taken fast enough.
    Refused { message: String, is_slow: bool },
}

/// A connection.
pub(super) struct Socket(WebSocket<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// Connects and introduces itself.
    ///
    /// # Errors
    /// What kept it from that.
    pub(super) fn connect(server: &str) -> anyhow::Result<Self> {
        let server = server.trim_end_matches('/');
        // http becomes ws, https becomes wss.
        let url = format!("ws{}/graphql/ws", server.trim_start_matches("http"));
        let mut request = url.as_str().into_client_request()?;
        let protocol = "graphql-transport-ws".parse()?;
        let headers = request.headers_mut();
        headers.insert("sec-websocket-protocol", protocol);
        let config = WebSocketConfig::default()
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX));
        let connected = tungstenite::client::connect_with_config(request, Some(config), 0);
        let (socket, _) = connected.with_context(|| format!("cannot connect to {url}"))?;
        let stream = match socket.get_ref() {
            MaybeTlsStream::Plain(stream) => Some(stream),
            MaybeTlsStream::Rustls(stream) => Some(stream.get_ref()),
            _ => None,
        };
        if let Some(stream) = stream {
            stream.set_read_timeout(Some(LISTEN))?;
        }
        let mut connected = Self(socket);
        connected.say(&json!({"type": "connection_init"}))?;
        for _ in 0..PATIENCE {
            if let Some(message) = connected.message()?
                && message["type"] == "connection_ack"
            {
                return Ok(connected);
            }
        }
        bail!("{url} does not answer")
    }

    fn say(&mut self, message: &Value) -> anyhow::Result<()> {
        Ok(self.0.send(Message::text(message.to_string()))?)
    }

    /// Begins the subscription.
    ///
    /// # Errors
    /// What kept it from being sent.
    pub(super) fn subscribe(&mut self, request: &Value) -> anyhow::Result<()> {
        self.say(&json!({"type": "subscribe", "id": ID, "payload": request}))
    }

    /// The next message; none if none came for a while.
    fn message(&mut self) -> anyhow::Result<Option<Value>> {
        match self.0.read() {
            Ok(Message::Text(text)) => Ok(Some(serde_json::from_str(&text)?)),
            Ok(Message::Close(frame)) => {
                let reason = frame.map(|frame| frame.reason.to_string());
                bail!(
                    "the service closed the connection: {}",
                    reason.unwrap_or_default()
                )
            }
            Ok(_) => Ok(None),
            Err(Error::Io(error))
                if matches!(
                    error.kind(),
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(anyhow::Error::from(error).context("the connection broke")),
        }
    }

    /// What comes next of the subscription.
    ///
    /// # Errors
    /// What ended the connection.
    pub(super) fn hear(&mut self) -> anyhow::Result<Heard> {
        let Some(mut message) = self.message()? else {
            return Ok(Heard::Nothing);
        };
        match message["type"].as_str() {
            Some("next") => {
                let payload = &mut message["payload"];
                if let Some(error) = payload["errors"].get(0) {
                    return Ok(refused(error));
                }
                Ok(Heard::Next(payload["data"]["changes"].take()))
            }
            Some("error") => Ok(refused(&message["payload"][0])),
            Some("complete") => bail!("the service ended the subscription"),
            Some("ping") => {
                self.say(&json!({"type": "pong"}))?;
                Ok(Heard::Nothing)
            }
            _ => Ok(Heard::Nothing),
        }
    }

    /// Says goodbye; nobody waits for the answer.
    pub(super) fn close(&mut self) {
        let _ = self.0.close(None);
        let _ = self.0.flush();
    }
}

fn refused(error: &Value) -> Heard {
    let message = error["message"].as_str().unwrap_or("no explanation");
    Heard::Refused {
        message: message.to_owned(),
        is_slow: error["extensions"].get("resumeAfter").is_some(),
    }
}
