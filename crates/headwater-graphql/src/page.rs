//! Pages: Relay cursor connections.

use std::borrow::Cow;
use std::ops::Range;

use async_graphql::{Context, Object, OutputType, Result, SimpleObject, TypeName};

use headwater_model::AssetIndex;

use crate::cursor::{self, Cursor};
use crate::error::{invalid, too_large};
use crate::quick::{Edges, Nodes, Quick};
use crate::scalars::int;
use crate::scope::scope;

/// Where a page begins and ends.
#[derive(SimpleObject)]
pub(crate) struct PageInfo {
    has_next_page: bool,
    has_previous_page: bool,
    start_cursor: Option<String>,
    end_cursor: Option<String>,
}

/// A node and where it stands in its list.
pub(crate) struct Edge<T> {
    pub(crate) node: T,
    pub(crate) cursor: Cursor,
}

/// How many nodes the list has, all pages together.
pub(crate) enum Total {
    /// Known.
    Count(usize),
    /// Counted when it is asked for: the submissions of the source with that number.
    SubmissionsOf(u32),
}

/// One page of a list.
pub(crate) struct Connection<T> {
    pub(crate) edges: Vec<Edge<T>>,
    pub(crate) has_next: bool,
    pub(crate) has_previous: bool,
    pub(crate) total: Total,
}

impl<T: OutputType> TypeName for Connection<T> {
    fn type_name() -> Cow<'static, str> {
        Cow::Owned(format!("{}Connection", T::type_name()))
    }
}

#[Object(name_type)]
impl<T: Quick> Connection<T> {
    pub(crate) async fn edges(&self) -> Edges<'_, T> {
        Edges(&self.edges)
    }

    pub(crate) async fn nodes(&self) -> Nodes<'_, T> {
        Nodes(&self.edges)
    }

    pub(crate) async fn page_info(&self) -> PageInfo {
        PageInfo {
            has_next_page: self.has_next,
            has_previous_page: self.has_previous,
            start_cursor: self.edges.first().map(|edge| edge.cursor.text()),
            end_cursor: self.edges.last().map(|edge| edge.cursor.text()),
        }
    }

    pub(crate) async fn total_count(&self, ctx: &Context<'_>) -> Result<i32> {
        match self.total {
            Total::Count(count) => Ok(int(count)),
            Total::SubmissionsOf(source) => {
                let scope = scope(ctx);
                let read = |waiting: &[u32]| scope.view.submissions_counts(waiting);
                let loads = &scope.loads.submissions_counts;
                loads
                    .get(&scope.stall, source, read)
                    .await
                    .map(|count| int(*count))
            }
        }
    }
}

impl<T: OutputType> TypeName for Edge<T> {
    fn type_name() -> Cow<'static, str> {
        Cow::Owned(format!("{}Edge", T::type_name()))
    }
}

#[Object(name_type)]
impl<T: Quick> Edge<T> {
    pub(crate) async fn node(&self) -> &T {
        &self.node
    }

    pub(crate) async fn cursor(&self) -> String {
        self.cursor.text()
    }
}

impl<T> Connection<T> {
    /// The page at `range` of `items`; `node` makes a node and its cursor.
    pub(crate) fn of<I>(items: &[I], range: Range<usize>, node: impl Fn(&I) -> Edge<T>) -> Self {
        Self {
            has_next: range.end < items.len(),
            has_previous: range.start > 0,
            total: Total::Count(items.len()),
            edges: items[range].iter().map(node).collect(),
        }
    }
}

impl<T> Connection<T> {
    /// The same page of what `make` makes of its nodes.
    ///
    /// # Errors
    /// The first of `make`.
    pub(crate) fn try_map<U>(self, make: impl Fn(T) -> Result<U>) -> Result<Connection<U>> {
        let edges = self.edges.into_iter().map(|edge| {
            Ok(Edge {
                node: make(edge.node)?,
                cursor: edge.cursor,
            })
        });
        Ok(Connection {
            edges: edges.collect::<Result<_>>()?,
            has_next: self.has_next,
            has_previous: self.has_previous,
            total: self.total,
        })
    }
}

/// The page of assets that stand in the order of their numbers.
///
/// # Errors
/// `INVALID_INPUT` if `after` is no cursor of that list.
pub(crate) fn of_assets<T>(
    list: &'static str,
    found: &[AssetIndex],
    (count, after): (usize, Option<String>),
    node: impl Fn(AssetIndex) -> T,
) -> Result<Connection<T>> {
    let after: Option<(u32,)> = after.map(|after| cursor::read(list, &after)).transpose()?;
    let start = after.map_or(0, |(after,)| found.partition_point(|i| i.get() <= after));
    let range = range(start, count, found.len());
    Ok(Connection::of(found, range, |index| Edge {
        node: node(*index),
        cursor: cursor::of(list, &(index.get(),)),
    }))
}

/// How many nodes a page shall have.
///
/// # Errors
/// `INVALID_INPUT` if `first` is negative, `LIMIT_EXCEEDED` if it is larger than `max`.
pub(crate) fn count(first: Option<i32>, default: i32, max: usize) -> Result<usize> {
    let first = first.unwrap_or(default);
    let Ok(count) = usize::try_from(first) else {
        return Err(invalid(format!("first is {first}, and can't be negative")));
    };
    if count > max {
        return Err(too_large("first", count, max));
    }
    Ok(count)
}

/// The `count` positions from `start` on, of a list of `len` nodes.
pub(crate) fn range(start: usize, count: usize, len: usize) -> Range<usize> {
    let start = start.min(len);
    start..start.saturating_add(count).min(len)
}

/// Estimated values in a page: what each node has, times the nodes.
pub(crate) fn cost(first: Option<i32>, default: i32, child: usize) -> usize {
    let nodes = usize::try_from(first.unwrap_or(default)).unwrap_or(0);
    times(nodes, child)
}

/// Estimated values in `nodes` times `child`; below 2^40, so that sums can't overflow.
pub(crate) fn times(nodes: usize, child: usize) -> usize {
    1 + nodes.saturating_mul(child).min(1 << 40)
}
