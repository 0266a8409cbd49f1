//! The schema that is served.

use headwater_graphql::Api;

#[test]
fn the_schema_is_the_reviewed_one() {
    insta::assert_snapshot!(Api::sdl());
}

#[test]
fn the_schema_has_what_clients_are_written_against() {
    let sdl = Api::sdl();
    for line in [
        "node(id: ID!): Node",
        "dataset(namespace: String!, name: String!): Dataset",
        "job(namespace: String!, name: String!): Job",
        "resolve(reference: Reference!): Resolution!",
        "search(text: String!, filter: AssetFilter, first: Int = 20, after: String): SearchHitConnection!",
        "lineage(of: [Reference!]!, direction: Direction! = BOTH, depth: Int, granularity: Granularity! = DATASET, filter: AssetFilter, stopAt: AssetFilter, asOf: AsOf, limit: Int! = 2000, contract: [String!]): Lineage!",
        "impact(of: [Reference!]!, direction: Direction! = DOWNSTREAM, depth: Int, granularity: Granularity! = DATASET, filter: AssetFilter, stopAt: AssetFilter, asOf: AsOf, contract: [String!]): Impact!",
        "domain(name: String!): Domain",
        "domains: [Domain!]!",
        "domainGraph(asOf: AsOf): DomainGraph!",
        "diff(from: AsOf!, to: AsOf!, filter: AssetFilter): LineageDiff!",
        "producedBy(first: Int = 50, after: String, asOf: AsOf): JobConnection!",
        "consumedBy(first: Int = 50, after: String, asOf: AsOf): JobConnection!",
        "inputs(first: Int = 50, after: String, asOf: AsOf): DatasetConnection!",
        "outputs(first: Int = 50, after: String, asOf: AsOf): DatasetConnection!",
        "upstream(first: Int = 50, after: String, asOf: AsOf): FieldLinkConnection!",
        "dependsOn(asOf: AsOf): [DomainLink!]!",
        "addedEdges(first: Int = 100, after: String): LineageEdgeConnection!",
        "includeRetired: Boolean = false",
        "source(domain: String!, name: String!): Source",
        "run(runId: String!, job: Reference): Run",
        "assets(filter: AssetFilter, first: Int = 50, after: String): AssetConnection!",
        "plugins: [Plugin!]!",
        "unresolved(domain: String, first: Int = 50, after: String): DatasetConnection!",
        "lastWrite: Run",
        "latestRun: Run",
        "runs(first: Int = 20, after: String): RunConnection!",
        "dataProduct: DataProduct",
        "dataProducts: [DataProduct!]!",
        "dataProducts: [String!]",
        "outputPorts(first: Int = 50, after: String): DatasetConnection!",
        "plugin: Plugin",
        "parent: Run",
        "run: Run",
        "configSchema: JSON",
        "inputs: [PluginInput!]!",
        "memoryMebibytes: Int!",
        "type Run implements Node {",
        "type DataProduct implements Node {",
        "type Plugin implements Node {",
        "nodes: [Asset!]!",
        "nodes: [Run!]!",
        "snapshot: Snapshot!",
        "type Dataset implements Node & Asset {",
        "type Job implements Node & Asset {",
        "type Field implements Node {",
        "type Domain implements Node {",
        "type Source implements Node {",
        "type Submission implements Node {",
        "union LineageEntity = Dataset | Job | Field",
        "union SearchEntity = Dataset | Job | Field | Domain | DataProduct",
        "scalar Offset",
        "scalar Reference",
        "scalar JSON",
        "scalar DateTime",
        "assets(first: Int = 50, after: String): ImpactedAssetConnection!",
        "fields(first: Int = 200, after: String): FieldConnection!",
        "submissions(first: Int = 20, after: String): SubmissionConnection!",
        "datasets(first: Int = 50, after: String, filter: AssetFilter): DatasetConnection!",
        "crossings(aroundPorts: Boolean, first: Int = 50, after: String): LineageEdgeConnection!",
        "assertEdge(from: Reference!, to: Reference!, via: Reference, source: ManualSource!, author: String!, reason: String!, dryRun: Boolean! = false): ManualChange!",
        "edges: [ImpactedAssetEdge!]!",
        "nodes: [ImpactedAsset!]!",
    ] {
        assert!(
            sdl.lines().any(|found| found.trim() == line),
            "the schema has no line {line:?}"
        );
    }
}
