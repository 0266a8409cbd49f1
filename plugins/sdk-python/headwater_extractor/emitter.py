"""Interns, checks, batches and sends facts."""

from __future__ import annotations

from typing import Any, Callable, Iterable, Protocol

from . import rules, wire
from .errors import FactError
from .facts import (
    DatasetNode,
    Diagnostic,
    Field,
    JobNode,
    Location,
    Node,
    RunState,
    Severity,
    Side,
    Transformation,
)
from .progress import _come

_NAMESPACE = rules.name_rule("namespace", 1024)
_NAME = rules.name_rule("name", 2048)
_FIELD = rules.name_rule("field's name", 1024)
_KIND = rules.name_rule("kind", 128)
_KEY = rules.name_rule("attribute's key", 256)
_FACET = rules.name_rule("facet's name", 256)
_RUN_ID = rules.name_rule("run's id", 256)
_PATTERN = rules.name_rule("pattern", 2048)


class Sink(Protocol):
    """Takes batches of facts in order."""

    # Each wraps a record as an entity of the contract.
    @property
    def dataset_entity(self) -> Callable[[wire.Dataset], Any]: ...
    @property
    def job_entity(self) -> Callable[[wire.Job], Any]: ...

    def emit(self, facts: wire.Batch) -> None: ...
    def diagnose(self, found: list[Diagnostic]) -> None: ...


