//! Bounds of a request, each with its default.

/// What a request may ask for at most; what exceeds it is refused as `LIMIT_EXCEEDED`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the document. Default 65,536.
    pub query_bytes_max: usize,
    /// Brackets of any kind open at once in the document. Default 64.
    pub nesting_max: usize,
    /// Fields within fields, fragments applied. Default 16, which the usual introspection query needs.
    pub depth_max: usize,
    /// Fields of the document, fragments applied wherever they are spread. Default 5,000.
    pub fields_max: usize,
    /// Fields of the query itself, fragments applied. Default 20.
    pub root_fields_max: usize,
    /// Fields with an alias, fragments applied. Default 100.
    pub aliases_max: usize,
    /// Estimated values in the answer: pages multiply what is selected of each node. Default 1,000,000.
    pub complexity_max: usize,
    /// `first` of `Impact.assets`. Default 10,000.
    pub impact_page_max: usize,
    /// `first` of all other lists. Default 1,000.
    pub page_max: usize,
    /// References in `of`. Default 100.
    pub roots_max: usize,
    /// `limit` of `lineage`: nodes. Default 20,000.
    pub lineage_nodes_max: usize,
    /// Edges of one `lineage`; more are cut, and `cutBy` says so. Default 100,000.
    pub lineage_edges_max: usize,
    /// Beginnings of ways that one `paths` looks at; more are cut, and `cutBy` says so. Default 100,000.
    pub paths_steps_max: usize,
    /// Changes in one set that a subscription tells. Default 200.
    pub changes_max: usize,
    /// Values in one list of a filter. Default 1,000.
    pub filter_values_max: usize,
    /// Bytes of the text that is searched for; at most 256. Default 256.
    pub search_bytes_max: usize,
    /// How long the walks of one request may take together; then they are cut, and `cutBy` says so. Milliseconds;
    /// default 5,000.
    pub walk_ms_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            query_bytes_max: 65_536,
            nesting_max: 64,
            depth_max: 16,
            fields_max: 5_000,
            root_fields_max: 20,
            aliases_max: 100,
            complexity_max: 1_000_000,
            impact_page_max: 10_000,
            page_max: 1_000,
            roots_max: 100,
            lineage_nodes_max: 20_000,
            lineage_edges_max: 100_000,
            paths_steps_max: 100_000,
            changes_max: 200,
            filter_values_max: 1_000,
            search_bytes_max: 256,
            walk_ms_max: 5_000,
        }
    }
}
