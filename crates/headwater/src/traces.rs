//! Traces for an OpenTelemetry collector, where one is named.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use headwater_server::{TRACE_TARGET, Tracer};
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{Bytes, HeaderExtractor, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

use crate::failure::{Exit, Failure};

/// How long one export may take.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest answer of a collector that is read.
const ANSWER_BYTES_MAX: u64 = 64 << 10;
/// The path of traces below a collector's address, see the OTLP specification.
const PATH: &str = "/v1/traces";

/// Sends spans to a collector, in batches and on a thread of its own.
pub(crate) struct Traces {
    provider: SdkTracerProvider,
}

impl fmt::Debug for Traces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Traces").finish_non_exhaustive()
    }
}

impl Traces {
    /// Sends to the collector at `endpoint`, for example `http://127.0.0.1:4318`, as OTLP over HTTP.
    ///
    /// # Errors
    /// A [`Failure`] with [`Exit::Input`] if that is no address.
    pub(crate) fn to(endpoint: &str) -> anyhow::Result<Self> {
        let is_http = endpoint.starts_with("http://") || endpoint.starts_with("https://");
        if !is_http {
            let message = format!("otlp_endpoint is {endpoint:?}, which is no address of HTTP");
            return Err(Failure::new(Exit::Input, message)
                .hint("a collector listens for OTLP over HTTP at an address like http://127.0.0.1:4318")
                .into());
        }
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Sender::new())
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(traces_url(endpoint))
            .with_timeout(EXPORT_TIMEOUT)
            .build()
            .context("cannot export traces")?;
        let resource = Resource::builder()
            .with_service_name("headwater")
            .with_attribute(opentelemetry::KeyValue::new(
                "service.version",
                env!("CARGO_PKG_VERSION"),
            ))
            .build();
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource)
            .build();
        Ok(Self { provider })
    }

    /// Takes spans of [`TRACE_TARGET`], and nothing else.
    pub(crate) fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: tracing::Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer("headwater"))
            .with_filter(filter_fn(|metadata| metadata.target() == TRACE_TARGET))
    }

    /// Makes requests part of the trace that their header `traceparent` names, see W3C Trace Context.
    pub(crate) fn tracer() -> Tracer {
        Arc::new(|span, headers| {
            let context = TraceContextPropagator::new().extract(&HeaderExtractor(headers));
            // Refused only where nothing traces the span.
            let _ = span.set_parent(context);
        })
    }

    /// Sends what is left.
    pub(crate) fn shut_down(self) {
        if let Err(error) = self.provider.shutdown() {
            tracing::warn!(%error, "not every span was sent: {error}");
        }
    }
}

/// An address with a path of its own is taken as it is.
fn traces_url(endpoint: &str) -> String {
    let endpoint = endpoint.trim_end_matches('/');
    if endpoint.ends_with(PATH) {
        endpoint.to_owned()
    } else {
        format!("{endpoint}{PATH}")
    }
}

/// Posts batches with the client that the commands use: no second one is linked.
#[derive(Debug)]
struct Sender {
    agent: ureq::Agent,
}

impl Sender {
    fn new() -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(EXPORT_TIMEOUT))
            .user_agent(concat!("headwater/", env!("CARGO_PKG_VERSION")))
            .build();
        Self {
            agent: config.into(),
        }
    }

    fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        let response = self.agent.run(Request::from_parts(parts, &body[..]))?;
        let (parts, mut body) = response.into_parts();
        let answer = body.with_config().limit(ANSWER_BYTES_MAX).read_to_vec()?;
        Ok(Response::from_parts(parts, answer.into()))
    }
}

impl HttpClient for Sender {
    // Exports run on the exporter's own thread, which may block.
    fn send_bytes<'this, 'future>(
        &'this self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'future>>
    where
        'this: 'future,
        Self: 'future,
    {
        Box::pin(std::future::ready(self.send(request)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_gets_the_path_of_traces_once() {
        assert_eq!(traces_url("http://c:4318"), "http://c:4318/v1/traces");
        assert_eq!(traces_url("http://c:4318/"), "http://c:4318/v1/traces");
        assert_eq!(traces_url("http://c/x/v1/traces"), "http://c/x/v1/traces");
        assert!(Traces::to("c:4318").is_err());
    }
}
