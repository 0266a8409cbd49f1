"""The same extractor outside Wasm: an in-memory host, facts as readable JSON, golden cases.

A golden case is a folder: `config.json` (optional), `inputs/` (every file is an artifact, in the order of names) and
`expected.json`: the facts in the format that `headwater extract` prints, or `{"error": …}`. `headwater plugin test`
replays the same cases in the sandbox.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any, Mapping

from . import failure, wire
from .artifact import Artifact
from .emitter import Emitter
from .errors import Aborted, ExtractError, Malformed, Unsupported
from .extractor import Extractor
from .extractor import run as _call
from .facts import Coverage, Diagnostic, Extraction, Location
from .times import format_rfc3339


class MemoryArtifact:
    """An artifact in memory."""

    def __init__(self, name: str, data: bytes, media_type: str = "") -> None:
        self._name = name
        self._data = data
        self._media_type = media_type

    def name(self) -> str:
        return self._name

    def media_type(self) -> str:
        return self._media_type

    def size(self) -> int:
        return len(self._data)

    def digest(self) -> str:
        return hashlib.sha256(self._data).hexdigest()

    def read(self, offset: int, len: int) -> bytes:
        return self._data[offset : offset + len]


def run(
    extractor: type[Extractor], inputs: Mapping[str, bytes | str], config: Mapping[str, str] | str | None = None
) -> Facts:
    """Runs an extractor on artifacts in memory, by name. Raises what it raises: a debugger stops at its place."""
    artifacts = [
        Artifact(MemoryArtifact(name, data.encode("utf-8") if isinstance(data, str) else data))
        for name, data in inputs.items()
    ]
    text = config if isinstance(config, str) else json.dumps(dict(config or {}))
    facts = Facts()
    facts.extraction = _call(extractor, text, artifacts, Emitter(facts))
    return facts


def cases(folder: str | os.PathLike[str]) -> list[Path]:
    """The golden cases in a folder, by name. Raises AssertionError if there are none."""
    found = sorted(path for path in Path(folder).iterdir() if path.is_dir())
    if not found:
        raise AssertionError(f"{folder} has no case")
    return found


def outcome(extractor: type[Extractor], case: str | os.PathLike[str]) -> dict[str, Any]:
    """What an extractor makes of a golden case: facts, or an error."""
    case = Path(case)
    config_path = case / "config.json"
    config = config_path.read_text("utf-8") if config_path.exists() else "{}"
    inputs = {path.name: path.read_bytes() for path in sorted((case / "inputs").iterdir())}
    try:
        return run(extractor, inputs, config).to_json()
    except Exception as error:
        return {"error": error_json(error, extractor.__module__)}


def check_case(extractor: type[Extractor], case: str | os.PathLike[str]) -> None:
    """Compares what an extractor makes of a golden case with what is expected.

    Raises AssertionError, which names the first difference. With the environment variable UPDATE_GOLDEN, what comes out
    is accepted instead, as `headwater plugin test --update` does.
    """
    path = Path(case) / "expected.json"
    found = outcome(extractor, case)
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(json.dumps(found, indent=2, sort_keys=True, ensure_ascii=False) + "\n", "utf-8")
    expected = json.loads(path.read_text("utf-8")) if path.exists() else None
    differing = difference(expected, found)
    if differing is not None:
        raise AssertionError(f"{path}: {differing}; if what comes out is right, UPDATE_GOLDEN=1 accepts it")


def difference(expected: Any, found: Any, pointer: str = "") -> str | None:
    """Where two values differ first, and how; None if they are the same."""
    keys: list[Any]
    if isinstance(expected, dict) and isinstance(found, dict):
        keys = sorted(expected.keys() | found.keys())
        parts = [str(key).replace("~", "~0").replace("/", "~1") for key in keys]
        has = [(key in expected, key in found) for key in keys]
    elif isinstance(expected, list) and isinstance(found, list):
        keys = list(range(max(len(expected), len(found))))
        parts = [str(key) for key in keys]
        has = [(key < len(expected), key < len(found)) for key in keys]
    elif type(expected) is type(found) and expected == found:
        return None
    else:
        return f"{pointer or 'all'} is {_shown(found)}, not {_shown(expected)}"
    for key, part, (is_expected, is_found) in zip(keys, parts, has):
        place = f"{pointer}/{part}"
        if not is_found:
            return f"{place} is missing: {_shown(expected[key])}"
        if not is_expected:
            return f"{place} is not expected: {_shown(found[key])}"
        differing = difference(expected[key], found[key], place)
        if differing is not None:
            return differing
    return None


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 400 else text[:400] + "…"


class Facts:
    """What an extractor stated, in the order in which it did."""

    _LISTS = (
        "datasets",
        "jobs",
        "edges",
        "fieldEdges",
        "selectors",
        "aliases",
        "attributes",
        "facets",
        "runs",
    )

    def __init__(self) -> None:
        self.extraction: Extraction | None = None
        self.diagnostics: list[Diagnostic] = []
        #: In how many batches the facts came.
        self.batches_count = 0
        self._strings: list[str] = []
        self._nodes: list[dict[str, str]] = []
        self._lists: dict[str, list[dict[str, Any]]] = {name: [] for name in self._LISTS}

    def to_json(self) -> dict[str, Any]:
        """The format that `headwater extract` prints."""
        json_: dict[str, Any] = {name: list(facts) for name, facts in self._lists.items()}
        json_["diagnostics"] = [diagnostic_json(found) for found in self.diagnostics]
        if self.extraction is not None:
            covers, generated = self.extraction
            json_["generatedAt"] = None if generated is None else format_rfc3339(generated)
            json_["covers"] = [kind.name for kind in Coverage if kind in covers]
        return json_

    def dataset_entity(self, record: wire.Dataset) -> wire.Dataset:
        return record

    def job_entity(self, record: wire.Job) -> wire.Job:
        return record

    def diagnose(self, found: list[Diagnostic]) -> None:
        self.diagnostics.extend(found)

    def emit(self, facts: wire.Batch) -> None:
        self.batches_count += 1
        self._strings.extend(facts.strings)
        places = [_location_json(location) for location in facts.locations]

        def add(name: str, fact: dict[str, Any], evidence: int | None = None) -> None:
            if evidence is not None:
                fact["evidence"] = dict(places[evidence])
            self._lists[name].append(fact)

        for entity in facts.entities:
            if isinstance(entity, wire.Dataset):
                add("datasets", self._dataset(entity), entity.evidence)
            elif isinstance(entity, wire.Job):
                add("jobs", self._job(entity), entity.evidence)
        for edge in facts.edges:
            from_, to = self._nodes[edge.from_], self._nodes[edge.to]
            kind = _EDGE_KINDS[from_["kind"], to["kind"]]
            add("edges", {"kind": kind, "from": dict(from_), "to": dict(to)}, edge.evidence)
        for field_edge in facts.field_edges:
            add("fieldEdges", self._field_edge(field_edge), field_edge.evidence)
        for selector in facts.selectors:
            fact = {
                "job": self._name(selector.job),
                "side": "WRITES" if selector.writes else "READS",
                "namespace": self._strings[selector.namespace],
                "pattern": self._strings[selector.pattern],
            }
            add("selectors", fact, selector.evidence)
        for alias in facts.aliases:
            other = {"namespace": self._strings[alias.namespace], "name": self._strings[alias.name]}
            fact = {**self._nodes[alias.node], "alias": other, "reason": self._strings[alias.reason]}
            add("aliases", fact, alias.evidence)
        for attribute in facts.attributes:
            on = dict(self._nodes[attribute.node])
            self._set(on, "field", attribute.field)
            key, value = self._strings[attribute.key], self._strings[attribute.value]
            add("attributes", {"on": on, "key": key, "value": value})
        for facet in facts.facets:
            value = json.loads(self._strings[facet.json])
            on = dict(self._nodes[facet.node])
            add("facets", {"on": on, "name": self._strings[facet.name], "value": value})
        for run_ in facts.runs:
            add("runs", self._run(run_))

    def _dataset(self, record: wire.Dataset) -> dict[str, Any]:
        fields = []
        for field in record.fields:
            column: dict[str, Any] = {"name": self._strings[field.name]}
            self._set(column, "type", field.data_type)
            self._set(column, "description", field.description)
            fields.append(column)
        name = {"namespace": self._strings[record.namespace], "name": self._strings[record.name]}
        self._nodes.append({"kind": "DATASET", **name})
        # An empty kind says no more than dataset or job.
        kind = self._strings[record.kind] or "DATASET"
        fact = {**name, "type": kind, "declared": record.declared, "fields": fields}
        self._set(fact, "description", record.description)
        return fact

    def _job(self, record: wire.Job) -> dict[str, Any]:
        name = {"namespace": self._strings[record.namespace], "name": self._strings[record.name]}
        self._nodes.append({"kind": "JOB", **name})
        fact: dict[str, Any] = {**name, "type": self._strings[record.kind] or "JOB"}
        self._set(fact, "description", record.description)
        self._set(fact, "sql", record.sql)
        if record.parent is not None:
            fact["parent"] = self._name(record.parent)
        return fact

    def _field_edge(self, record: wire.FieldEdge) -> dict[str, Any]:
        transformations = []
        for item in record.transformations:
            json_: dict[str, Any] = {"type": "DIRECT" if item.direct else "INDIRECT", "masking": item.masking}
            self._set(json_, "subtype", item.subtype)
            self._set(json_, "description", item.description)
            transformations.append(json_)

        def end(node: int, field: int | None) -> dict[str, Any]:
            return {**self._name(node), "field": None if field is None else self._strings[field]}

        fact: dict[str, Any] = {
            "from": end(record.from_, record.from_field),
            "to": end(record.to, record.to_field),
            "transformations": transformations,
        }
        if record.via is not None:
            fact["via"] = self._name(record.via)
        return fact

    def _run(self, record: wire.Run) -> dict[str, Any]:
        fact: dict[str, Any] = {
            "job": self._name(record.job),
            "runId": self._strings[record.run_id],
            "state": record.state.name,
        }
        if record.started_ms is not None:
            fact["startedAt"] = format_rfc3339(record.started_ms)
        if record.ended_ms is not None:
            fact["endedAt"] = format_rfc3339(record.ended_ms)
        self._set(fact, "message", record.message)
        return fact

    def _name(self, node: int) -> dict[str, str]:
        found = self._nodes[node]
        return {"namespace": found["namespace"], "name": found["name"]}

    def _set(self, fact: dict[str, Any], key: str, symbol: int | None) -> None:
        if symbol is not None:
            fact[key] = self._strings[symbol]


_EDGE_KINDS = {
    ("DATASET", "JOB"): "READS",
    ("JOB", "DATASET"): "WRITES",
    ("DATASET", "DATASET"): "DERIVES",
    ("JOB", "JOB"): "FOLLOWS",
}


def error_json(error: BaseException, module: str) -> dict[str, Any]:
    """An extraction's error as golden files show it; `module` is the extractor's."""
    if isinstance(error, Malformed):
        # The contract has no case of its own for configuration; its findings have codes of their own.
        if error.diagnostic.code.startswith("config/"):
            return {"kind": "CONFIG", "message": error.diagnostic.message}
        return {"kind": "MALFORMED", "diagnostic": diagnostic_json(error.diagnostic)}
    if isinstance(error, Unsupported):
        return {"kind": "UNSUPPORTED", "message": str(error)}
    if isinstance(error, Aborted):
        return {"kind": "ABORTED"}
    if isinstance(error, ExtractError):
        return {"kind": "INTERNAL", "message": str(error)}
    return {"kind": "INTERNAL", "message": failure.told(error, module)}


def diagnostic_json(found: Diagnostic) -> dict[str, Any]:
    """A finding as `headwater extract` prints it."""
    at = {} if found.at is None else _location_json(found.at)
    return {**at, "severity": found.severity.name, "code": found.code, "message": found.message}


def _location_json(location: Location) -> dict[str, Any]:
    json_: dict[str, Any] = {"artifact": location.artifact}
    for key in ("pointer", "line", "column"):
        value = getattr(location, key)
        if value is not None:
            json_[key] = value
    return json_
