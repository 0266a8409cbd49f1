//! A subscription under way.

use std::collections::VecDeque;
use std::sync::Arc;

use async_graphql::ServerError;
use async_graphql::parser::types::{ExecutableDocument, OperationType};
use futures_util::StreamExt as _;
use headwater_engine::Visible;
use parking_lot::Mutex;

use crate::api::{Api, Body, Response};
use crate::changes::{Asked, Part, Turn, parts};
use crate::document;
use crate::error::ask_error;
use crate::stall::Stall;

/// Offsets that are looked at in one step.
const OFFSETS_MAX: usize = 64;

/// What became of an operation that a client sent over a lasting connection.
pub enum Opened {
    /// It is a question or a command, and this is its answer.
    Answer(Response),
    /// It can't be carried out: the response says why.
    Refused(Response),
    /// It is a subscription.
    Feed(Box<Feed>),
}

/// What comes next of a feed.
pub enum Step {
    /// A set of changes. `resume` is the offset after which a client may go on once it has this.
    Set {
        /// What to tell.
        response: Response,
        /// The offset that this set closes.
        resume: Option<u64>,
    },
    /// Nothing for now: [`Feed::changed`] tells when to look again.
    Idle,
    /// It can't go on: the response says why.
    Failed(Response),
}

/// A subscription under way: none of its changes is missed, and none is told twice.
pub struct Feed {
    api: Arc<Api>,
    body: Body,
    document: ExecutableDocument,
    asked: Asked,
    waiting: VecDeque<Part>,
}

impl Api {
    /// Opens what a client sent over a lasting connection: the request as JSON. Reads the state: run it where that may
    /// block.
    pub async fn open(self: &Arc<Self>, request_json: &[u8]) -> Opened {
        let body = match serde_json::from_slice::<Body>(request_json) {
            Ok(body) => body,
            Err(error) => {
                let message = format!("the request is no GraphQL request: {error}");
                return Opened::Refused(self.refused(&message));
            }
        };
        let document = match document::read(&body.query, self.limits()) {
            Ok(document) => document,
            Err(error) => return Opened::Refused(self.failed(vec![error])),
        };
        let operation = document::operation(&document, body.operation_name.as_deref());
        if operation.is_none_or(|operation| operation.ty != OperationType::Subscription) {
            let response = self.execute(request_json).await;
            return if response.is_executed {
                Opened::Answer(response)
            } else {
                Opened::Refused(response)
            };
        }
        let asked = Arc::new(Mutex::new(None));
        let stall = Arc::new(Stall::default());
        let (request, _) = self.request(&body, Some(document.clone()), &stall);
        let request = request.data(Turn::Open(Arc::clone(&asked)));
        let mut opened = self.schema().execute_stream(request);
        if let Some(response) = stall.run(opened.next()).await {
            return Opened::Refused(self.failed(response.errors));
        }
        let asked = asked.lock().take();
        match asked {
            Some(asked) => Opened::Feed(Box::new(Feed {
                api: Arc::clone(self),
                body,
                document,
                asked,
                waiting: VecDeque::new(),
            })),
            None => Opened::Refused(self.refused("the subscription selects nothing")),
        }
    }
}

impl Feed {
    /// Ready once there may be something new to tell.
    pub fn changed(&self) -> Visible {
        self.api.visible(self.asked.after + 1)
    }

    /// What comes next. Reads the state: run it where that may block.
    pub async fn next(&mut self) -> Step {
        if let Some(part) = self.waiting.pop_front() {
            return self.tell(part).await;
        }
        let view = self.api.view();
        let found = view.changes_after(self.asked.after, self.asked.filter.as_ref(), OFFSETS_MAX);
        let page = match found.map_err(ask_error) {
            Ok(page) => page,
            Err(error) => {
                let mut failure = ServerError::new(error.message, None);
                failure.extensions = error.extensions;
                return Step::Failed(self.api.failed(vec![failure]));
            }
        };
        self.asked.after = page.upto;
        for found in page.offsets {
            let max = self.api.limits().changes_max;
            self.waiting.extend(parts(&found, max));
        }
        match self.waiting.pop_front() {
            Some(part) => self.tell(part).await,
            None => Step::Idle,
        }
    }

    async fn tell(&self, part: Part) -> Step {
        let resume = part.is_last.then_some(part.offset);
        let stall = Arc::new(Stall::default());
        let document = Some(self.document.clone());
        let (request, offset) = self.api.request(&self.body, document, &stall);
        let mut told = self
            .api
            .schema()
            .execute_stream(request.data(Turn::Give(part)));
        match stall.run(told.next()).await {
            Some(response) => Step::Set {
                response: self.api.settled(&self.body, response, offset),
                resume,
            },
            // It selects nothing under these variables.
            None => Step::Idle,
        }
    }
}
