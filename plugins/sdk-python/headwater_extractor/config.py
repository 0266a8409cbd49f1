"""Configuration: one flat JSON object of strings."""

from __future__ import annotations

import json
from typing import Any, Iterator, NamedTuple, Sequence

from .errors import Malformed
from .facts import Location, pointer


class ConfigKey(NamedTuple):
    """A key that a configuration may have; one that ends in `.` stands for every key that begins so and goes on."""

    name: str
    #: What it does, for people.
    description: str

    def _matches(self, key: str) -> bool:
        if self.name.endswith("."):
            return len(key) > len(self.name) and key.startswith(self.name)
        return key == self.name

    def _shown(self) -> str:
        return self.name + "…" if self.name.endswith(".") else self.name


class Config:
    """A configuration that has only known keys; all values are non-empty strings."""

    def __init__(self, entries: dict[str, str]) -> None:
        self._entries = dict(sorted(entries.items()))

    @staticmethod
    def schema(keys: Sequence[ConfigKey]) -> str:
        """The JSON Schema (2020-12) that accepts exactly what `parse` does."""
        properties: dict[str, Any] = {}
        patterns: dict[str, Any] = {}
        names = []
        for key in keys:
            value = {"type": "string", "minLength": 1, "description": key.description}
            escaped = key.name.replace(".", "\\.")
            if key.name.endswith("."):
                patterns[f"^{escaped}.+$"] = value
                names.append(f"{escaped}.+")
            else:
                properties[key.name] = value
                names.append(escaped)
        schema: dict[str, Any] = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": properties,
        }
        # A host that checks only the simple keywords lets a key that begins with a prefix through.
        if patterns:
            schema["patternProperties"] = patterns
            schema["propertyNames"] = {"pattern": f"^({'|'.join(names)})$"}
        else:
            schema["additionalProperties"] = False
        return json.dumps(schema, ensure_ascii=False)

    @classmethod
    def parse(cls, config: str, keys: Sequence[ConfigKey]) -> Config:
        """Reads a configuration; the empty text is an empty configuration.

        Raises Malformed, which names the key, what is wrong with it and the known keys.
        """
        if not config.strip():
            return cls({})
        try:
            members = json.loads(config)
        except ValueError as error:
            raise _malformed(None, f"the configuration is not JSON: {error}") from None
        if not isinstance(members, dict):
            raise _malformed(None, "the configuration is not a JSON object")
        for key, value in members.items():
            if not any(known._matches(key) for known in keys):
                known = ", ".join(known._shown() for known in keys)
                raise _malformed(key, f"unknown configuration key `{key}`; known keys: {known}")
            if not isinstance(value, str):
                message = f"the value of configuration key `{key}` is {_kind(value)}; expected a string"
                raise _malformed(key, message)
            if not value:
                raise _malformed(key, f"the value of configuration key `{key}` is empty")
        return cls(members)

    def get(self, key: str, default: str | None = None) -> str | None:
        """The value of `key`, if it is configured."""
        return self._entries.get(key, default)

    def with_prefix(self, prefix: str) -> Iterator[tuple[str, str]]:
        """Every configured key that begins with `prefix` (without it), in the order of keys, with its value."""
        for key, value in self._entries.items():
            if key.startswith(prefix) and len(key) > len(prefix):
                yield key[len(prefix) :], value


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, (int, float)):
        return "a number"
    return "an array" if isinstance(value, list) else "an object"


def _malformed(key: str | None, message: str) -> Malformed:
    at = Location("configuration", None if key is None else pointer(key))
    return Malformed("config/invalid", message, at)
