//! Requests and responses as bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use async_graphql::parser::types::{ExecutableDocument, OperationType};
use async_graphql::{Request, Schema, ServerError, Variables};
use headwater_engine::{Caller, Engine, View, Visible};
use headwater_extraction::Extractions;
use headwater_model::{ExtractorDescription, Timestamp};
use serde::Deserialize;
use tracing::Instrument as _;

use crate::changes::Subscription;
use crate::document;
use crate::error::Code;
use crate::json;
use crate::limits::Limits;
use crate::loads::Loads;
use crate::manual::Writes;
use crate::nulls::FieldTypes;
use crate::operators::{Mutation, Operators};
use crate::plugin::Plugins;
use crate::query::Query;
use crate::scope::{Scope, Scopes};
use crate::stall::Stall;

/// Tells the time, to cut walks that take too long.
pub type Clock = Arc<dyn Fn() -> Instant + Send + Sync>;

/// Tells when a statement was received.
pub type Calendar = Arc<dyn Fn() -> Timestamp + Send + Sync>;

pub(crate) type GraphqlSchema = Schema<Query, Mutation, Subscription>;

/// A response, as bytes of JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The response, UTF-8.
    pub json: Vec<u8>,
    /// True if it has no errors.
    pub is_ok: bool,
    /// True if the request was carried out, perhaps with errors; false if it was refused before.
    pub is_executed: bool,
    /// The offset that it was read at: that of its view, or the newest where it has none.
    pub offset: u64,
    /// The `extensions.code` of each error.
    pub error_codes: Vec<String>,
}

/// Answers GraphQL requests from an engine. Cheap to share; each request pins its own view.
pub struct Api {
    engine: Arc<Engine>,
    schema: GraphqlSchema,
    limits: Arc<Limits>,
    clock: Clock,
    calendar: Calendar,
    plugins: Plugins,
    types: FieldTypes,
}

/// A request as GraphQL over HTTP has it.
#[derive(Deserialize)]
pub(crate) struct Body {
    pub(crate) query: String,
    #[serde(default)]
    variables: Variables,
    #[serde(default, rename = "operationName")]
    pub(crate) operation_name: Option<String>,
    /// Whether it may do what only operators do.
    #[serde(skip)]
    is_operators: bool,
}

/// A list that was written in one go is not in the answer.
#[derive(Debug)]
struct ListLost;

/// How a request came.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Method {
    Get,
    Post,
}

fn today() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let micros = since
        .ok()
        .and_then(|since| i64::try_from(since.as_micros()).ok());
    Timestamp::from_micros(micros.unwrap_or_default())
}

fn schema(limits: &Limits) -> GraphqlSchema {
    Schema::build(Query, Mutation::default(), Subscription)
        .limit_complexity(limits.complexity_max)
        .limit_depth(limits.depth_max)
        .limit_recursive_depth(limits.nesting_max)
        .finish()
}

impl Api {
    /// Answers from `engine`, within `limits`.
    pub fn new(engine: Arc<Engine>, limits: Limits) -> Self {
        Self::with_clock(engine, limits, Arc::new(Instant::now))
    }

    /// The same, with another clock.
    pub fn with_clock(engine: Arc<Engine>, limits: Limits, clock: Clock) -> Self {
        let schema = schema(&limits);
        Self {
            engine,
            types: FieldTypes::of_sdl(&schema.sdl()),
            schema,
            limits: Arc::new(limits),
            clock,
            calendar: Arc::new(today),
            plugins: Plugins {
                fixed: Arc::new([]),
                extractions: None,
            },
        }
    }

    /// The same, telling by another calendar when facts were asserted.
    #[must_use]
    pub fn with_calendar(mut self, calendar: Calendar) -> Self {
        self.calendar = calendar;
        self
    }

    /// The same, telling of those extractors.
    #[must_use]
    pub fn with_plugins(mut self, mut plugins: Vec<ExtractorDescription>) -> Self {
        plugins.sort_by(|a, b| {
            (&a.name, &a.version, &a.digest).cmp(&(&b.name, &b.version, &b.digest))
        });
        self.plugins.fixed = plugins.into_iter().map(Arc::new).collect();
        self
    }

    /// The same, with the extractions of the service.
    #[must_use]
    pub fn with_extractions(mut self, extractions: Arc<Extractions>) -> Self {
        self.plugins.extractions = Some(extractions);
        self
    }

    /// The schema that is served, in the schema definition language, with descriptions.
    pub fn sdl() -> String {
        schema(&Limits::default()).sdl()
    }

    /// The newest offset that is visible.
    fn offset(&self) -> u64 {
        self.engine.view(Caller::everyone()).offset()
    }

    /// The response to a request that waited for an offset that did not become visible; `message` says so.
    pub fn not_yet_visible(&self, message: &str) -> Response {
        self.refusal(Code::NotYetVisible, message)
    }

