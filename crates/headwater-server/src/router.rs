//! Which path leads where.

use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use headwater_engine::Engine;
use headwater_extraction::Extractions;
use headwater_graphql::Api;
use headwater_model::Timestamp;
use headwater_openlineage::Mode;
use tokio::sync::{Semaphore, watch};
use tower_http::catch_panic::CatchPanicLayer;

use crate::budget::ByteBudget;
use crate::error::{ApiError, Refusal};
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::trace::Tracer;
use crate::{
    admin, artifacts, graphiql, graphql, health, identity, lineage, metrics, min_offset,
    submissions, trace, webhooks, websocket,
};

/// Tells the time; the only place where the service asks for it.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What handlers share.
#[derive(Clone)]
pub struct App {
    pub(crate) engine: Arc<Engine>,
    pub(crate) api: Arc<Api>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) clock: Clock,
    pub(crate) event_mode: Mode,
    pub(crate) question_places: Arc<Semaphore>,
    pub(crate) submission_places: Arc<Semaphore>,
    pub(crate) websocket_places: Arc<Semaphore>,
    pub(crate) upload_places: Arc<Semaphore>,
    pub(crate) extractions: Option<Arc<Extractions>>,
    /// True once the service is stopping.
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) webhook_counts: Arc<webhooks::Counts>,
    pub(crate) bodies: ByteBudget,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) tracer: Option<Tracer>,
}

impl App {
    /// Puts together what handlers share.
    pub fn new(
        engine: Arc<Engine>,
        api: Api,
        limits: Limits,
        clock: Clock,
        event_mode: Mode,
    ) -> Self {
        Self {
            engine,
            api: Arc::new(api),
            question_places: Arc::new(Semaphore::new(limits.questions_max)),
            submission_places: Arc::new(Semaphore::new(limits.submissions_max)),
            websocket_places: Arc::new(Semaphore::new(limits.websockets_max)),
            upload_places: Arc::new(Semaphore::new(limits.uploads_max)),
            extractions: None,
            stop: watch::Sender::new(false),
            webhook_counts: Arc::default(),
            bodies: ByteBudget::new(limits.bodies_bytes_max),
            metrics: Arc::new(Metrics::new(Instant::now)),
            limits: Arc::new(limits),
            clock,
            event_mode,
            tracer: None,
        }
    }

    /// Traces requests: `tracer` is told of each one's headers.
    #[must_use]
    pub fn traced(mut self, tracer: Tracer) -> Self {
        self.tracer = Some(tracer);
        self
    }

    /// Takes artifacts, and components of extractors.
    #[must_use]
    pub fn extracting(mut self, extractions: Arc<Extractions>) -> Self {
        self.extractions = Some(extractions);
        self
    }
}

impl App {
    /// What ends websockets, which outlast requests.
    pub fn stopper(&self) -> Stopper {
        Stopper(self.clone())
    }
}

/// Ends what outlasts requests when the service stops.
pub struct Stopper(App);

impl Stopper {
    /// Tells the clients of websockets that the service is stopping.
    pub fn stop(&self) {
        self.0.stop.send_replace(true);
    }

    /// Ready once all websockets are closed, at the latest when requests under way may be cut off.
    pub async fn stopped(&self) {
        let places = u32::try_from(self.0.limits.websockets_max).unwrap_or(u32::MAX);
        let closed = self.0.websocket_places.acquire_many(places);
        let _ = tokio::time::timeout(self.0.limits.shutdown_timeout, closed).await;
    }
}

/// All routes. `lineage_paths` are further paths at which clients post OpenLineage events.
pub fn router(app: App, lineage_paths: &[String]) -> Router {
    let mut data = Router::new()
        .route("/graphql", post(graphql::post).get(graphql::get))
        .route("/graphql/ws", get(websocket::get))
        .route("/api/v1/lineage", post(lineage::post))
        .route(
            "/api/v1/sources/{domain}/{source}/submissions",
            post(submissions::post),
        )
        .route(
            "/api/v1/sources/{domain}/{source}/artifacts",
            // They go to files, and are bounded there.
            post(artifacts::post).layer(DefaultBodyLimit::disable()),
        )
        .route(
            "/api/v1/identity",
            post(identity::post).layer(middleware::from_fn(admin::only_this_machine)),
        );
    for path in lineage_paths {
        data = data.route(path, post(lineage::post));
    }
    let data = data.layer(middleware::from_fn_with_state(
        app.clone(),
        min_offset::wait,
    ));
    let admin = Router::new()
        .route("/api/v1/admin/backup", get(admin::backup))
        .route("/api/v1/admin/prune", post(admin::prune))
        .route("/api/v1/plugins", post(artifacts::post_component))
        .layer(middleware::from_fn(admin::only_this_machine));
    Router::new()
        .merge(data)
        .merge(admin)
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/metrics", get(metrics::get))
        .route("/graphiql", get(graphiql::page))
        .route("/graphiql/", get(graphiql::page))
        .route("/graphiql/{*path}", get(graphiql::file))
        .fallback(unknown_path)
        .method_not_allowed_fallback(unknown_method)
        .layer(middleware::from_fn(refuse_foreign_origin))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(app.clone(), end_in_time))
        .layer(middleware::from_fn_with_state(app.clone(), trace::trace))
        .layer(middleware::from_fn_with_state(
            app.clone(),
            metrics::measure,
        ))
        .with_state(app)
}

/// A page of another site must not use a person's browser to reach a service that trusts the machine it runs on.
async fn refuse_foreign_origin(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    let is_foreign = headers.contains_key(header::ORIGIN)
        && text(header::ORIGIN)
            .and_then(|origin| origin.split_once("://"))
            .map(|(_, host)| host)
            != text(header::HOST);
    if is_foreign {
        let message = "requests of pages of other sites (header Origin) are refused";
        return ApiError::new(StatusCode::FORBIDDEN, "FORBIDDEN", message)
            .because(Refusal::Origin)
            .into_response();
    }
    next.run(request).await
}

/// Ends a request that takes longer than one may, its body included.
async fn end_in_time(State(app): State<App>, request: Request, next: Next) -> Response {
    if request.uri().path().starts_with("/api/v1/admin/") {
        // What an operator asks for may read the whole log.
        return next.run(request).await;
    }
    let timeout = app.limits.request_timeout;
    if let Ok(response) = tokio::time::timeout(timeout, next.run(request)).await {
        return response;
    }
    let message = format!("the request took longer than {} ms", timeout.as_millis());
    ApiError::new(StatusCode::REQUEST_TIMEOUT, "BUSY", message)
        .because(Refusal::Timeout)
        .into_response()
}

async fn unknown_path(uri: Uri) -> ApiError {
    let message = format!("nothing is served at {}", uri.path());
    ApiError::new(StatusCode::NOT_FOUND, "NOT_FOUND", message)
}

async fn unknown_method(method: axum::http::Method, uri: Uri) -> ApiError {
    let message = format!("{} does not take {method}", uri.path());
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "INVALID_INPUT", message)
}

#[expect(clippy::needless_pass_by_value, reason = "the layer hands it over")]
fn panicked(cause: Box<dyn Any + Send>) -> Response {
    let text = cause
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| cause.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    tracing::error!("a handler panicked: {text}");
    ApiError::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "INTERNAL",
        "something failed inside the service; its log says what",
    )
    .into_response()
}
