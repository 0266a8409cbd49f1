"""The rules that names, times and places keep; the host holds the same."""

from __future__ import annotations

import json
import re
from typing import Any, Callable

from .errors import FactError
from .facts import Coverage, Description, Diagnostic, Extraction, InputPattern, Location, Severity

#: How deep a facet's JSON may nest.
FACET_DEPTH_MAX = 100
#: The longest name of an artifact, and the longest pointer into one, in bytes.
PLACE_BYTES_MAX = 4096
#: Names of one kind that are remembered as checked.
CHECKED_MAX = 100_000

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_MILLIS_FIRST = -62_135_596_800_000
_MILLIS_LAST = 253_402_300_799_999


def name_rule(what: str, bytes_max: int) -> Callable[[Any], str]:
    """A check of names of one kind: text, neither empty nor longer than `bytes_max`, without control characters."""
    checked: set[str] = set()

    def check(text: Any) -> str:
        if type(text) is str:
            if text in checked:
                return text
            if text and len(text) <= bytes_max and text.isascii() and text.isprintable():
                if len(checked) >= CHECKED_MAX:
                    checked.clear()
                checked.add(text)
                return text
        name = check_text(what, text)
        if not name:
            raise FactError(f"the {what} is empty")
        length = len(name.encode("utf-8"))
        if length > bytes_max:
            raise FactError(f"the {what} {shown(text)} is {length} bytes long, more than {bytes_max}")
        found = _CONTROL.search(name)
        if found:
            code = f"U+{ord(found.group()):04X}"
            raise FactError(f"the {what} {shown(text)} holds the control character {code} at {found.start()}")
        return name

    return check


def check_text(what: str, text: Any) -> str:
    """`text`, if it is a str that UTF-8 can hold."""
    if not isinstance(text, str):
        raise FactError(f"the {what} is {kind_of(text)}, not str")
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise FactError(f"the {what} {shown(text)} holds half a character at {error.start}") from None
    return text


def check_millis(what: str, millis: Any) -> int | None:
    """`millis`, if it is None or an instant of the years 0001 to 9999."""
    if millis is None:
        return None
    if type(millis) is not int:
        raise FactError(f"the {what} is {kind_of(millis)}, not int")
    if not _MILLIS_FIRST <= millis <= _MILLIS_LAST:
        raise FactError(f"the {what} {millis} is outside the years 0001 to 9999")
    return millis


def check_place(at: Any) -> Location:
    """`at`, if it is a place."""
    if type(at) is not Location:
        raise FactError(f"the evidence is {kind_of(at)}, not Location")
    artifact, pointer, byte_offset, line, column = at
    # Nearly all places are of this kind; a character of UTF-8 has at most four bytes.
    is_plain = (
        type(artifact) is str
        and len(artifact) <= PLACE_BYTES_MAX // 4
        and artifact.isascii()
        and byte_offset is None
        and column is None
        and (line is None or type(line) is int and 1 <= line < 1 << 32)
    )
    if is_plain and (
        pointer is None
        or type(pointer) is str
        and len(pointer) <= PLACE_BYTES_MAX // 4
        and pointer[:1] == "/"
        and pointer.isascii()
    ):
        return at
    for what, text in (("artifact", at.artifact), ("pointer", at.pointer)):
        if text is None and what == "pointer":
            continue
        text = check_text(f"place's {what}", text)
        if len(text.encode("utf-8")) > PLACE_BYTES_MAX:
            raise FactError(f"the place's {what} {shown(text)} is longer than {PLACE_BYTES_MAX} bytes")
    if at.pointer and not at.pointer.startswith("/"):
        raise FactError(f"the place's pointer {shown(at.pointer)} does not begin with '/'")
    for what, number, first, bits in (
        ("line", at.line, 1, 32),
        ("column", at.column, 1, 32),
        ("byte offset", at.byte_offset, 0, 64),
    ):
        if number is None:
            continue
        if type(number) is not int:
            raise FactError(f"the place's {what} is {kind_of(number)}, not int")
        if not first <= number < 1 << bits:
            raise FactError(f"the place's {what} is {number}, but counts from {first}, in {bits} bits")
    return at


def check_diagnostic(found: Any) -> Diagnostic:
    """`found`, if it is a finding."""
    if type(found) is not Diagnostic:
        raise FactError(f"the finding is {kind_of(found)}, not Diagnostic")
    if type(found.severity) is not Severity:
        raise FactError(f"the finding's severity is {kind_of(found.severity)}, not Severity")
    check_text("finding's code", found.code)
    check_text("finding's message", found.message)
    if found.at is not None:
        check_place(found.at)
    return found


def check_description(found: Any) -> Description:
    """`found`, if its parts are of their types; the host checks what they say."""
    if type(found) is not Description:
        raise FactError(f"describe returned {kind_of(found)}, not Description")
    for what in ("name", "version", "summary", "config_schema"):
        check_text(f"description's {what}", getattr(found, what))
    for pattern in found.inputs:
        if type(pattern) is not InputPattern:
            raise FactError(f"an input is {kind_of(pattern)}, not InputPattern")
        check_text("input's glob", pattern.glob)
        check_text("input's media_type", pattern.media_type)
    inputs = [pattern._replace(required=bool(pattern.required)) for pattern in found.inputs]
    return found._replace(inputs=inputs)


def check_extraction(found: Any) -> Extraction:
    """`found`, if it is what an extraction covers."""
    if type(found) is not Extraction:
        raise FactError(f"extract returned {kind_of(found)}, not Extraction")
    if type(found.covers) is not Coverage:
        raise FactError(f"what is covered is {kind_of(found.covers)}, not Coverage")
    check_millis("time of the extraction", found.generated)
    return found


def facet_json(name: str, value: Any) -> str:
    """`value` as the JSON that a facet holds."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise FactError(f"the facet {shown(name)} is not JSON: {error}") from None
    if text.count("[") + text.count("{") > FACET_DEPTH_MAX and _depth(value) > FACET_DEPTH_MAX:
        raise FactError(f"the facet {shown(name)} nests deeper than {FACET_DEPTH_MAX}")
    return check_text(f"facet {shown(name)}", text)


def _depth(value: Any) -> int:
    depth = 0
    level = [value]
    while level:
        inner: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                inner.append(list(item.values()))
            elif isinstance(item, (list, tuple)):
                inner.append(item)
        if inner:
            depth += 1
        level = [part for item in inner for part in item]
    return depth


def kind_of(value: Any) -> str:
    """The type of `value`, for messages."""
    return "None" if value is None else type(value).__name__


def shown(text: Any) -> str:
    """The beginning of `text`, for messages."""
    text = str(text)
    return repr(text if len(text) <= 80 else text[:80] + "…")
