//! Events as they are written (OpenLineage.json, 2-0-2).

use serde_json::value::RawValue;

use crate::node::{MapOf, Node, TextOf, record};

/// Facets by name, not looked into.
pub(crate) type FacetsOf<'de> = MapOf<'de, &'de RawValue>;

record!(
    /// Any event.
    EventRecord<'de> {
        event_type: TextOf<'de> = "eventType",
        event_time: TextOf<'de> = "eventTime",
        producer: TextOf<'de> = "producer",
        schema_url: TextOf<'de> = "schemaURL",
        run: RunRecord<'de> = "run",
        job: JobRecord<'de> = "job",
        dataset: DatasetRecord<'de> = "dataset",
        inputs: Vec<Node<DatasetRecord<'de>>> = "inputs",
        outputs: Vec<Node<DatasetRecord<'de>>> = "outputs",
    }
);

record!(
    /// `run`.
    RunRecord<'de> {
        run_id: TextOf<'de> = "runId",
        facets: FacetsOf<'de> = "facets",
    }
);

record!(
    /// `job`.
    JobRecord<'de> {
        namespace: TextOf<'de> = "namespace",
        name: TextOf<'de> = "name",
        facets: FacetsOf<'de> = "facets",
    }
);

record!(
    /// An item of `inputs` or `outputs`, or `dataset`.
    DatasetRecord<'de> {
        namespace: TextOf<'de> = "namespace",
        name: TextOf<'de> = "name",
        facets: FacetsOf<'de> = "facets",
    }
);
