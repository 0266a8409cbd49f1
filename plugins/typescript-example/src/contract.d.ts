// The contract as TypeScript sees it: plugins/wit/v0.1/extractor.wit, by the rules of componentize-js. A string or node is
// referred to by its number, in the order in which the sink was given it; a place by its index in the same batch.

declare module "headwater:extractor/types@0.1.0" {
  export type Severity = "info" | "warning" | "error";
  export interface Location {
    artifact: string;
    pointer?: string;
    byteOffset?: bigint;
    line?: number;
    column?: number;
  }
  export interface Diagnostic {
    severity: Severity;
    code: string;
    message: string;
    at?: Location;
  }
  export interface InputPattern {
    glob: string;
    mediaType: string;
    required: boolean;
  }
  export interface Description {
    name: string;
    version: string;
    summary: string;
    inputs: InputPattern[];
    configSchema: string;
  }
  export interface Field {
    name: number;
    dataType?: number;
    description?: number;
  }
  export interface Dataset {
    namespace: number;
    name: number;
    kind: number;
    declared: boolean;
    description?: number;
    fields: Field[];
    evidence?: number;
  }
  export interface Job {
    namespace: number;
    name: number;
    kind: number;
    description?: number;
    sql?: number;
    parent?: number;
    evidence?: number;
  }
  export type Entity = { tag: "dataset"; val: Dataset } | { tag: "job"; val: Job };
  export interface Transformation {
    direct: boolean;
    subtype?: number;
    description?: number;
    masking: boolean;
  }
  export interface Edge {
    from: number;
    to: number;
    evidence?: number;
  }
  export interface FieldEdge {
    from: number;
    fromField?: number;
    to: number;
    toField?: number;
    via?: number;
    transformations: Transformation[];
    evidence?: number;
  }
  export interface Selector {
    job: number;
    writes: boolean;
    namespace: number;
    pattern: number;
    evidence?: number;
  }
  export interface Alias {
    node: number;
    namespace: number;
    name: number;
    reason: number;
    evidence?: number;
  }
  export interface Attribute {
    node: number;
    field?: number;
    key: number;
    value: number;
  }
  export interface Facet {
    node: number;
    name: number;
    json: number;
  }
  export interface Run {
    job: number;
    runId: number;
    state: "start" | "running" | "complete" | "abort" | "fail" | "other";
    startedMs?: bigint;
    endedMs?: bigint;
    message?: number;
  }
  export interface Batch {
    strings: string[];
    locations: Location[];
    entities: Entity[];
    edges: Edge[];
    fieldEdges: FieldEdge[];
    selectors: Selector[];
    aliases: Alias[];
    attributes: Attribute[];
    facets: Facet[];
    runs: Run[];
  }
  export interface Coverage {
    datasets?: boolean;
    fields?: boolean;
    jobs?: boolean;
    edges?: boolean;
    fieldEdges?: boolean;
    selectors?: boolean;
    aliases?: boolean;
    attributes?: boolean;
    facets?: boolean;
  }
  export interface Extraction {
    covers: Coverage;
    generated?: bigint;
  }
  /** What `extract` throws. */
  export type ExtractError =
    | { tag: "unsupported"; val: string }
    | { tag: "malformed"; val: Diagnostic }
    | { tag: "aborted" }
    | { tag: "internal"; val: string };
}

declare module "headwater:extractor/host@0.1.0" {
  import type { Batch, Diagnostic, Severity } from "headwater:extractor/types@0.1.0";

  export function log(level: Severity, message: string): void;
  export class Artifact {
    name(): string;
    mediaType(): string;
    size(): bigint;
    digest(): string;
    read(offset: bigint, len: number): Uint8Array;
  }
  export class Sink {
    emit(facts: Batch): void;
    diagnose(found: Diagnostic[]): void;
  }
}
