//! OpenLineage events read into the model.
