//! OpenLineage events read into the model.
//!
//! [`parse_event`] takes the decoded body of one request and returns the [`Event`](headwater_model::Event) that it is:
//! whom it speaks about, when, and the facts that it adds to that slot. Facts come in one canonical order, whatever
//! the order of keys and lists in the body, so that equal contributions have equal digests.
//!
//! # What is read
//!
//! | where | facets | become |
//! |---|---|---|
//! | job | `jobType`, `documentation`, `sql` | the job's type, description and SQL |
//! | job, dataset | `ownership` | attributes `owner`, or `owner.<type>` where a type is stated |
//! | job, dataset | `tags` | attributes `tag`: the key, or `key=value` unless the value repeats the key or is `true` |
//! | dataset | `schema` | fields; nested ones are joined with dots |
//! | dataset | `documentation`, `datasetType` | description; type, and an attribute `sub-type` |
//! | dataset | `symlinks` | aliases |
//! | dataset | `columnLineage` | DERIVES edges and field edges, via the job of the event for outputs |
//! | job, dataset | `lineage` | edges of every kind, and field edges |
//! | run | `parent`, `nominalTime`, `errorMessage`, `airflow`, `spark_applicationDetails` | the run's details |
//!
//! Every other facet of a job or dataset is kept verbatim, and a `lineage` facet too where it says more than facts
//! can hold. A facet with `"_deleted": true` states nothing. Facets of runs, `inputFacets` and `outputFacets` belong
//! to one run and stay in the body. User names and passwords in the URLs of `dataSource` facets are dropped, in the
//! facet and in the body.
//!
//! # Explicit lineage
//!
//! Within an event, the `lineage` facet wins over `columnLineage`, and both over inputs × outputs. The job's facet is
//! all there is, unless it has faults: then it speaks for the datasets of its readable entries. Where it leaves an
//! output without a dataset as origin, the job's WRITES edge says that all origins are stated
//! ([`EdgeFact::via`](headwater_model::EdgeFact::via)).
//!
//! # Lenient and strict
//!
//! Stored events are dirtier than the specification. [`Mode::Lenient`] accepts what can still be understood and says
//! so in diagnostics; [`Mode::Strict`] refuses it with the same place and rule. Codes:
//!
//! | code | severity | what was found | what is done |
//! |---|---|---|---|
//! | `openlineage/producer` | warning | no `producer`, or not a text | nothing |
//! | `openlineage/schema-url` | warning | no `schemaURL`, or not a text | the event's shape decides its kind |
//! | `openlineage/kind` | warning | `schemaURL` names another kind than the keys do | `schemaURL` decides |
//! | `openlineage/event-type` | warning | no `eventType` (which strict mode accepts, as the specification does), one in lower case, or none of the six | upper case, else OTHER |
//! | `openlineage/run-id` | warning | a `runId` that is no UUID | kept as written |
//! | `openlineage/zone` | warning | a time without a zone | UTC |
//! | `openlineage/null` | warning | `null` for a list, an object or a facet | as if empty |
//! | `openlineage/facet` | warning | a facet that is not as specified | what can be read is read, and the facet is kept verbatim |
//! | `openlineage/lineage-place` | warning | a `lineage` facet of a dataset in the event of a job, or entries on a dataset | the facet of a dataset is read unless the job's speaks for it; entries on a dataset are not |
//! | `openlineage/lineage-empty` | info | an entry with neither `inputs` nor `fields` | states no lineage |
//! | `openlineage/lineage-overrules` | info | `columnLineage` of an output that the job's `lineage` facet does not name | not read |
//! | `openlineage/field-twice` | info | a field named twice in one schema | the first counts |
//! | `openlineage/more` | warning | more findings than [`DIAGNOSTICS_MAX`] | the rest is counted |

mod body;
mod canonical;
mod columns;
mod credentials;
mod dataset;
mod error;
mod event;
mod facets;
mod findings;
mod job;
mod lineage;
mod node;
mod pointer;
mod run;
mod wire;

pub use body::{BODY_BYTES_MAX, DEPTH_MAX};
pub use error::{EventError, EventRule};
pub use event::{Mode, parse_event, parse_event_with};
pub use findings::DIAGNOSTICS_MAX;
