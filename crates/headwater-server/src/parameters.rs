//! What a query string says.

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use serde::Deserialize;

use crate::error::ApiError;

/// The parameters of endpoints that can say what they would do.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Parameters {
    /// Nothing is to be kept.
    #[serde(default)]
    pub(crate) dry_run: bool,
}

/// The parameters, as axum found them.
pub(crate) type Found = Result<Query<Parameters>, QueryRejection>;

/// The parameters.
///
/// # Errors
/// 400 with what is wrong with the query string.
pub(crate) fn read(found: Found) -> Result<Parameters, ApiError> {
    let Query(parameters) =
        found.map_err(|error| ApiError::invalid(format!("query string: {}", error.body_text())))?;
    Ok(parameters)
}
