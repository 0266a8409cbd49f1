//! GraphQL over a websocket: the protocol graphql-transport-ws.

mod message;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::Response;
use headwater_graphql::{Feed, Opened, Step};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};

use crate::error::{ApiError, Refusal};
use crate::router::App;
use message::{Close, FromClient};

/// The one subprotocol that is spoken.
const PROTOCOL: &str = "graphql-transport-ws";
/// The longest id of an operation, in bytes.
const ID_BYTES_MAX: usize = 256;
/// Bytes that are kept to be written before a sender waits.
const WRITE_BUFFER_BYTES_MAX: usize = 16 << 20;

/// Takes a connection over, if there is a place for it.
pub(crate) async fn get(
    State(app): State<App>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let upgrade = upgrade.map_err(|rejection| {
        let message = format!("a websocket is served here: {}", rejection.body_text());
        ApiError::new(rejection.status(), "INVALID_INPUT", message)
    })?;
    if !upgrade.requested_protocols().any(|name| name == PROTOCOL) {
        let message = format!("the websocket must offer the subprotocol {PROTOCOL}");
        return Err(ApiError::invalid(message));
    }
    let Ok(place) = Arc::clone(&app.websocket_places).try_acquire_owned() else {
        let message = format!("{} websockets are open", app.limits.websockets_max);
        let error = ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "BUSY", message);
        return Err(error.because(Refusal::QueueFull));
    };
    let bytes_max = app.limits.graphql_bytes_max;
    Ok(upgrade
        .protocols([PROTOCOL])
        .max_message_size(bytes_max)
        .max_frame_size(bytes_max)
        .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
        .on_upgrade(move |socket| Connection::new(app, socket).run(place)))
}

/// What an operation has for its client.
#[derive(Debug)]
enum Told {
    /// A result of the operation, as JSON. A client that has it may go on after `resume`.
    Next { json: Vec<u8>, resume: Option<u64> },
    /// Why it can't go on: a response with errors, as JSON.
    Failed { json: Vec<u8> },
    /// It is through.
    Complete,
}

/// An operation that is under way.
struct Operation {
    task: AbortHandle,
    /// Tells it from an earlier one with the same id.
    number: u64,
    /// The offset after which its client may go on.
    resume: Option<u64>,
}

/// How a connection came to its end.
enum End {
    /// The client closed it or is gone.
    Gone,
    /// We close it.
    Close(Close),
}

/// One client's connection.
struct Connection {
    app: App,
    socket: WebSocket,
    is_acknowledged: bool,
    operations: BTreeMap<String, Operation>,
    operations_count: u64,
    told: mpsc::Receiver<(String, u64, Told)>,
    tell: mpsc::Sender<(String, u64, Told)>,
}

impl Connection {
    fn new(app: App, socket: WebSocket) -> Self {
        let (tell, told) = mpsc::channel(app.limits.websocket_buffer_max);
        Self {
            app,
            socket,
            is_acknowledged: false,
            operations: BTreeMap::new(),
            operations_count: 0,
            told,
            tell,
        }
    }

    async fn run(mut self, place: OwnedSemaphorePermit) {
        let end = self.serve().await;
        for operation in self.operations.values() {
            operation.task.abort();
        }
        if let End::Close(close) = end {
            let patience = self.app.limits.write_timeout;
            // A client that takes nothing is gone, for all we know.
            let _ = timeout(patience, self.part(close)).await;
        }
        drop(place);
    }

    async fn serve(&mut self) -> End {
        let mut stop = self.app.stop.subscribe();
        let limits = Arc::clone(&self.app.limits);
        let begun = Instant::now();
        let mut heard = begun;
        let mut ping = tokio::time::interval(limits.websocket_ping);
        ping.tick().await;
        loop {
            let stopping = async {
                let _ = stop.wait_for(|is_stopping| *is_stopping).await;
            };
            let too_late = tokio::time::sleep_until(begun + limits.websocket_init_timeout);
            let end = tokio::select! {
                () = stopping => Some(End::Close(Close::going_away())),
                () = too_late, if !self.is_acknowledged => Some(End::Close(Close::init_timeout())),
                message = self.socket.recv() => {
                    heard = Instant::now();
                    match message {
                        Some(Ok(message)) => self.hear(message).await,
                        Some(Err(_)) | None => Some(End::Gone),
                    }
                }
                Some((id, number, told)) = self.told.recv() => self.pass_on(id, number, told).await,
                _ = ping.tick() => {
                    if heard.elapsed() > 2 * limits.websocket_ping {
                        Some(End::Gone)
                    } else {
                        self.send(Message::Ping(axum::body::Bytes::new())).await
                    }
                }
            };
            if let Some(end) = end {
                return end;
            }
        }
    }

    /// Sends; a client that takes nothing for too long is told after which offsets it may go on.
    async fn send(&mut self, message: Message) -> Option<End> {
        let patience = self.app.limits.slow_consumer_timeout;
        match timeout(patience, self.socket.send(message)).await {
            Ok(Ok(())) => None,
            Ok(Err(_)) => Some(End::Gone),
            Err(_) => {
                self.app.metrics.count_slow_consumer();
                Some(End::Close(Close::too_slow()))
            }
        }
    }

    async fn part(&mut self, close: Close) {
        if close.is_too_slow() {
            for (id, operation) in &self.operations {
                let text = message::too_slow(id, operation.resume);
                if self.socket.send(Message::text(text)).await.is_err() {
                    return;
                }
            }
        }
        let frame = CloseFrame {
            code: close.code,
            reason: close.reason.into(),
        };
        let _ = self.socket.send(Message::Close(Some(frame))).await;
        // What is still under way is read, so that the closing reaches the client before the connection ends.
        while let Some(Ok(_)) = self.socket.recv().await {}
    }

