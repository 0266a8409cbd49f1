"""The artifacts that an extractor reads."""

from __future__ import annotations

import json
from typing import Any, Iterator, Protocol

from .errors import ExtractError, Malformed
from .facts import Location, pointer
from .progress import _come


class Source(Protocol):
    """Where an artifact's bytes come from: the host inside Wasm, memory in tests."""

    def name(self) -> str: ...
    def media_type(self) -> str: ...
    def size(self) -> int: ...
    def digest(self) -> str: ...
    def read(self, offset: int, len: int) -> bytes: ...


class Artifact:
    """One artifact: read whole as bytes, text or JSON, or by lines."""

    #: How much one call to the host fetches.
    CHUNK_BYTES = 1 << 20
    #: A line is at most this long: 64 MiB.
    LINE_BYTES_MAX = 64 << 20

    def __init__(self, source: Source) -> None:
        self._source = source
        #: The name that the caller gave, a path with `/`.
        self.name = source.name()
        #: Size in bytes.
        self.size = source.size()

    @property
    def media_type(self) -> str:
        """The media type, as far as the caller knows it."""
        return self._source.media_type()

    @property
    def digest(self) -> str:
        """SHA-256 in lower-case hexadecimal."""
        return self._source.digest()

    def read_at(self, offset: int, length: int) -> bytes:
        """At most `length` bytes from `offset`; shorter only at the end or beyond the host's bound of 8 MiB."""
        _come[:] = [self.name, None]
        return self._source.read(offset, length)

    def read(self) -> bytes:
        """The whole artifact."""
        chunks = list(self._chunks())
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def text(self) -> str:
        """The whole artifact as text; a byte order mark is left out.

        Raises Malformed, with the line and column, if it is not UTF-8.
        """
        return self._decoded(self.read())

    def json(self) -> Any:
        """The whole artifact as JSON.

        Raises Malformed, with the line and column, if it is not JSON or not UTF-8. NaN and Infinity are no JSON.
        """
        text = self.text()
        try:
            return _DECODER.decode(text)
        except json.JSONDecodeError as error:
            at = self.place(line=error.lineno, column=error.colno)
            raise Malformed("artifact/json", f"{self.name} is not JSON: {error.msg}", at) from None
        except RecursionError:
            raise Malformed("artifact/json", f"{self.name} nests too deep", self.place()) from None
        except ValueError as error:
            raise Malformed("artifact/json", f"{self.name} is not JSON: {error}", self.place()) from None

    def lines(self) -> Iterator[tuple[int, str]]:
        """Each line with its number, from 1, without its end; the artifact is never held whole.

        Raises Malformed if a line is not UTF-8 or longer than LINE_BYTES_MAX.
        """
        rest = b""
        number = 0
        for chunk in self._chunks():
            lines = (rest + chunk).split(b"\n")
            rest = lines.pop()
            for line in lines:
                number += 1
                _come[1] = number
                yield number, self._line(line, number)
            if len(rest) > self.LINE_BYTES_MAX:
                message = f"the line is longer than {self.LINE_BYTES_MAX} bytes"
                raise Malformed("artifact/line", message, self.place(line=number + 1))
        if rest:
            _come[1] = number + 1
            yield number + 1, self._line(rest, number + 1)

    def place(self, *path: str | int, line: int | None = None, column: int | None = None) -> Location:
        """A place in the artifact, for evidence and findings.

        `path` is one of keys and indexes, for JSON and YAML: `artifact.place("nodes", key)`.
        """
        at = Location(self.name, pointer(*path) if path else None, None, line, column)
        _come[1] = at
        return at

    def _line(self, line: bytes, number: int) -> str:
        if line.endswith(b"\r"):
            line = line[:-1]
        return self._decoded(line, number)

    def _chunks(self) -> Iterator[bytes]:
        offset = 0
        while offset < self.size:
            chunk = self.read_at(offset, min(self.CHUNK_BYTES, self.size - offset))
            if not chunk:
                raise ExtractError(f"{self.name}: ended after {offset} of {self.size} bytes")
            offset += len(chunk)
            yield chunk

    def _decoded(self, data: bytes, number: int = 1) -> str:
        if number == 1 and data.startswith(b"\xef\xbb\xbf"):
            data = data[3:]
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            before = data[: error.start]
            line = number + before.count(b"\n")
            column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8")) + 1
            message = f"{self.name} is not UTF-8: {error.reason}"
            raise Malformed("artifact/utf-8", message, self.place(line=line, column=column)) from None

    def __repr__(self) -> str:
        return f"Artifact({self.name!r}, {self.size} bytes)"


def _no_number(constant: str) -> Any:
    raise ValueError(f"{constant} is no number of JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_number)
