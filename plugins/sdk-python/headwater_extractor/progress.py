"""How far a call has come, for messages: a component makes one call at a time."""

from __future__ import annotations

from typing import Any

from .facts import Location

# The name of the artifact that was read last, and the place in it: the line that was read, or the place that was made or
# stated last. A list, as it is written for every fact: an attribute of a class or module would cost more.
_come: list[Any] = [None, None]


def begin() -> None:
    """A call begins."""
    _come[:] = [None, None]


def told() -> str:
    """What was being read, for the end of a message; empty if nothing was."""
    artifact, at = _come
    place = ""
    if type(at) is int:
        place = f", line {at}"
    elif type(at) is Location:
        artifact = at.artifact
        if at.pointer:
            place = f", {at.pointer}"
        elif at.line is not None:
            place = f", line {at.line}"
    return "" if artifact is None else f", while reading {artifact}{place}"
