//! An immutable index of names, published with every commit.
//!
//! An [`Index`] finds documents ([`Document`]: the names, fields and description of an asset) by the words of their
//! texts. [`Index::apply`] makes the next one at the cost of what changes; readers keep the one that they have.
//! [`Index::search`] ranks: the whole name first, then its last segment, its beginning, its words, beginnings of
//! words, typos, descriptions ([`Tier`]).
//!
//! Texts are split into runs of letters and digits, whatever the case, and runs into parts where letters meet digits
//! or a capital follows a small letter: `stg_orders` has `stg` and `orders`; `OrderItems` has `orderitems`, `order`
//! and `items`. What lies inside a run or part (`rde`) is not found.
//!
//! # Keeping it up
//!
//! The writer applies the changes of each commit to its index and publishes the result. When
//! [`Index::overlay_count`] is a hundredth of [`Index::documents_count`], a thread calls [`Index::compact`] on a
//! clone, and writes [`Compacted::index`] to its file with the offset of the clone. The writer goes on, and when the
//! thread is done it takes over with [`Index::adopt`]. At the start, [`Index::read_from`] gives the index of the
//! file's offset, and the documents that changed after it are applied.

mod bitmap;
mod compare;
mod dictionary;
mod document;
mod fields;
mod file;
mod gone;
mod index;
mod labels;
mod lexicon;
mod matches;
mod position;
mod postings;
mod query;
mod ranks;
mod search;
mod segment;
mod text;
mod typo;
mod words;

pub use document::{Document, Names};
pub use file::IndexFileError;
pub use index::{Compacted, Index};
pub use position::{Hit, Part, Position, Results, Tier};
pub use query::{Entities, Limits, Query, QueryError};
pub use search::Filter;