    async fn hear(&mut self, message: Message) -> Option<End> {
        let text = match message {
            Message::Text(text) => text,
            Message::Ping(_) | Message::Pong(_) => return None,
            Message::Close(_) => return Some(End::Gone),
            Message::Binary(_) => return Some(End::Close(Close::invalid("it is binary"))),
        };
        match FromClient::parse(&text) {
            Err(reason) => Some(End::Close(Close::invalid(&reason))),
            Ok(FromClient::Init) if self.is_acknowledged => {
                Some(End::Close(Close::too_many_inits()))
            }
            Ok(FromClient::Init) => {
                self.is_acknowledged = true;
                self.send(Message::text(message::ACKNOWLEDGED)).await
            }
            Ok(FromClient::Ping) => self.send(Message::text(message::PONG)).await,
            Ok(FromClient::Pong) => None,
            Ok(FromClient::Complete { id }) => {
                if let Some(operation) = self.operations.remove(&id) {
                    operation.task.abort();
                }
                None
            }
            Ok(FromClient::Subscribe { id, payload }) => self.begin(id, payload).await,
        }
    }

    async fn begin(&mut self, id: String, payload: String) -> Option<End> {
        if !self.is_acknowledged {
            return Some(End::Close(Close::unauthorized()));
        }
        if id.is_empty() || id.len() > ID_BYTES_MAX {
            let reason = format!("the id has {} bytes, not 1 to {ID_BYTES_MAX}", id.len());
            return Some(End::Close(Close::invalid(&reason)));
        }
        if self.operations.contains_key(&id) {
            return Some(End::Close(Close::id_is_taken(&id)));
        }
        let max = self.app.limits.subscriptions_max;
        if self.operations.len() >= max {
            let text = message::too_many(&id, max);
            return self.send(Message::text(text)).await;
        }
        self.operations_count += 1;
        let number = self.operations_count;
        let teller = Teller {
            id: id.clone(),
            number,
            tell: self.tell.clone(),
        };
        let task = tokio::spawn(carry_out(self.app.clone(), payload, teller)).abort_handle();
        let operation = Operation {
            task,
            number,
            resume: None,
        };
        self.operations.insert(id, operation);
        None
    }

    async fn pass_on(&mut self, id: String, number: u64, told: Told) -> Option<End> {
        // What an operation said before its client ended it is no longer wanted.
        let known = self.operations.get_mut(&id);
        let operation = known.filter(|operation| operation.number == number)?;
        match told {
            Told::Next { json, resume } => {
                operation.resume = resume.or(operation.resume);
                self.send(Message::text(message::next(&id, &json))).await
            }
            Told::Failed { json } => {
                self.operations.remove(&id);
                self.send(Message::text(message::failed(&id, &json))).await
            }
            Told::Complete => {
                self.operations.remove(&id);
                self.send(Message::text(message::complete(&id))).await
            }
        }
    }
}

/// How an operation reaches its connection; it waits where the client is slower.
struct Teller {
    id: String,
    number: u64,
    tell: mpsc::Sender<(String, u64, Told)>,
}

impl Teller {
    /// False once the connection is gone.
    async fn tell(&self, told: Told) -> bool {
        let message = (self.id.clone(), self.number, told);
        self.tell.send(message).await.is_ok()
    }
}

/// Carries one operation out to its end.
async fn carry_out(app: App, payload: String, teller: Teller) {
    let api = Arc::clone(&app.api);
    let opened = blocking(&app, move |runtime| {
        runtime.block_on(api.open(payload.as_bytes()))
    });
    match opened.await {
        Some(Opened::Feed(feed)) => follow(&app, *feed, &teller).await,
        Some(Opened::Answer(response)) => {
            app.metrics.count_errors(&response.error_codes);
            let json = response.json;
            if teller.tell(Told::Next { json, resume: None }).await {
                teller.tell(Told::Complete).await;
            }
        }
        Some(Opened::Refused(response)) => {
            app.metrics.count_errors(&response.error_codes);
            let json = response.json;
            teller.tell(Told::Failed { json }).await;
        }
        None => {}
    }
}

/// Tells what a feed has, for as long as the connection lasts.
async fn follow(app: &App, feed: Feed, teller: &Teller) {
    let mut held = Some(feed);
    while let Some(mut feed) = held.take() {
        let step = blocking(app, move |runtime| {
            let step = runtime.block_on(feed.next());
            (feed, step)
        });
        let Some((feed, step)) = step.await else {
            return;
        };
        match step {
            Step::Set { response, resume } => {
                app.metrics.count_errors(&response.error_codes);
                let json = response.json;
                if !teller.tell(Told::Next { json, resume }).await {
                    return;
                }
            }
            Step::Idle => feed.changed().await,
            Step::Failed(response) => {
                app.metrics.count_errors(&response.error_codes);
                let json = response.json;
                teller.tell(Told::Failed { json }).await;
                return;
            }
        }
        held = Some(feed);
    }
}

/// Runs what may block where it may, in one of the places of questions; none if it failed.
async fn blocking<T: Send + 'static>(
    app: &App,
    run: impl FnOnce(&Handle) -> T + Send + 'static,
) -> Option<T> {
    let place = Arc::clone(&app.question_places).acquire_owned().await;
    let place = place.ok()?;
    let runtime = Handle::current();
    let done = tokio::task::spawn_blocking(move || {
        let done = run(&runtime);
        drop(place);
        done
    });
    match done.await {
        Ok(done) => Some(done),
        Err(error) => {
            tracing::error!(%error, "an operation of a websocket failed: {error}");
            None
        }
    }
}