    /// A response to what is no request.
    pub(crate) fn refused(&self, message: &str) -> Response {
        self.refusal(Code::InvalidInput, message)
    }

    fn refusal(&self, code: Code, message: &str) -> Response {
        let mut error = ServerError::new(message, None);
        let extensions = error.extensions.get_or_insert_default();
        extensions.set("code", code.as_str());
        let response = async_graphql::Response::from_errors(vec![error]);
        write(&response, self.offset(), false)
    }

    /// Answers the request in the body of a POST.
    ///
    /// Reads only memory and, for some fields, the state: milliseconds without a point where it waits, so run it
    /// where that may block.
    pub async fn execute(&self, request_json: &[u8]) -> Response {
        if request_json.trim_ascii_start().starts_with(b"[") {
            return self.refused("the request is a batch; send each request by itself");
        }
        match serde_json::from_slice::<Body>(request_json) {
            Ok(body) => self.answer(body, Method::Post).await,
            Err(error) => self.refused(&format!("the request is no GraphQL request: {error}")),
        }
    }

    /// The same for somebody who may do what only operators do.
    pub async fn execute_for_operator(&self, request_json: &[u8]) -> Response {
        match serde_json::from_slice::<Body>(request_json) {
            Ok(mut body) => {
                body.is_operators = true;
                self.answer(body, Method::Post).await
            }
            Err(_) => self.execute(request_json).await,
        }
    }

    /// Answers the request in the parameters of a GET; `variables` is JSON. Only queries are answered.
    pub async fn execute_get(
        &self,
        query: &str,
        variables: Option<&str>,
        operation_name: Option<&str>,
    ) -> Response {
        let variables = match variables.map(serde_json::from_str::<Variables>).transpose() {
            Ok(variables) => variables.unwrap_or_default(),
            Err(error) => return self.refused(&format!("variables are no JSON object: {error}")),
        };
        let body = Body {
            query: query.to_owned(),
            variables,
            operation_name: operation_name.map(str::to_owned),
            is_operators: false,
        };
        self.answer(body, Method::Get).await
    }

    async fn answer(&self, body: Body, method: Method) -> Response {
        // Disabled unless something is traced.
        let span = tracing::trace_span!(
            target: "headwater::trace",
            "graphql",
            graphql.operation.name = body.operation_name.as_deref(),
            errors_count = tracing::field::Empty,
        );
        let response = self.answer_now(body, method).instrument(span.clone()).await;
        span.record("errors_count", response.error_codes.len());
        response
    }

    async fn answer_now(&self, body: Body, method: Method) -> Response {
        let document = match document::read(&body.query, &self.limits) {
            Ok(document) => document,
            Err(error) => {
                let refusal = async_graphql::Response::from_errors(vec![error]);
                return self.written(refusal, self.offset(), false);
            }
        };
        if method == Method::Get
            && let Some(refusal) = document::get_refusal(&document)
        {
            let refusal = async_graphql::Response::from_errors(vec![refusal]);
            return self.written(refusal, self.offset(), false);
        }
        // What changes something is carried out once, and its offset is that of the change.
        let operation = document::operation(&document, body.operation_name.as_deref());
        let is_mutation = operation.is_some_and(|found| found.ty == OperationType::Mutation);
        let carried_out = self.carry_out(&body, Some(document), !is_mutation).await;
        let (mut response, mut offset) = match carried_out {
            Ok(response) => response,
            Err(ListLost) => self
                .carry_out(&body, None, false)
                .await
                .expect("where no list is written in one go none is lost"),
        };
        if is_mutation {
            offset = self.offset();
        }
        // What fails before any resolver has no path.
        let is_executed = response.is_ok() || response.errors.iter().any(|e| !e.path.is_empty());
        if is_executed && !response.errors.is_empty() {
            self.settle(&body, &mut response);
        }
        self.written(*response, offset, is_executed)
    }

    /// Executes a request, and says at which offset; `document` is what it says, if that was read already.
    ///
    /// # Errors
    /// [`ListLost`] only if lists may be written in one go.
    async fn carry_out(
        &self,
        body: &Body,
        document: Option<ExecutableDocument>,
        is_quick: bool,
    ) -> Result<(Box<async_graphql::Response>, u64), ListLost> {
        let written_count = Arc::new(AtomicUsize::new(0));
        let stall = Arc::new(Stall::default());
        let lists = is_quick.then(|| Arc::clone(&written_count));
        let (request, offset) = self.scoped(body, document, &stall, lists);
        let response = stall.run(self.schema.execute(request)).await;
        let is_whole = json::written_count(&response.data) == written_count.load(Ordering::Relaxed);
        is_whole
            .then(|| (Box::new(response), offset))
            .ok_or(ListLost)
    }

