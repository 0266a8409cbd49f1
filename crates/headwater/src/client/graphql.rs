//! Asking over GraphQL.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Client, Reply};
use crate::failure::{Exit, Failure};

/// How many candidates an error lists.
const CANDIDATES_SHOWN_MAX: usize = 20;

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    data: Option<Value>,
    #[serde(default)]
    errors: Vec<GraphqlError>,
}

#[derive(Deserialize)]
struct GraphqlError {
    message: String,
    #[serde(default)]
    extensions: Extensions,
}

#[derive(Default, Deserialize)]
struct Extensions {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    candidates: Vec<Value>,
}

impl Client {
    /// Asks `query` and returns the value of its one field `name`.
    ///
    /// # Errors
    /// A [`Failure`]: [`Exit::NotFound`] for references that name nothing or several things, with the candidates;
    /// [`Exit::Input`] for one that cannot be read; else [`Exit::Failed`].
    pub(crate) fn ask<T: DeserializeOwned>(
        &self,
        name: &str,
        query: &str,
        variables: &Value,
    ) -> Result<T, Failure> {
        let body = json!({ "query": query, "variables": variables }).to_string();
        let reply = self
            .post_once("/graphql", &[], body.as_bytes())
            .map_err(|error| self.unreachable(error))?;
        self.answered(name, &reply)
    }

    /// The same, and again while the service is busy or the connection breaks.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub(crate) fn ask_repeatable<T: DeserializeOwned>(
        &self,
        name: &str,
        query: &str,
        variables: &Value,
    ) -> Result<T, Failure> {
        let body = json!({ "query": query, "variables": variables }).to_string();
        let reply = self.post_repeatable("/graphql", &[], body.as_bytes())?;
        self.answered(name, &reply)
    }

    fn answered<T: DeserializeOwned>(&self, name: &str, reply: &Reply) -> Result<T, Failure> {
        let Ok(answer) = serde_json::from_slice::<Answer>(&reply.body) else {
            let message = format!("{}/graphql answered {}", self.server, reply.status);
            return Err(
                Failure::new(Exit::Failed, format!("{message}: {}", reply.error().text()))
                    .hint(format!("is {} a Headwater service?", self.server)),
            );
        };
        read(name, answer)
    }
}

fn read<T: DeserializeOwned>(name: &str, answer: Answer) -> Result<T, Failure> {
    if let Some(error) = answer.errors.into_iter().next() {
        return Err(failure_of(error));
    }
    let value = answer
        .data
        .and_then(|mut data| data.get_mut(name).map(Value::take))
        .unwrap_or_default();
    serde_json::from_value(value).map_err(|error| {
        Failure::new(Exit::Failed, format!("cannot read the answer to {name}"))
            .because(error)
            .hint("the service may be of another version than this client")
    })
}

fn failure_of(error: GraphqlError) -> Failure {
    let exit = match error.extensions.code.as_deref() {
        Some("NOT_FOUND" | "AMBIGUOUS") => Exit::NotFound,
        Some("BAD_REFERENCE" | "INVALID_INPUT") => Exit::Input,
        _ => Exit::Failed,
    };
    let mut failure = Failure::new(exit, error.message);
    let candidates = error.extensions.candidates;
    for candidate in candidates.iter().take(CANDIDATES_SHOWN_MAX) {
        let shown = match candidate {
            Value::String(reference) => reference.clone(),
            Value::Object(asset) => asset
                .get("reference")
                .and_then(Value::as_str)
                .map_or_else(|| candidate.to_string(), str::to_owned),
            other => other.to_string(),
        };
        failure = failure.hint(format!("did you mean {shown}"));
    }
    match candidates.len().saturating_sub(CANDIDATES_SHOWN_MAX) {
        0 => failure,
        more => failure.hint(format!("and {more} more")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(answer: Value) -> (Option<Exit>, String) {
        let answer = serde_json::from_value(answer).expect("an answer");
        let error = anyhow::Error::new(read::<u32>("x", answer).expect_err("a failure"));
        (
            crate::failure::exit_of(&error),
            format!("{:?}", error.downcast_ref::<Failure>()),
        )
    }

    #[test]
    fn an_ambiguous_reference_exits_with_4_and_lists_the_candidates() {
        let (exit, shown) = failure(json!({"data": null, "errors": [{
            "message": "orders is ambiguous",
            "extensions": {"code": "AMBIGUOUS", "candidates": ["pg://a/orders", {"reference": "pg://b/orders"}]}
        }]}));
        assert_eq!(exit, Some(Exit::NotFound));
        assert!(
            shown.contains("pg://a/orders") && shown.contains("did you mean pg://b/orders"),
            "{shown}"
        );
    }

    #[test]
    fn the_exit_code_follows_the_errors_code() {
        let of = |code: &str| {
            failure(json!({"errors": [{"message": "m", "extensions": {"code": code}}]})).0
        };
        assert_eq!(of("NOT_FOUND"), Some(Exit::NotFound));
        assert_eq!(of("BAD_REFERENCE"), Some(Exit::Input));
        assert_eq!(of("INTERNAL"), Some(Exit::Failed));
        assert_eq!(
            failure(json!({"errors": [{"message": "m"}]})).0,
            Some(Exit::Failed)
        );
    }

    #[test]
    fn an_answer_without_the_field_is_a_failure() {
        assert_eq!(failure(json!({"data": {"y": 1}})).0, Some(Exit::Failed));
        let answer = serde_json::from_value(json!({"data": {"x": 7}})).expect("an answer");
        assert_eq!(read::<u32>("x", answer).ok(), Some(7));
    }
}