class Emitter:
    """Where an extractor states facts: strings cross once, records in batches of bounded size, and every reference is
    to something stated before. What breaks a rule of the contract raises FactError, and nothing of it is stated.
    """

    #: A batch is sent once it has this many records; one dataset's fields may exceed it.
    BATCH_RECORDS_MAX = 4096
    #: A batch is sent once its text has this many characters; one string may exceed it.
    BATCH_CHARS_MAX = 1 << 20
    #: Diagnostics beyond this many are counted, and reported as one.
    DIAGNOSTICS_MAX = 10_000
    #: Diagnostics are sent in groups of this many.
    _DIAGNOSTICS_BATCH = 256
    #: Longer strings are rarely sent twice, and not remembered.
    _REMEMBERED_CHARS_MAX = 1024
    #: All remembered strings together.
    _REMEMBERED_CHARS_TOTAL = 64 << 20

    #: Fields that are remembered.
    _FIELDS_MAX = 50_000

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._symbols: dict[str, int] = {}
        self._symbols_count = 0
        self._symbols_chars = 0
        self._fields: dict[Field, wire.Field] = {}
        self._nodes_count = 0
        self._mentions: dict[tuple[str, str], DatasetNode] = {}
        self._batch = wire.Batch()
        self._last_place: Location | None = None
        self._records = 0
        self._chars = 0
        self._diagnostics: list[Diagnostic] = []
        self._diagnostics_count = 0
        self._left_out = 0
        self._worst_left_out = Severity.INFO

    def dataset(
        self,
        namespace: str,
        name: str,
        kind: str = "",
        *,
        declared: bool = True,
        description: str | None = None,
        fields: Iterable[Field] = (),
        evidence: Location | None = None,
    ) -> DatasetNode:
        """States a dataset: where it lives and its name there, by OpenLineage's naming conventions.

        `kind` is TABLE, VIEW, TOPIC, FILE, …; empty if the artifact does not say. `declared`: the artifact defines it;
        otherwise it only mentions it.
        """
        _come[1] = evidence or _come[1]
        _NAMESPACE(namespace)
        _NAME(name)
        if kind:
            _KIND(kind)
        columns = [self._field(field, name) for field in fields]
        if description is not None:
            rules.check_text("description", description)
        place = self._place(evidence)
        symbol = self._symbol
        record = wire.Dataset(
            symbol(namespace),
            symbol(name),
            symbol(kind or ""),
            bool(declared),
            self._optional(description),
            columns,
            place,
        )
        self._records += len(columns)
        self._batch.entities.append(self._sink.dataset_entity(record))
        node = DatasetNode(self._nodes_count, self)
        self._nodes_count += 1
        self._mentions.setdefault((namespace, name), node)
        self._sent_one()
        return node

    def stated(self, namespace: str, name: str) -> DatasetNode | None:
        """The dataset of this name, if it was stated before."""
        return self._mentions.get((namespace, name))

    def mention(
        self, namespace: str, name: str, kind: str = "", evidence: Location | None = None
    ) -> DatasetNode:
        """The dataset of this name if it was stated before, else one that is only mentioned."""
        node = self._mentions.get((namespace, name))
        if node is None:
            node = self.dataset(namespace, name, kind, declared=False, evidence=evidence)
        return node

    def job(
        self,
        namespace: str,
        name: str,
        kind: str = "",
        *,
        description: str | None = None,
        sql: str | None = None,
        parent: JobNode | None = None,
        evidence: Location | None = None,
    ) -> JobNode:
        """States a job: where it is scheduled and its name there.

        `kind` is MODEL, TASK, QUERY, CONNECTOR, …; empty if the artifact does not say. `sql` is ready to be executed.
        """
        _come[1] = evidence or _come[1]
        _NAMESPACE(namespace)
        _NAME(name)
        if kind:
            _KIND(kind)
        _check_optional("description", description)
        _check_optional("sql", sql)
        parent_id = None if parent is None else self._job(parent, "parent")
        place = self._place(evidence)
        symbol = self._symbol
        record = wire.Job(
            symbol(namespace),
            symbol(name),
            symbol(kind or ""),
            self._optional(description),
            self._optional(sql),
            parent_id,
            place,
        )
        self._batch.entities.append(self._sink.job_entity(record))
        node = JobNode(self._nodes_count, self)
        self._nodes_count += 1
        self._sent_one()
        return node

    def reads(self, job: JobNode, dataset: DatasetNode, evidence: Location | None = None) -> None:
        """`job` reads `dataset`."""
        _come[1] = evidence or _come[1]
        self._edge(self._dataset(dataset, "dataset"), self._job(job, "job"), evidence)

    def writes(self, job: JobNode, dataset: DatasetNode, evidence: Location | None = None) -> None:
        """`job` writes `dataset`."""
        _come[1] = evidence or _come[1]
        self._edge(self._job(job, "job"), self._dataset(dataset, "dataset"), evidence)

    def derives(self, dataset: DatasetNode, origin: DatasetNode, evidence: Location | None = None) -> None:
        """`dataset` derives from `origin`, by a job that nobody knows."""
        _come[1] = evidence or _come[1]
        self._edge(self._dataset(origin, "origin"), self._dataset(dataset, "dataset"), evidence)

    def derives_by(
        self, job: JobNode, dataset: DatasetNode, origin: DatasetNode, evidence: Location | None = None
    ) -> None:
        """`dataset` derives from `origin`, by `job`.

        Once this is said of a dataset, all that the job makes it from is what is said so; before that, each dataset
        that the job reads reaches each that it writes.
        """
        self.field_edge(origin, None, dataset, None, via=job, evidence=evidence)

    def follows(self, job: JobNode, earlier: JobNode, evidence: Location | None = None) -> None:
        """`job` runs after `earlier`."""
        _come[1] = evidence or _come[1]
        self._edge(self._job(earlier, "earlier job"), self._job(job, "job"), evidence)

    def field_edge(
        self,
        from_dataset: DatasetNode,
        from_field: str | None,
        to_dataset: DatasetNode,
        to_field: str | None,
        *,
        via: JobNode | None = None,
        transformations: Iterable[Transformation] = (),
        evidence: Location | None = None,
    ) -> None:
        """A field derives from a field; None for a field means the whole dataset (a filter, a grouping).

        `via` is the job that does it; `transformations` may be empty when how is not known.
        """
        _come[1] = evidence or _come[1]
        from_id = self._dataset(from_dataset, "dataset that it derives from")
        to_id = self._dataset(to_dataset, "dataset that is derived")
        via_id = None if via is None else self._job(via, "job")
        if from_field is not None:
            _FIELD(from_field)
        if to_field is not None:
            _FIELD(to_field)
        found = list(transformations)
        for item in found:
            if type(item) is not Transformation:
                raise FactError(f"a transformation is {rules.kind_of(item)}, not Transformation")
            _check_optional("transformation's subtype", item.subtype)
            _check_optional("transformation's description", item.description)
        place = self._place(evidence)
        optional = self._optional
        record = wire.FieldEdge(
            from_id,
            optional(from_field),
            to_id,
            optional(to_field),
            via_id,
            [
                wire.Transformation(
                    bool(item.is_direct), optional(item.subtype), optional(item.description), bool(item.is_masking)
                )
                for item in found
            ],
            place,
        )
        self._records += len(found)
        self._batch.field_edges.append(record)
        self._sent_one()

    def selector(
        self, job: JobNode, side: Side, namespace: str, pattern: str, evidence: Location | None = None
    ) -> None:
        """Datasets of `namespace` whose name matches `pattern`, now or later, are read (or written) by `job`."""
        _come[1] = evidence or _come[1]
        job_id = self._job(job, "job")
        if type(side) is not Side:
            raise FactError(f"the side is {rules.kind_of(side)}, not Side")
        _NAMESPACE(namespace)
        _PATTERN(pattern)
        place = self._place(evidence)
        record = wire.Selector(job_id, side is Side.WRITES, self._symbol(namespace), self._symbol(pattern), place)
        self._batch.selectors.append(record)
        self._sent_one()

    def alias(
        self, node: Node, namespace: str, name: str, reason: str, evidence: Location | None = None
    ) -> None:
        """`node` is also known by another name; `reason` is shown to people."""
        _come[1] = evidence or _come[1]
        node_id = self._node(node, "node")
        _NAMESPACE(namespace)
        _NAME(name)
        rules.check_text("reason", reason)
        place = self._place(evidence)
        symbol = self._symbol
        self._batch.aliases.append(wire.Alias(node_id, symbol(namespace), symbol(name), symbol(reason), place))
        self._sent_one()

    def attribute(self, node: Node, key: str, value: str, *, field: str | None = None) -> None:
        """A statement with a fixed meaning about a node, or about one field of a dataset: `owner`, `tag`,
        `data-product`, `output-port`, `url`, …
        """
        node_id = self._node(node, "node")
        if field is not None:
            if type(node) is JobNode:
                raise FactError(f"the field {rules.shown(field)} is of a job, which has no fields")
            _FIELD(field)
        _KEY(key)
        rules.check_text("attribute's value", value)
        self._batch.attributes.append(
            wire.Attribute(node_id, self._optional(field), self._symbol(key), self._symbol(value))
        )
        self._sent_one()

    def facet(self, node: Node, name: str, value: Any) -> None:
        """JSON kept beside a node under the facet's name; `value` is what `json.dumps` takes."""
        node_id = self._node(node, "node")
        _FACET(name)
        text = rules.facet_json(name, value)
        self._batch.facets.append(wire.Facet(node_id, self._symbol(name), self._symbol(text)))
        self._sent_one()

    def run(
        self,
        job: JobNode,
        run_id: str,
        state: RunState,
        *,
        started_ms: int | None = None,
        ended_ms: int | None = None,
        message: str | None = None,
    ) -> None:
        """One run of a job; times are epoch milliseconds, `message` is what the tool said, as why it failed."""
        job_id = self._job(job, "job")
        _RUN_ID(run_id)
        if type(state) is not RunState:
            raise FactError(f"the state is {rules.kind_of(state)}, not RunState")
        started_ms = rules.check_millis("start", started_ms)
        ended_ms = rules.check_millis("end", ended_ms)
        _check_optional("message", message)
        record = wire.Run(job_id, self._symbol(run_id), state, started_ms, ended_ms, self._optional(message))
        self._batch.runs.append(record)
        self._sent_one()

    def diagnose(self, found: Diagnostic) -> None:
        """Reports something about the artifact. An ERROR says that facts are missing: what was known before then does
        not end.
        """
        rules.check_diagnostic(found)
        if self._diagnostics_count == self.DIAGNOSTICS_MAX:
            self._left_out += 1
            if found.severity.value > self._worst_left_out.value:
                self._worst_left_out = found.severity
            return
        self._diagnostics_count += 1
        self._diagnostics.append(found)
        if len(self._diagnostics) >= self._DIAGNOSTICS_BATCH:
            self._send_diagnostics()

    def finish(self) -> None:
        """Sends what is left; called for an extractor after a successful extraction."""
        self._flush()
        if self._left_out:
            message = f"{self._left_out} more diagnostics after the first {self.DIAGNOSTICS_MAX} are left out"
            self._diagnostics.append(
                Diagnostic(self._worst_left_out, "extractor/diagnostics-left-out", message)
            )
            self._left_out = 0
        self._send_diagnostics()

    def _field(self, field: Any, dataset: str) -> wire.Field:
        """The record of a field. Columns repeat, and symbols stay what they are: so do records."""
        if type(field) is not Field:
            raise FactError(f"a field of {rules.shown(dataset)} is {rules.kind_of(field)}, not Field")
        try:
            known = self._fields.get(field)
        except TypeError:
            known = None
        if known is not None:
            return known
        name, kind, about = field
        _FIELD(name)
        _check_optional("field's type", kind)
        _check_optional("field's description", about)
        record = wire.Field(self._symbol(name), self._optional(kind), self._optional(about))
        is_short = len(kind or "") + len(about or "") <= self._REMEMBERED_CHARS_MAX
        if is_short and len(self._fields) < self._FIELDS_MAX:
            self._fields[field] = record
        return record

    def _edge(self, from_id: int, to_id: int, evidence: Location | None) -> None:
        place = None if evidence is None else self._place(evidence)
        # Spares calls of Python per edge.
        self._batch.edges.append(tuple.__new__(wire.Edge, (from_id, to_id, place)))
        self._sent_one()

    def _dataset(self, node: Any, what: str) -> int:
        if type(node) is DatasetNode and node._out is self:
            return node._id
        raise self._foreign(node, what, "a dataset")

    def _job(self, node: Any, what: str) -> int:
        if type(node) is JobNode and node._out is self:
            return node._id
        raise self._foreign(node, what, "a job")

    def _node(self, node: Any, what: str) -> int:
        if isinstance(node, (DatasetNode, JobNode)) and node._out is self:
            return node._id
        raise self._foreign(node, what, "a dataset or job")

    def _foreign(self, node: Any, what: str, wanted: str) -> FactError:
        kinds = {DatasetNode: "a dataset", JobNode: "a job"}
        kind = kinds.get(type(node))
        if kind is None:
            return FactError(f"the {what} is {rules.kind_of(node)}, not {wanted} that was stated")
        if node._out is not self:
            return FactError(f"the {what} was stated to another emitter")
        return FactError(f"the {what} is {kind}, not {wanted}")

    def _symbol(self, text: str) -> int:
        symbol = self._symbols.get(text)
        if symbol is not None:
            return symbol
        symbol = self._symbols_count
        self._symbols_count += 1
        length = len(text)
        if length <= self._REMEMBERED_CHARS_MAX and self._symbols_chars + length <= self._REMEMBERED_CHARS_TOTAL:
            self._symbols_chars += length
            self._symbols[text] = symbol
        self._chars += length
        self._records += 1
        self._batch.strings.append(text)
        return symbol

    def _optional(self, text: str | None) -> int | None:
        return None if text is None else self._symbol(text)

    def _place(self, evidence: Location | None) -> int | None:
        """The place of `evidence` in this batch; records that share one come one after the other."""
        if evidence is None:
            return None
        locations = self._batch.locations
        if evidence is not self._last_place or not locations:
            rules.check_place(evidence)
            self._chars += len(evidence[0]) + len(evidence[1] or "")
            self._records += 1
            locations.append(evidence)
            self._last_place = evidence
        return len(locations) - 1

    def _sent_one(self) -> None:
        """Counts the record just made, and sends the batch once it is full."""
        self._records += 1
        if self._records >= self.BATCH_RECORDS_MAX or self._chars >= self.BATCH_CHARS_MAX:
            self._flush()

    def _flush(self) -> None:
        if self._records:
            batch, self._batch = self._batch, wire.Batch()
            self._records = self._chars = 0
            self._sink.emit(batch)

    def _send_diagnostics(self) -> None:
        if self._diagnostics:
            found, self._diagnostics = self._diagnostics, []
            self._sink.diagnose(found)


def _check_optional(what: str, text: Any) -> None:
    if text is not None:
        rules.check_text(what, text)
