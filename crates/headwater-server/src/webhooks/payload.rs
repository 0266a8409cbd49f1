//! What a delivery says.

use headwater_engine::{AskError, ChangeView, OffsetChanges, View, WalkEdge, WalkEntity};
use headwater_model::{AssetIndex, AssetKind, EdgeKind};
use serde::Serialize;

/// One delivery.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) id: String,
    pub(super) body: Vec<u8>,
    /// The offset that is told as a whole with it.
    pub(super) closes: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    webhook: &'a str,
    offset: u64,
    index: usize,
    is_last: bool,
    changes: Vec<Change>,
}

#[derive(Serialize)]
struct Change {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    asset: Option<Asset>,
    #[serde(skip_serializing_if = "Option::is_none")]
    edge: Option<Edge>,
    #[serde(rename = "runId", skip_serializing_if = "Option::is_none")]
    run_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    check: Option<String>,
}

impl Change {
    fn of(kind: &'static str) -> Self {
        Self {
            kind,
            asset: None,
            edge: None,
            run_id: None,
            check: None,
        }
    }
}

#[derive(Serialize)]
struct Asset {
    id: Option<String>,
    reference: String,
    kind: &'static str,
    r#type: String,
    domain: Option<String>,
    owners: Vec<String>,
}

#[derive(Serialize)]
struct Edge {
    kind: &'static str,
    from: String,
    to: String,
}

/// The deliveries that tell what one offset changed.
pub(super) fn told(
    view: &View,
    webhook: &str,
    found: &OffsetChanges,
    changes_max: usize,
) -> Result<Vec<Told>, AskError> {
    let chunks = found.changes.chunks(changes_max);
    let count = chunks.len();
    let mut told = Vec::with_capacity(count);
    for (index, chunk) in chunks.enumerate() {
        let changes = chunk.iter().map(|change| self::change(view, change));
        let is_last = index + 1 == count;
        let body = Body {
            webhook,
            offset: found.offset,
            index,
            is_last,
            changes: changes.collect::<Result<_, _>>()?,
        };
        told.push(Told {
            id: format!("{webhook}-{}-{index}", found.offset),
            body: serde_json::to_vec(&body).expect("a record of texts and numbers is JSON"),
            closes: is_last.then_some(found.offset),
        });
    }
    Ok(told)
}

fn change(view: &View, change: &ChangeView) -> Result<Change, AskError> {
    let of_asset = |kind, index: &AssetIndex| {
        Ok(Change {
            asset: Some(asset(view, *index)?),
            ..Change::of(kind)
        })
    };
    let of_edge = |kind, found: &WalkEdge| {
        Ok(Change {
            edge: Some(edge(view, found)?),
            ..Change::of(kind)
        })
    };
    match change {
        ChangeView::AssetAdded(index) => of_asset("ASSET_ADDED", index),
        ChangeView::AssetChanged(index) => of_asset("ASSET_CHANGED", index),
        ChangeView::AssetRetired(index) => of_asset("ASSET_RETIRED", index),
        ChangeView::EdgeAdded(found) => of_edge("EDGE_ADDED", found),
        ChangeView::EdgeRetired(found) => of_edge("EDGE_RETIRED", found),
        ChangeView::RunFailed {
            job,
            run,
            is_aborted,
        } => Ok(Change {
            run_id: Some(run.to_string()),
            ..of_asset(
                if *is_aborted {
                    "RUN_ABORTED"
                } else {
                    "RUN_FAILED"
                },
                job,
            )?
        }),
        ChangeView::CheckFailed { dataset, check } => Ok(Change {
            check: Some(check.to_string()),
            ..of_asset("CHECK_FAILED", dataset)?
        }),
    }
}

fn asset(view: &View, index: AssetIndex) -> Result<Asset, AskError> {
    let summary = view.asset(index);
    let is_job = summary
        .as_ref()
        .is_some_and(|asset| asset.kind == AssetKind::Job);
    let canonical = summary.as_ref().map_or(index, |asset| asset.index);
    let owners = view.owner_names(canonical);
    Ok(Asset {
        id: view.id(index).map(|id| id.to_string()),
        reference: view.reference(index)?,
        kind: if is_job { "JOB" } else { "DATASET" },
        r#type: summary
            .as_ref()
            .map(|asset| asset.r#type.to_owned())
            .unwrap_or_default(),
        domain: summary.and_then(|asset| asset.domain.map(|domain| domain.to_string())),
        owners: owners.iter().map(ToString::to_string).collect(),
    })
}

fn edge(view: &View, edge: &WalkEdge) -> Result<Edge, AskError> {
    let end = |entity: &WalkEntity| -> Result<String, AskError> {
        let reference = view.reference(entity.asset())?;
        Ok(match entity {
            WalkEntity::Asset(_) => reference,
            WalkEntity::Field(_, name) => format!("{reference}#{}", name.replace('#', "%23")),
        })
    };
    match edge {
        WalkEdge::Assets(edge) => Ok(Edge {
            kind: edge.kind.as_str(),
            from: end(&WalkEntity::Asset(edge.from))?,
            to: end(&WalkEntity::Asset(edge.to))?,
        }),
        WalkEdge::Fields(edge) => Ok(Edge {
            kind: EdgeKind::Derives.as_str(),
            from: end(&edge.from)?,
            to: end(&edge.to)?,
        }),
    }
}
