// Reads `lineage.csv`: a line for each table that a job makes out of another one. There is no SDK for TypeScript: what
// follows is the contract itself.

import type { Artifact, Sink } from "headwater:extractor/host@0.1.0";
import type {
  Batch,
  Description,
  Diagnostic,
  ExtractError,
  Extraction,
  Location,
  Severity,
} from "headwater:extractor/types@0.1.0";

const NAME = "typescript-example";
const HEADER = "source,target,job";
/** Records and strings of one push. */
const BATCH_MAX = 4096;
/** The most that the host gives at once. */
const READ_BYTES = 8 << 20;

/** Strings are sent once, records in batches; a record and its place are in one. */
class Emitter {
  #batch = empty();
  #count = 0;
  #strings = new Map<string, number>();
  #nodes = new Map<string, number>();

  constructor(private readonly sink: Sink) {}

  /** The dataset of this name; declared if it is stated here first. */
  dataset(namespace: string, name: string, declared: boolean, at: Location): number {
    return this.#node(`dataset ${namespace}\n${name}`, () => ({
      tag: "dataset",
      val: {
        namespace: this.#string(namespace),
        name: this.#string(name),
        kind: this.#string("TABLE"),
        declared,
        fields: [],
        evidence: this.#place(at),
      },
    }));
  }

  job(namespace: string, name: string, at: Location): number {
    return this.#node(`job ${namespace}\n${name}`, () => ({
      tag: "job",
      val: {
        namespace: this.#string(namespace),
        name: this.#string(name),
        kind: this.#string(""),
        evidence: this.#place(at),
      },
    }));
  }

  edge(from: number, to: number, at: Location): void {
    this.#batch.edges.push({ from, to, evidence: this.#place(at) });
    this.#sent();
  }

  flush(): void {
    this.sink.emit(this.#batch);
    this.#batch = empty();
    this.#count = 0;
  }

  #node(key: string, record: () => Batch["entities"][number]): number {
    const known = this.#nodes.get(key);
    if (known !== undefined) return known;
    const node = this.#nodes.size;
    this.#nodes.set(key, node);
    this.#batch.entities.push(record());
    this.#sent();
    return node;
  }

  #string(text: string): number {
    let symbol = this.#strings.get(text);
    if (symbol === undefined) {
      symbol = this.#strings.size;
      this.#strings.set(text, symbol);
      this.#batch.strings.push(text);
      this.#count += 1;
    }
    return symbol;
  }

  #place(at: Location): number {
    const { locations } = this.#batch;
    if (locations.at(-1) !== at) locations.push(at);
    return locations.length - 1;
  }

  #sent(): void {
    this.#count += 1;
    if (this.#count >= BATCH_MAX) this.flush();
  }
}

function empty(): Batch {
  return {
    strings: [],
    locations: [],
    entities: [],
    edges: [],
    fieldEdges: [],
    selectors: [],
    aliases: [],
    attributes: [],
    facets: [],
    runs: [],
  };
}

function describe(): Description {
  const namespace = "namespace of the tables, as postgres://db.example.org:5432";
  return {
    name: NAME,
    version: "0.1.0",
    summary: "Reads lineage.csv: which job makes which table of which",
    inputs: [{ glob: "**/lineage.csv", mediaType: "text/csv", required: true }],
    configSchema: JSON.stringify({
      $schema: "https://json-schema.org/draft/2020-12/schema",
      type: "object",
      properties: { namespace: { type: "string", minLength: 1, description: namespace } },
      additionalProperties: false,
    }),
  };
}

function extract(config: string, inputs: Artifact[], output: Sink): Extraction {
  let reading = "";
  try {
    const namespace: string = JSON.parse(config || "{}").namespace ?? "file";
    const out = new Emitter(output);
    for (const artifact of inputs) {
      reading = artifact.name();
      read(artifact, reading, namespace, out, output);
    }
    out.flush();
    return { covers: { datasets: true, jobs: true, edges: true } };
  } catch (error) {
    throw refusal(error, reading);
  }
}

/** What is thrown on purpose is of the contract; anything else would be an opaque trap. */
function refusal(error: unknown, reading: string): ExtractError {
  if (error instanceof Refused) return error.reason;
  const text = error instanceof Error ? `${error}\n${error.stack ?? ""}` : JSON.stringify(error);
  return { tag: "internal", val: `${text.trim()}${reading ? `, while reading ${reading}` : ""}` };
}

class Refused extends Error {
  constructor(readonly reason: ExtractError) {
    super(reason.tag);
  }
}

function read(artifact: Artifact, name: string, namespace: string, out: Emitter, output: Sink): void {
  const lines = text(artifact, name).split("\n");
  if (lines[0]?.trim() !== HEADER) {
    throw new Refused({ tag: "malformed", val: finding("error", `the first line is ${HEADER}`, { artifact: name, line: 1 }) });
  }
  const rows: { at: Location; source: string; target: string; job: string }[] = [];
  const found: Diagnostic[] = [];
  for (const [index, line] of lines.entries()) {
    if (index === 0 || line.trim() === "") continue;
    const at = { artifact: name, line: index + 1 };
    const columns = line.split(",").map((column) => column.trim());
    const [source, target, job] = columns;
    if (source === undefined || target === undefined || job === undefined || columns.length > 3) {
      // A line that can't be read costs only itself.
      found.push(finding("warning", `${columns.length} columns, not ${HEADER}`, at));
    } else {
      rows.push({ at, source, target, job });
    }
  }
  // What is made here is declared; what is only read belongs to somebody else.
  for (const { at, target } of rows) out.dataset(namespace, target, true, at);
  for (const { at, source, target, job } of rows) {
    const from = out.dataset(namespace, source, false, at);
    const to = out.dataset(namespace, target, false, at);
    const by = out.job(NAME, job, at);
    out.edge(from, by, at);
    out.edge(by, to, at);
  }
  if (found.length > 0) output.diagnose(found);
}

function finding(severity: Severity, message: string, at: Location): Diagnostic {
  return { severity, code: `${NAME}/line`, message, at };
}

function text(artifact: Artifact, name: string): string {
  const size = artifact.size();
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  try {
    for (let offset = 0n; offset < size; ) {
      const chunk = artifact.read(offset, READ_BYTES);
      offset += BigInt(chunk.length);
      text += decoder.decode(chunk, { stream: offset < size });
    }
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new Refused({ tag: "malformed", val: finding("error", "the file is not UTF-8", { artifact: name }) });
  }
  return text;
}

declare class TextDecoder {
  constructor(label: string, options: { fatal: boolean });
  decode(bytes: Uint8Array, options: { stream: boolean }): string;
}

/** The contract's interface `plugin`, under its name. */
export const plugin = { describe, extract };
