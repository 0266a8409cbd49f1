//! Asking the service which fields datasets have.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};

use headwater_extraction::{CatalogDataset, FieldCatalog};

use super::BYTES_MAX;
use crate::client::Client;
use crate::failure::{Exit, Failure};
use crate::moment::AsOfArgs;
use crate::output;
use crate::queries::SnapshotInfo;

/// Datasets that are asked about.
const DATASETS_MAX: usize = 20_000;
/// Datasets in one request.
const REQUEST_DATASETS_MAX: usize = 250;
/// Bytes of their names in one request.
const REQUEST_BYTES_MAX: usize = 256 << 10;

/// Why there is no catalog.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskFailure {
    /// The service is of a version that knows of none.
    #[error("the service is too old to say which fields datasets have")]
    NoCatalogs,
    #[error(transparent)]
    Failed(#[from] Failure),
}

#[derive(Deserialize)]
struct Answer {
    snapshot: SnapshotInfo,
    datasets: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    fields: Option<Vec<String>>,
}

/// What the service knows of `wanted`, all at one offset: that of the first answer.
pub(super) fn ask(
    client: &Client,
    wanted: &BTreeSet<(String, String)>,
    as_of: AsOfArgs,
) -> Result<FieldCatalog, AskFailure> {
    if wanted.len() > DATASETS_MAX {
        let message = format!(
            "the files name {} datasets whose fields they do not tell, more than {DATASETS_MAX}",
            wanted.len()
        );
        return Err(Failure::new(Exit::Failed, message)
            .hint("read fewer files at once, or give --catalog none")
            .into());
    }
    let spinner = output::spinner(format!("asking {} for fields", client.server()));
    let mut catalog = FieldCatalog::new(0, Vec::new());
    let mut moment = as_of.argument();
    for (at, names) in requests(wanted).into_iter().enumerate() {
        let answer = page(client, &names, &moment)?;
        if answer.datasets.len() != names.len()
            || (at > 0 && answer.snapshot.offset != catalog.offset)
        {
            let message = format!(
                "{} answers another question than was asked",
                client.server()
            );
            return Err(Failure::new(Exit::Failed, message).into());
        }
        catalog.offset = answer.snapshot.offset;
        moment = as_of.pinned(catalog.offset);
        for ((namespace, name), entry) in names.into_iter().zip(answer.datasets) {
            catalog
                .datasets
                .extend(entry.fields.map(|fields| CatalogDataset {
                    namespace: namespace.clone(),
                    name: name.clone(),
                    fields,
                }));
        }
    }
    spinner.finish_and_clear();
    let length = catalog.to_json().len() as u64;
    if length > BYTES_MAX {
        let message = format!("the fields are {length} bytes of JSON, more than {BYTES_MAX}");
        return Err(Failure::new(Exit::Failed, message)
            .hint("read fewer files at once, or give --catalog none")
            .into());
    }
    Ok(catalog)
}

/// The names in portions that one request holds.
fn requests(wanted: &BTreeSet<(String, String)>) -> Vec<Vec<&(String, String)>> {
    let mut requests: Vec<Vec<&(String, String)>> = Vec::new();
    let mut bytes = 0;
    for name in wanted {
        let length = name.0.len() + name.1.len();
        match requests.last_mut() {
            Some(last)
                if last.len() < REQUEST_DATASETS_MAX && bytes + length <= REQUEST_BYTES_MAX =>
            {
                last.push(name);
                bytes += length;
            }
            _ => {
                requests.push(vec![name]);
                bytes = length;
            }
        }
    }
    requests
}

fn page(client: &Client, names: &[&(String, String)], moment: &str) -> Result<Answer, AskFailure> {
    let query = format!(
        "query($of: [Reference!]!) {{ catalog(of: $of{moment}) {{ snapshot {{ offset }} datasets {{ fields }} }} }}"
    );
    let of: Vec<Value> = names
        .iter()
        .map(|(namespace, name)| json!({"kind": "DATASET", "namespace": namespace, "name": name}))
        .collect();
    let asked = client.ask_repeatable("catalog", &query, &json!({ "of": of }));
    asked.map_err(|failure| {
        if failure.to_string().contains("Unknown field \"catalog\"") {
            AskFailure::NoCatalogs
        } else {
            failure.into()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_holds_as_many_names_as_it_may() {
        let names = |count: usize, length: usize| -> BTreeSet<(String, String)> {
            (0..count)
                .map(|at| ("n".repeat(length), format!("{at:06}")))
                .collect()
        };
        let lengths = |wanted: &BTreeSet<(String, String)>| -> Vec<usize> {
            requests(wanted).iter().map(Vec::len).collect()
        };
        assert_eq!(lengths(&names(0, 1)), [0; 0]);
        assert_eq!(lengths(&names(501, 1)), [250, 250, 1]);
        // 256 KiB are 127 names of 2,054 bytes.
        assert_eq!(lengths(&names(130, 2048)), [127, 3]);
        let wanted = names(1000, 300);
        let asked: Vec<_> = requests(&wanted).into_iter().flatten().collect();
        assert_eq!(asked, wanted.iter().collect::<Vec<_>>());
    }
}
