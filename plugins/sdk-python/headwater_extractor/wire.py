"""The records of the contract that cross to the host; names and order are those of `wit/v0.1/extractor.wit`."""

from __future__ import annotations

from typing import NamedTuple, Optional, Sequence

from .facts import Location, RunState


class Field(NamedTuple):
    name: int
    data_type: Optional[int]
    description: Optional[int]


class Dataset(NamedTuple):
    namespace: int
    name: int
    kind: int
    declared: bool
    description: Optional[int]
    fields: Sequence[Field]
    evidence: Optional[int]


class Job(NamedTuple):
    namespace: int
    name: int
    kind: int
    description: Optional[int]
    sql: Optional[int]
    parent: Optional[int]
    evidence: Optional[int]


class Transformation(NamedTuple):
    direct: bool
    subtype: Optional[int]
    description: Optional[int]
    masking: bool


class Edge(NamedTuple):
    from_: int
    to: int
    evidence: Optional[int]


class FieldEdge(NamedTuple):
    from_: int
    from_field: Optional[int]
    to: int
    to_field: Optional[int]
    via: Optional[int]
    transformations: Sequence[Transformation]
    evidence: Optional[int]


class Selector(NamedTuple):
    job: int
    writes: bool
    namespace: int
    pattern: int
    evidence: Optional[int]


class Alias(NamedTuple):
    node: int
    namespace: int
    name: int
    reason: int
    evidence: Optional[int]


class Attribute(NamedTuple):
    node: int
    field: Optional[int]
    key: int
    value: int


class Facet(NamedTuple):
    node: int
    name: int
    json: int


class Run(NamedTuple):
    job: int
    run_id: int
    state: RunState
    started_ms: Optional[int]
    ended_ms: Optional[int]
    message: Optional[int]


class Batch:
    """One push."""

    __slots__ = (
        "strings",
        "locations",
        "entities",
        "edges",
        "field_edges",
        "selectors",
        "aliases",
        "attributes",
        "facets",
        "runs",
    )

    def __init__(self) -> None:
        self.strings: list[str] = []
        self.locations: list[Location] = []
        self.entities: list[object] = []
        self.edges: list[Edge] = []
        self.field_edges: list[FieldEdge] = []
        self.selectors: list[Selector] = []
        self.aliases: list[Alias] = []
        self.attributes: list[Attribute] = []
        self.facets: list[Facet] = []
        self.runs: list[Run] = []
