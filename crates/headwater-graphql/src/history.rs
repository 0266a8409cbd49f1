//! What was ever said of an asset.

use async_graphql::SimpleObject;
use headwater_engine::HistoryView;

use crate::asset::Assertion;
use crate::quick::not_quick;

/// One thing that was said.
#[derive(SimpleObject)]
pub(crate) struct HistoryEntry {
    /// What was said, in words.
    about: String,
    /// Who said so, since and until when, and since and until which offset it was believed.
    assertion: Assertion,
}

not_quick!(HistoryEntry);

impl From<&HistoryView> for HistoryEntry {
    fn from(view: &HistoryView) -> Self {
        Self {
            about: view.about.clone(),
            assertion: Assertion(view.assertion.clone()),
        }
    }
}
