//! Facets as they are written, as far as they are read.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::error::cut;
use crate::node::{MapOf, Node, Shape, TextOf, record};

record!(
    /// What every facet has.
    AnyFacet<'de> {
        deleted: bool = "_deleted",
        producer: TextOf<'de> = "_producer",
    }
);
record!(
    /// `documentation` of a job or dataset.
    DocumentationFacet<'de> { description: TextOf<'de> = "description" }
);
record!(
    /// `sql` of a job.
    SqlFacet<'de> { query: TextOf<'de> = "query" }
);
record!(
    /// `jobType` of a job.
    JobTypeFacet<'de> { job_type: TextOf<'de> = "jobType" }
);
record!(
    /// `datasetType` of a dataset.
    DatasetTypeFacet<'de> {
        dataset_type: TextOf<'de> = "datasetType",
        sub_type: TextOf<'de> = "subType",
    }
);
record!(
    /// `ownership` of a job or dataset.
    OwnershipFacet<'de> { owners: Vec<Node<OwnerItem<'de>>> = "owners" }
);
record!(
    /// One owner.
    OwnerItem<'de> {
        name: TextOf<'de> = "name",
        r#type: TextOf<'de> = "type",
    }
);
record!(
    /// `tags` of a job or dataset.
    TagsFacet<'de> { tags: Vec<Node<TagItem<'de>>> = "tags" }
);
record!(
    /// One tag.
    TagItem<'de> {
        key: TextOf<'de> = "key",
        value: TextOf<'de> = "value",
        field: TextOf<'de> = "field",
    }
);
record!(
    /// `schema` of a dataset.
    SchemaFacet<'de> { fields: Vec<Node<FieldItem<'de>>> = "fields" }
);
record!(
    /// One field of a schema.
    FieldItem<'de> {
        name: TextOf<'de> = "name",
        r#type: TextOf<'de> = "type",
        description: TextOf<'de> = "description",
        fields: Vec<Node<FieldItem<'de>>> = "fields",
    }
);
record!(
    /// `symlinks` of a dataset.
    SymlinksFacet<'de> { identifiers: Vec<Node<SymlinkItem<'de>>> = "identifiers" }
);
record!(
    /// One other name of a dataset.
    SymlinkItem<'de> {
        namespace: TextOf<'de> = "namespace",
        name: TextOf<'de> = "name",
        r#type: TextOf<'de> = "type",
    }
);
record!(
    /// `columnLineage` of a dataset, 1-0-0 to 1-2-0.
    ColumnLineageFacet<'de> {
        fields: MapOf<'de, Node<OutputFieldItem<'de>>> = "fields",
        dataset: Vec<Node<InputFieldItem<'de>>> = "dataset",
    }
);
record!(
    /// What one output field is made of.
    OutputFieldItem<'de> {
        input_fields: Vec<Node<InputFieldItem<'de>>> = "inputFields",
        transformation_type: TextOf<'de> = "transformationType",
        transformation_description: TextOf<'de> = "transformationDescription",
    }
);
record!(
    /// An input field.
    InputFieldItem<'de> {
        namespace: TextOf<'de> = "namespace",
        name: TextOf<'de> = "name",
        field: TextOf<'de> = "field",
        transformations: Vec<Node<TransformationItem<'de>>> = "transformations",
    }
);
record!(
    /// `lineage` of a job, 1-0-0.
    LineageJobFacet<'de> { entries: Vec<Node<LineageEntryItem<'de>>> = "entries" }
);
record!(
    /// `lineage` of a dataset, 1-0-0; `entries` belong to a job.
    LineageDatasetFacet<'de> {
        inputs: Vec<Node<LineageInputItem<'de>>> = "inputs",
        fields: MapOf<'de, Node<LineageFieldItem<'de>>> = "fields",
        entries: Vec<Node<LineageEntryItem<'de>>> = "entries",
    }
);
record!(
    /// A dataset or job that data goes to; only a dataset has fields, only a job a run.
    LineageEntryItem<'de> {
        namespace: TextOf<'de> = "namespace",
        name: TextOf<'de> = "name",
        r#type: TextOf<'de> = "type",
        run_id: TextOf<'de> = "runId",
        inputs: Vec<Node<LineageInputItem<'de>>> = "inputs",
        fields: MapOf<'de, Node<LineageFieldItem<'de>>> = "fields",
    }
);
record!(
    /// What feeds one field.
    LineageFieldItem<'de> { inputs: Vec<Node<LineageInputItem<'de>>> = "inputs" }
);
record!(
    /// A dataset or job that data comes from; only a dataset has a field, only a job a run.
    LineageInputItem<'de> {
        namespace: TextOf<'de> = "namespace",
        name: TextOf<'de> = "name",
        r#type: TextOf<'de> = "type",
        field: TextOf<'de> = "field",
        run_id: TextOf<'de> = "runId",
        transformations: Vec<Node<TransformationItem<'de>>> = "transformations",
    }
);
record!(
    /// How an input field goes in, since 1-1-0.
    TransformationItem<'de> {
        r#type: TextOf<'de> = "type",
        subtype: TextOf<'de> = "subtype",
        description: TextOf<'de> = "description",
        masking: bool = "masking",
    }
);
record!(
    /// `nominalTime` of a run.
    NominalTimeFacet<'de> {
        start: TextOf<'de> = "nominalStartTime",
        end: TextOf<'de> = "nominalEndTime",
    }
);
record!(
    /// `errorMessage` of a run.
    ErrorMessageFacet<'de> { message: TextOf<'de> = "message" }
);
record!(
    /// `parent` of a run.
    ParentFacet<'de> {
        run: ParentRunItem<'de> = "run",
        job: ParentJobItem<'de> = "job",
    }
);
record!(
    /// The run that a run is a part of.
    ParentRunItem<'de> { run_id: TextOf<'de> = "runId" }
);
record!(
    /// The job of that run.
    ParentJobItem<'de> {
        namespace: TextOf<'de> = "namespace",
        name: TextOf<'de> = "name",
    }
);
record!(
    /// `airflow` of a run (Airflow's provider for OpenLineage).
    AirflowFacet<'de> { task_instance: AirflowTaskInstance<'de> = "taskInstance" }
);
record!(
    /// The task instance that ran.
    AirflowTaskInstance<'de> { log_url: TextOf<'de> = "log_url" }
);
record!(
    /// `spark_applicationDetails` of a run (OpenLineage's Spark integration).
    SparkApplicationFacet<'de> { ui_web_url: TextOf<'de> = "uiWebUrl" }
);

/// Looks into a facet.
pub(crate) fn look<'de, T: Shape<'de>>(raw: &'de RawValue) -> Node<T> {
    // The grammar was checked when the event was read; what is left are escapes and numbers that nothing can hold.
    serde_json::from_str(raw.get()).unwrap_or_else(|error| {
        Node::Wrong(format!(
            "JSON that cannot be decoded: {}",
            cut(&error.to_string())
        ))
    })
}

/// True if the facet says that it is deleted, and so states nothing.
pub(crate) fn is_deleted(raw: &RawValue) -> bool {
    let text = raw.get();
    (text.contains("_deleted") || text.contains("\\u"))
        && matches!(
            look::<AnyFacet<'_>>(raw),
            Node::Is(AnyFacet {
                deleted: Node::Is(true),
                ..
            })
        )
}

/// The text of a JSON string, or any other value as it is written.
pub(crate) fn content(raw: &RawValue) -> Cow<'_, str> {
    match look::<TextOf<'_>>(raw) {
        Node::Is(text) => text,
        _ => Cow::Borrowed(raw.get()),
    }
}
