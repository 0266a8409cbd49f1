//! Lists of many nodes, without a future for every field.
//!
//! The usual way resolves each field of each node as a boxed future, about a microsecond each: a page of 10,000
//! impacted assets has 100,000 of them. Where a selection has only fields that the graph's columns answer, it is
//! planned once for the whole list and written as JSON node by node. Any other selection goes the usual way.
//!
//! The library can't merge what is written already into what else is selected of the same list under the same key.
//! Lists are therefore counted where they are written and in the answer, and where one got lost the request is carried
//! out once more, all of it the usual way.

use std::borrow::Cow;
use std::sync::atomic::Ordering;

use async_graphql::parser::types::{Field, Selection, SelectionSet};
use async_graphql::registry::Registry;
use async_graphql::resolver_utils::resolve_list;
use async_graphql::{
    ContextSelectionSet, Name, OutputType, Positioned, Result, ServerResult, Value,
};

use crate::json;
use crate::page::Edge;
use crate::scope::Scope;

/// What a node is taken to need in JSON.
const NODE_BYTES_EXPECTED: usize = 256;

/// A node that can be written in one go.
pub(crate) trait Quick: OutputType {
    /// What is selected of it.
    type Plan: Send + Sync;

    /// Plans a selection; none if anything in it needs the usual way.
    fn plan(selected: &Selected<'_>) -> Option<Self::Plan>;

    /// Writes what is planned.
    ///
    /// # Errors
    /// Those of the fields.
    fn write(&self, scope: &Scope, plan: &Self::Plan, out: &mut Vec<u8>) -> Result<()>;
}

/// A node that always goes the usual way.
macro_rules! not_quick {
    ($($type:ty),+) => {$(
        impl crate::quick::Quick for $type {
            type Plan = std::convert::Infallible;

            fn plan(_: &crate::quick::Selected<'_>) -> Option<Self::Plan> {
                None
            }

            fn write(
                &self,
                _: &crate::scope::Scope,
                plan: &Self::Plan,
                _: &mut Vec<u8>,
            ) -> async_graphql::Result<()> {
                match *plan {}
            }
        }
    )+};
}
pub(crate) use not_quick;

/// Selection sets of one response key, to be merged.
pub(crate) struct Selected<'a> {
    ctx: &'a ContextSelectionSet<'a>,
    sets: Vec<&'a SelectionSet>,
}

/// A field of a selection: its response key, its name, and what is selected of it.
struct Wanted<'a> {
    key: &'a Name,
    name: &'a str,
    selected: Selected<'a>,
}

/// What is planned of one object: fields by response key.
pub(crate) type Fields<F> = Vec<(Name, F)>;

impl<'a> Selected<'a> {
    fn new(ctx: &'a ContextSelectionSet<'a>) -> Self {
        Self {
            ctx,
            sets: vec![&ctx.item.node],
        }
    }

