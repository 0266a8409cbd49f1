//! Subscriptions over graphql-transport-ws, from outside.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use headwater_server::{Limits, serve};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::support::{Service, event, metric, post};

const CHANGES: &str = "offset index isLast changes { kind asset { name } edge { kind from to } }";

/// A service that listens.
struct Listening {
    service: Service,
    address: String,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<()>,
}

/// A websocket to it.
struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

async fn listening(limits: Limits) -> Listening {
    let service = Service::new(limits.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let (stop, stopped) = oneshot::channel();
    let (routes, stopper) = (service.router.clone(), service.stopper());
    let served = tokio::spawn(async move {
        let stop = async {
            let _ = stopped.await;
            stopper.stop();
        };
        serve(listener, routes, &limits, stop)
            .await
            .expect("it ends in time");
        stopper.stopped().await;
    });
    Listening {
        service,
        address,
        stop: Some(stop),
        served,
    }
}

impl Listening {
    async fn connect(&self, protocol: Option<&str>) -> Result<Socket, tungstenite::Error> {
        let url = format!("ws://{}/graphql/ws", self.address);
        let mut request = url.into_client_request()?;
        if let Some(protocol) = protocol {
            let value = protocol.parse().expect("a header");
            request
                .headers_mut()
                .insert("sec-websocket-protocol", value);
        }
        let (socket, _) = tokio_tungstenite::connect_async(request).await?;
        Ok(Socket(socket))
    }

    /// Connected and acknowledged.
    async fn socket(&self) -> Socket {
        let mut socket = self
            .connect(Some("graphql-transport-ws"))
            .await
            .expect("it connects");
        socket.say(&json!({"type": "connection_init"})).await;
        assert_eq!(socket.hear().await, json!({"type": "connection_ack"}));
        socket
    }

    async fn write(&self, run: usize) -> u64 {
        let answer = self
            .service
            .ask(post("/api/v1/lineage", &[], event(run)))
            .await;
        answer.offset.expect("accepted")
    }
}

impl Socket {
    async fn say(&mut self, message: &Value) {
        let text = Message::text(message.to_string());
        self.0.send(text).await.expect("it is sent");
    }

    /// The next message that is no ping; of one that closes, its code.
    async fn hear(&mut self) -> Value {
        loop {
            let message = self.0.next().await;
            match message.expect("it goes on").expect("it is readable") {
                Message::Text(text) => return serde_json::from_str(&text).expect("JSON"),
                Message::Close(frame) => return json!(frame.map(|frame| u16::from(frame.code))),
                _ => {}
            }
        }
    }

    async fn subscribe(&mut self, id: &str, arguments: &str) {
        let query = format!("subscription {{ changes{arguments} {{ {CHANGES} }} }}");
        let payload = json!({"query": query});
        self.say(&json!({"type": "subscribe", "id": id, "payload": payload}))
            .await;
    }

    /// The next set of changes: `offset.index`, a star if it is the last, and what changed.
    async fn set(&mut self) -> String {
        let message = self.hear().await;
        assert_eq!(message["type"], "next", "{message}");
        assert_eq!(message["payload"].get("errors"), None, "{message}");
        let set = &message["payload"]["data"]["changes"];
        let changes = set["changes"]
            .as_array()
            .expect("changes")
            .iter()
            .map(|change| {
                let what = change["asset"]["name"]
                    .as_str()
                    .or(change["edge"]["kind"].as_str());
                format!(
                    " {} {}",
                    change["kind"].as_str().expect("a kind"),
                    what.expect("a name")
                )
            });
        let star = if set["isLast"] == true { "*" } else { "" };
        format!(
            "{}.{}{star}{}",
            set["offset"],
            set["index"],
            changes.collect::<String>()
        )
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_come_as_they_are_committed_and_a_client_goes_on_where_it_was() {
    let service = listening(Limits::default()).await;
    let mut socket = service.socket().await;
    service.write(1).await;
    socket.subscribe("all", "(after: 0)").await;
    let first = "1.0* ASSET_ADDED load ASSET_ADDED a EDGE_ADDED READS";
    assert_eq!(socket.set().await, first);
    // What changes nothing in the graph is not told.
    assert_eq!(service.write(2).await, 2);
    let facts = r#"{"datasets": [{"namespace": "db", "name": "b", "type": "TABLE"}]}"#;
    let path = "/api/v1/sources/orders/dbt/submissions";
    service.service.ask(post(path, &[], facts)).await;
    assert_eq!(socket.set().await, "3.0* ASSET_ADDED b");
    service
        .service
        .ask(post(path, &[], r#"{"datasets": []}"#))
        .await;
    assert_eq!(socket.set().await, "4.0* ASSET_RETIRED b");
    let mut later = service.socket().await;
    later.subscribe("1", "(after: 1)").await;
    assert_eq!(later.set().await, "3.0* ASSET_ADDED b");
    assert_eq!(later.set().await, "4.0* ASSET_RETIRED b");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_lets_edges_through_by_either_end() {
    let service = listening(Limits::default()).await;
    let mut socket = service.socket().await;
    socket
        .subscribe("a", r#"(after: 0, filter: {types: ["VIEW"]})"#)
        .await;
    service.write(1).await;
    let facts = r#"{"datasets": [{"namespace": "db", "name": "v", "type": "VIEW"}, {"namespace": "db", "name": "w", "type": "TABLE"}],
        "edges": [{"kind": "DERIVES", "from": {"kind": "DATASET", "namespace": "db", "name": "w"},
                                       "to": {"kind": "DATASET", "namespace": "db", "name": "v"}}]}"#;
    let path = "/api/v1/sources/orders/dbt/submissions";
    service.service.ask(post(path, &[], facts)).await;
    assert_eq!(socket.set().await, "2.0* ASSET_ADDED v EDGE_ADDED DERIVES");
    service
        .service
        .ask(post(path, &[], r#"{"datasets": []}"#))
        .await;
    assert_eq!(
        socket.set().await,
        "3.0* EDGE_RETIRED DERIVES ASSET_RETIRED v"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_offset_comes_in_parts() {
    let service = listening(Limits::default()).await;
    let datasets: Vec<Value> = (0..450)
        .map(|at| json!({"namespace": "db", "name": format!("t{at}"), "type": "TABLE"}))
        .collect();
    let facts = json!({"datasets": datasets}).to_string();
    let path = "/api/v1/sources/orders/dbt/submissions";
    service.service.ask(post(path, &[], facts)).await;
    let mut socket = service.socket().await;
    socket.subscribe("1", "(after: 0)").await;
    let sets = [socket.set().await, socket.set().await, socket.set().await];
    let begins: Vec<&str> = sets
        .iter()
        .filter_map(|set| set.split(' ').next())
        .collect();
    assert_eq!(begins, ["1.0", "1.1", "1.2*"]);
    let counts: Vec<usize> = sets
        .iter()
        .map(|set| set.matches("ASSET_ADDED").count())
        .collect();
    assert_eq!(counts, [200, 200, 50]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_subscribed_to_is_told_and_the_connection_lasts() {
    let service = listening(Limits {
        subscriptions_max: 1,
        ..Limits::default()
    })
    .await;
    let mut socket = service.socket().await;
    socket.subscribe("1", "(after: 7)").await;
    let error = socket.hear().await;
    assert_eq!(error["type"], "error");
    assert_eq!(error["payload"][0]["extensions"]["code"], "INVALID_INPUT");
    let message = error["payload"][0]["message"].as_str().expect("a message");
    assert!(message.contains("after is 7"), "{message}");
    for query in [
        "subscription { nothing }",
        "{ snapshot",
        "subscription { a: changes { index } b: changes { index } }",
    ] {
        let payload = json!({"query": query});
        socket
            .say(&json!({"type": "subscribe", "id": "2", "payload": payload}))
            .await;
        assert_eq!(socket.hear().await["type"], "error", "{query}");
    }
    let payload = json!({"query": "{ snapshot { offset } }"});
    socket
        .say(&json!({"type": "subscribe", "id": "3", "payload": payload}))
        .await;
    assert_eq!(
        socket.hear().await["payload"]["data"]["snapshot"]["offset"],
        0
    );
    assert_eq!(socket.hear().await, json!({"type": "complete", "id": "3"}));
    socket.subscribe("4", "").await;
    socket.subscribe("5", "").await;
    let error = socket.hear().await;
    assert_eq!(
        (&error["id"], &error["payload"][0]["extensions"]["code"]),
        (&json!("5"), &json!("LIMIT_EXCEEDED"))
    );
    // A subscription that its client ended makes room.
    socket.say(&json!({"type": "complete", "id": "4"})).await;
    socket.subscribe("6", "(after: 0)").await;
    service.write(1).await;
    let set = socket.hear().await;
    assert_eq!((&set["id"], &set["type"]), (&json!("6"), &json!("next")));
}

async fn closed_by(limits: Limits, said: &[Value]) -> Value {
    let service = listening(limits).await;
    let socket = service.connect(Some("graphql-transport-ws")).await;
    let mut socket = socket.expect("it connects");
    for message in said {
        socket.say(message).await;
    }
    loop {
        let heard = socket.hear().await;
        if heard.is_u64() {
            return heard;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_breaks_the_protocol_is_cut_off_with_its_code() {
    let init = || json!({"type": "connection_init"});
    let subscribe = || json!({"type": "subscribe", "id": "1", "payload": {"query": "subscription { changes { index } }"}});
    let check = |said: Vec<Value>| async move { closed_by(Limits::default(), &said).await };
    assert_eq!(check(vec![json!({"type": "start"})]).await, 4400);
    assert_eq!(check(vec![subscribe()]).await, 4401);
    assert_eq!(check(vec![init(), init()]).await, 4429);
    assert_eq!(check(vec![init(), subscribe(), subscribe()]).await, 4409);
    let hasty = Limits {
        websocket_init_timeout: Duration::ZERO,
        ..Limits::default()
    };
    assert_eq!(closed_by(hasty, &[]).await, 4408);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_websocket_of_ours_is_refused() {
    let service = listening(Limits {
        websockets_max: 1,
        ..Limits::default()
    })
    .await;
    let refusal = |refused: Result<Socket, tungstenite::Error>| match refused.map(|_| ()) {
        Err(tungstenite::Error::Http(response)) => response.status().as_u16(),
        other => panic!("it was not refused: {other:?}"),
    };
    assert_eq!(refusal(service.connect(None).await), 400);
    assert_eq!(refusal(service.connect(Some("graphql-ws")).await), 400);
    let _held = service.socket().await;
    assert_eq!(
        refusal(service.connect(Some("graphql-transport-ws")).await),
        503
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_stops_closes_websockets_and_ends() {
    let mut service = listening(Limits::default()).await;
    let mut socket = service.socket().await;
    socket.subscribe("1", "").await;
    service
        .stop
        .take()
        .expect("it runs")
        .send(())
        .expect("it listens");
    assert_eq!(socket.hear().await, 1001);
    drop(socket);
    service.served.await.expect("it ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_takes_nothing_is_told_after_which_offset_to_go_on() {
    let limits = Limits {
        slow_consumer_timeout: Duration::from_millis(100),
        ..Limits::default()
    };
    let service = listening(limits).await;
    let path = "/api/v1/sources/orders/dbt/submissions";
    let offsets = 30;
    for round in 0..offsets {
        let dataset = |at| {
            let name = format!("{round}-{at}-{}", "x".repeat(100));
            json!({"namespace": "db", "name": name, "type": "TABLE"})
        };
        let datasets: Vec<Value> = (0..100).map(dataset).collect();
        let facts = json!({"covers": [], "datasets": datasets}).to_string();
        let answer = service.service.ask(post(path, &[], facts)).await;
        assert_eq!(answer.offset, Some(round + 1), "{}", answer.text);
    }
    let mut socket = service.socket().await;
    // More than connections hold: each name comes many times.
    let names: Vec<String> = (0..90).map(|at| format!("n{at}: name")).collect();
    let names = names.join(" ");
    let query = format!(
        "subscription {{ changes(after: 0) {{ offset isLast changes {{ asset {{ {names} }} }} }} }}"
    );
    let payload = json!({"query": query});
    let message = json!({"type": "subscribe", "id": "1", "payload": payload});
    socket.say(&message).await;
    while metric(&service.service, "headwater_slow_consumers_total").await == 0 {
        tokio::task::yield_now().await;
    }
    let mut last = None;
    let resume = loop {
        let heard = socket.hear().await;
        if heard["type"] == "error" {
            break heard["payload"][0]["extensions"]["resumeAfter"].as_u64();
        }
        let set = &heard["payload"]["data"]["changes"];
        assert_eq!(set["isLast"], true);
        last = set["offset"].as_u64();
    };
    assert!(last.is_some_and(|last| last < offsets), "{last:?}");
    assert_eq!(last, resume);
    assert_eq!(socket.hear().await, 4413);
}
