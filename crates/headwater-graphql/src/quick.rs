//! Lists of many nodes, without a future for every field.
//!
//! The usual way resolves each field of each node as a boxed future, about a microsecond each: a page of 10,000
//! impacted assets has 100,000 of them. Where a selection has only fields that the graph's columns answer, it is
//! planned once for the whole list and then read node by node. Any other selection goes the usual way.

use std::borrow::Cow;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{Field, Selection, SelectionSet};
use async_graphql::registry::Registry;
use async_graphql::resolver_utils::resolve_list;
use async_graphql::{
    ContextSelectionSet, Name, OutputType, Positioned, Result, ServerResult, Value,
};

use crate::page::Edge;
use crate::scope::Scope;

/// A node that can be read in one go.
pub(crate) trait Quick: OutputType {
    /// What is selected of it.
    type Plan: Send + Sync;

    /// Plans a selection; none if anything in it needs the usual way.
    fn plan(selected: &Selected<'_>) -> Option<Self::Plan>;

    /// Reads what is planned.
    ///
    /// # Errors
    /// Those of the fields.
    fn read(&self, scope: &Scope, plan: &Self::Plan) -> Result<Value>;
}

/// A node that always goes the usual way.
macro_rules! not_quick {
    ($($type:ty),+) => {$(
        impl crate::quick::Quick for $type {
            type Plan = std::convert::Infallible;

            fn plan(_: &crate::quick::Selected<'_>) -> Option<Self::Plan> {
                None
            }

            fn read(
                &self,
                _: &crate::scope::Scope,
                plan: &Self::Plan,
            ) -> async_graphql::Result<async_graphql::Value> {
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

/// Reads planned fields into an object.
///
/// # Errors
/// That of the first field that fails.
pub(crate) fn object<F>(fields: &Fields<F>, read: impl Fn(&F) -> Result<Value>) -> Result<Value> {
    let mut values = IndexMap::with_capacity(fields.len());
    for (key, field) in fields {
        values.insert(key.clone(), read(field)?);
    }
    Ok(Value::Object(values))
}

/// Reads one plan of many nodes.
pub(crate) fn list<'n, T: Quick + 'n>(
    nodes: impl ExactSizeIterator<Item = &'n T>,
    scope: &Scope,
    plan: &T::Plan,
) -> Result<Value> {
    nodes
        .map(|node| node.read(scope, plan))
        .collect::<Result<_>>()
        .map(Value::List)
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
                let scope = ctx.data_unchecked::<Scope>();
                if let Some(plan) = <$node as Quick>::plan(&Selected::new(ctx)) {
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

    fn read(&self, scope: &Scope, plan: &Self::Plan) -> Result<Value> {
        object(plan, |field| {
            Ok(match field {
                EdgeField::TypeName(name) => Value::String(name.clone()),
                EdgeField::Cursor => Value::String(self.cursor.text()),
                EdgeField::Node(plan) => self.node.read(scope, plan)?,
            })
        })
    }
}