    /// A request with a view of its own, and the offset of that.
    pub(crate) fn request(
        &self,
        body: &Body,
        document: Option<ExecutableDocument>,
        stall: &Arc<Stall>,
    ) -> (Request, u64) {
        self.scoped(body, document, stall, None)
    }

    /// The same; `lists` counts the lists that are written in one go, if any may be.
    fn scoped(
        &self,
        body: &Body,
        document: Option<ExecutableDocument>,
        stall: &Arc<Stall>,
        lists: Option<Arc<AtomicUsize>>,
    ) -> (Request, u64) {
        let view = self.engine.view(Caller::everyone());
        let offset = view.offset();
        let scope = Scope {
            view,
            limits: Arc::clone(&self.limits),
            clock: Arc::clone(&self.clock),
            deadline: (self.clock)() + Duration::from_millis(self.limits.walk_ms_max),
            plugins: self.plugins.clone(),
            loads: Loads::default(),
            stall: Arc::clone(stall),
            is_quick: lists.is_some(),
            written_count: lists.unwrap_or_default(),
        };
        let mut request = Request::new(body.query.clone())
            .variables(body.variables.clone())
            .data(Scopes::new(scope))
            .data(Writes {
                engine: Arc::clone(&self.engine),
                received_at: (self.calendar)(),
            })
            .data(Operators {
                extractions: self.plugins.extractions.clone(),
                is_allowed: body.is_operators,
            });
        if let Some(name) = &body.operation_name {
            request = request.operation_name(name.clone());
        }
        if let Some(document) = document {
            request.set_parsed_query(document);
        }
        (request, offset)
    }

    /// The newest view.
    pub(crate) fn view(&self) -> View {
        self.engine.view(Caller::everyone())
    }

    pub(crate) fn visible(&self, offset: u64) -> Visible {
        self.engine.visible(offset)
    }

    pub(crate) fn schema(&self) -> &GraphqlSchema {
        &self.schema
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// A response that says why nothing was carried out.
    pub(crate) fn failed(&self, errors: Vec<ServerError>) -> Response {
        let response = async_graphql::Response::from_errors(errors);
        self.written(response, self.offset(), false)
    }

    /// A response to what was carried out.
    pub(crate) fn settled(
        &self,
        body: &Body,
        mut response: async_graphql::Response,
        offset: u64,
    ) -> Response {
        if !response.errors.is_empty() {
            self.settle(body, &mut response);
        }
        self.written(response, offset, true)
    }

    /// Makes null what has failed. The document is read again: failures are rare.
    fn settle(&self, body: &Body, response: &mut async_graphql::Response) {
        let Ok(document) = document::read(&body.query, &self.limits) else {
            return;
        };
        if let Some(operation) = document::operation(&document, body.operation_name.as_deref()) {
            let errors = &response.errors;
            self.types
                .settle(&mut response.data, &document, operation, errors);
        }
    }

    fn written(
        &self,
        mut response: async_graphql::Response,
        offset: u64,
        is_executed: bool,
    ) -> Response {
        for error in &mut response.errors {
            self.set_code(error);
        }
        write(&response, offset, is_executed)
    }

    /// Errors of resolvers have their code; the rest are the library's, about the document or its variables.
    fn set_code(&self, error: &mut ServerError) {
        let extensions = error.extensions.get_or_insert_default();
        if extensions.get("code").is_some() {
            return;
        }
        let limits = &self.limits;
        let exceeded = match error.message.as_str() {
            "Query is too complex." => Some(("complexity", limits.complexity_max)),
            "Query is nested too deep." => Some(("depth", limits.depth_max)),
            text if text.starts_with("The recursion depth of the query") => {
                Some(("nesting", limits.nesting_max))
            }
            _ => None,
        };
        let code = match exceeded {
            Some((what, max)) => {
                error.message = format!("the {what} of the query is more than {max}");
                Code::LimitExceeded
            }
            None => Code::InvalidInput,
        };
        extensions.set("code", code.as_str());
    }
}

fn write(response: &async_graphql::Response, offset: u64, is_executed: bool) -> Response {
    let mut out = vec![b'{'];
    if is_executed {
        json::key(&mut out, "data");
        json::value(&mut out, &response.data);
    }
    if !response.errors.is_empty() {
        if is_executed {
            out.push(b',');
        }
        json::key(&mut out, "errors");
        json::serialized(&mut out, &response.errors);
    }
    out.push(b'}');
    let codes = response.errors.iter().map(|error| {
        let code = error
            .extensions
            .as_ref()
            .and_then(|found| found.get("code"));
        match code {
            Some(async_graphql::Value::String(code)) => code.clone(),
            _ => String::new(),
        }
    });
    Response {
        offset,
        error_codes: codes.collect(),
        json: out,
        is_ok: response.errors.is_empty(),
        is_executed,
    }
}
