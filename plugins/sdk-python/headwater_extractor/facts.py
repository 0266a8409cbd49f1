"""What an extractor says of itself, and what it states."""

from __future__ import annotations

from enum import Enum, Flag, auto
from typing import NamedTuple, Optional, Sequence, Union


class Severity(Enum):
    """How bad a finding is. An ERROR says that facts are missing: what was known before then does not end."""

    INFO = 0
    WARNING = 1
    ERROR = 2


class RunState(Enum):
    """How far a run came, in OpenLineage's terms."""

    START = 0
    RUNNING = 1
    COMPLETE = 2
    ABORT = 3
    FAIL = 4
    OTHER = 5


class Side(Enum):
    """Which side of a job a selector is on."""

    READS = "READS"
    WRITES = "WRITES"


class Coverage(Flag):
    """For which kinds of facts an extraction is the whole truth: of these, what is no longer stated will end."""

    DATASETS = auto()
    FIELDS = auto()
    JOBS = auto()
    EDGES = auto()
    FIELD_EDGES = auto()
    SELECTORS = auto()
    ALIASES = auto()
    ATTRIBUTES = auto()
    FACETS = auto()


class Location(NamedTuple):
    """A place in an artifact; `Artifact.place` makes one. Lines and columns count from 1."""

    artifact: str
    #: RFC 6901 pointer, for JSON and YAML.
    pointer: Optional[str] = None
    byte_offset: Optional[int] = None
    line: Optional[int] = None
    column: Optional[int] = None


class Diagnostic(NamedTuple):
    """A finding about an artifact; its code is stable and documented, as "billing/line"."""

    severity: Severity
    code: str
    message: str
    at: Optional[Location] = None


class InputPattern(NamedTuple):
    """Files that an extractor reads: a glob on their names, as "**/manifest.json"."""

    glob: str
    media_type: str = ""
    required: bool = False


class Description(NamedTuple):
    """What an extractor is called, which files it reads, how it is configured (`Config.schema`)."""

    name: str
    version: str
    summary: str
    inputs: Sequence[InputPattern]
    config_schema: str = ""


class Extraction(NamedTuple):
    """What an extraction covers, and the time that it stands for, in epoch milliseconds."""

    covers: Coverage
    generated: Optional[int] = None


class Field(NamedTuple):
    """One field (column) of a dataset, its type as the artifact writes it."""

    name: str
    data_type: Optional[str] = None
    description: Optional[str] = None


class Transformation(NamedTuple):
    """How a field came from another, in OpenLineage's terms: DIRECT (the value is derived) or else INDIRECT."""

    is_direct: bool
    subtype: Optional[str] = None
    description: Optional[str] = None
    is_masking: bool = False


class DatasetNode:
    """A dataset that an emitter has stated, to refer to in edges, attributes and facets."""

    __slots__ = ("_id", "_out")

    def __init__(self, node: int, out: object) -> None:
        self._id = node
        self._out = out


class JobNode:
    """A job that an emitter has stated, to refer to in edges, attributes and facets."""

    __slots__ = ("_id", "_out")

    def __init__(self, node: int, out: object) -> None:
        self._id = node
        self._out = out


Node = Union[DatasetNode, JobNode]


def pointer(*path: Union[str, int]) -> str:
    """The JSON pointer of a path of keys and indexes: `pointer("nodes", "a/b", 0)` is "/nodes/a~1b/0"."""
    text = ""
    for part in path:
        key = part if type(part) is str else str(part)
        if "~" in key or "/" in key:
            key = key.replace("~", "~0").replace("/", "~1")
        text += "/" + key
    return text