    /// Plans the fields that apply to an object of the type `type_name`, which fragments may also name by `others`.
    pub(crate) fn fields<F>(
        &self,
        type_name: &str,
        others: &[&str],
        plan: impl Fn(&str, &Selected<'_>) -> Option<F>,
    ) -> Option<Fields<F>> {
        let mut wanted = Vec::new();
        for set in &self.sets {
            self.collect(set, type_name, others, &mut wanted)?;
        }
        wanted
            .iter()
            .map(|field| Some((field.key.clone(), plan(field.name, &field.selected)?)))
            .collect()
    }

    fn collect(
        &self,
        set: &'a SelectionSet,
        type_name: &str,
        others: &[&str],
        wanted: &mut Vec<Wanted<'a>>,
    ) -> Option<()> {
        for selection in &set.items {
            let (condition, set) = match &selection.node {
                Selection::Field(field) => {
                    if !field.node.arguments.is_empty() {
                        return None;
                    }
                    self.want(&field.node, wanted);
                    continue;
                }
                Selection::FragmentSpread(spread) => {
                    let fragments = &self.ctx.query_env.fragments;
                    let fragment = &fragments.get(&spread.node.fragment_name.node)?.node;
                    (Some(&fragment.type_condition), &fragment.selection_set)
                }
                Selection::InlineFragment(fragment) => (
                    fragment.node.type_condition.as_ref(),
                    &fragment.node.selection_set,
                ),
            };
            let applies = condition.is_none_or(|condition| {
                let on = condition.node.on.node.as_str();
                on == type_name || others.contains(&on)
            });
            if applies {
                self.collect(&set.node, type_name, others, wanted)?;
            }
        }
        Some(())
    }

    fn want(&self, field: &'a Field, wanted: &mut Vec<Wanted<'a>>) {
        let key = &field.response_key().node;
        let set = &field.selection_set.node;
        if let Some(known) = wanted.iter_mut().find(|known| known.key == key) {
            known.selected.sets.push(set);
            return;
        }
        wanted.push(Wanted {
            key,
            name: field.name.node.as_str(),
            selected: Selected {
                ctx: self.ctx,
                sets: vec![set],
            },
        });
    }
}

/// Writes planned fields as an object.
///
/// # Errors
/// That of the first field that fails.
pub(crate) fn object<F>(
    out: &mut Vec<u8>,
    fields: &Fields<F>,
    write: impl Fn(&mut Vec<u8>, &F) -> Result<()>,
) -> Result<()> {
    json::sequence(out, *b"{}", fields, |out, (key, field)| {
        json::key(out, key);
        write(out, field)
    })
}

/// Writes what is planned of each of many nodes.
fn list<'n, T: Quick + 'n>(
    nodes: impl ExactSizeIterator<Item = &'n T>,
    scope: &Scope,
    plan: &T::Plan,
) -> Result<Value> {
    let mut out = Vec::with_capacity(nodes.len() * NODE_BYTES_EXPECTED);
    json::sequence(&mut out, *b"[]", nodes, |out, node| {
        node.write(scope, plan, out)
    })?;
    scope.written_count.fetch_add(1, Ordering::Relaxed);
    Ok(Value::Binary(out.into()))
}

/// `nodes` of a connection.
pub(crate) struct Nodes<'c, T>(pub(crate) &'c [Edge<T>]);

/// `edges` of a connection.
pub(crate) struct Edges<'c, T>(pub(crate) &'c [Edge<T>]);

/// A whole list.
pub(crate) struct Items<'c, T>(pub(crate) &'c [T]);

/// Lists are alike but for what they iterate over.
macro_rules! list_type {
    ($list:ident, $node:ty, $edge:ident => $of:expr) => {
        impl<T: Quick> OutputType for $list<'_, T> {
            fn type_name() -> Cow<'static, str> {
                Vec::<$node>::type_name()
            }

            fn qualified_type_name() -> String {
                <Vec<$node> as OutputType>::qualified_type_name()
            }

            fn create_type_info(registry: &mut Registry) -> String {
                <Vec<$node> as OutputType>::create_type_info(registry)
            }

            async fn resolve(
                &self,
                ctx: &ContextSelectionSet<'_>,
                field: &Positioned<Field>,
            ) -> ServerResult<Value> {
                let nodes = self.0.iter().map(|$edge| $of);
                let scope = crate::scope::scope(ctx);
                if scope.is_quick
                    && let Some(plan) = <$node as Quick>::plan(&Selected::new(ctx))
                {
                    return list(nodes, scope, &plan)
                        .map_err(|error| ctx.set_error_path(error.into_server_error(field.pos)));
                }
                resolve_list(ctx, field, nodes, Some(self.0.len())).await
            }
        }
    };
}

list_type!(Nodes, T, edge => &edge.node);
list_type!(Edges, Edge<T>, edge => edge);
list_type!(Items, T, item => item);

/// What can be selected of an edge of a connection.
pub(crate) enum EdgeField<P> {
    TypeName(String),
    Cursor,
    Node(P),
}

impl<T: Quick> Quick for Edge<T> {
    type Plan = Fields<EdgeField<T::Plan>>;

    fn plan(selected: &Selected<'_>) -> Option<Self::Plan> {
        let type_name = <Self as OutputType>::type_name();
        selected.fields(&type_name, &[], |name, selected| match name {
            "__typename" => Some(EdgeField::TypeName(type_name.to_string())),
            "cursor" => Some(EdgeField::Cursor),
            "node" => T::plan(selected).map(EdgeField::Node),
            _ => None,
        })
    }

    fn write(&self, scope: &Scope, plan: &Self::Plan, out: &mut Vec<u8>) -> Result<()> {
        object(out, plan, |out, field| {
            match field {
                EdgeField::TypeName(name) => json::text(out, name),
                EdgeField::Cursor => json::text(out, &self.cursor.text()),
                EdgeField::Node(plan) => self.node.write(scope, plan, out)?,
            }
            Ok(())
        })
    }
}
