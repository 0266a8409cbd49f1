"""`headwater-catalog.json`: which fields datasets have, as the graph knew them at an offset."""

from __future__ import annotations

from typing import Any, NamedTuple

from .artifact import Artifact
from .errors import Malformed
from .facts import InputPattern


class CatalogDataset(NamedTuple):
    """A dataset of which all fields are known, in their order."""

    namespace: str
    name: str
    fields: list[str]


class FieldCatalog:
    """Fields of datasets that an extractor's own files may not tell, such as what `select *` stands for.

    An extractor that lists `FieldCatalog.input()` among its inputs is given the file, where there is one. The same
    inputs with the same catalog must give the same facts.
    """

    #: What the file is called, in whatever folder.
    FILE_NAME = "headwater-catalog.json"
    #: The version of the format.
    VERSION = 1

    def __init__(self, datasets: list[CatalogDataset]) -> None:
        self.datasets = datasets

    @classmethod
    def input(cls) -> InputPattern:
        """What an extractor says of its inputs to be given the file."""
        return InputPattern(f"**/{cls.FILE_NAME}", "application/json")

    @classmethod
    def is_catalog(cls, artifact: Artifact) -> bool:
        """Whether an artifact is such a file, by its name."""
        return artifact.name.rsplit("/", 1)[-1] == cls.FILE_NAME

    @classmethod
    def read(cls, artifact: Artifact, code: str) -> FieldCatalog:
        """Reads the file; keys that are not known are left alone, as later versions may have more.

        Raises Malformed with the diagnostic `code`, which names the place in the file and the rule.
        """

        def expect(value: Any, kind: type, rule: str, *path: str | int) -> Any:
            if type(value) is not kind:
                at = artifact.place(*path)
                raise Malformed(code, f"{at.pointer or 'the file'}: expected {rule}", at)
            return value

        file = expect(artifact.json(), dict, "an object")
        version = expect(file.get("version"), int, "a number", "version")
        if version != cls.VERSION:
            at = artifact.place("version")
            raise Malformed(code, f"/version: expected {cls.VERSION}, found {version}", at)
        datasets = []
        for index, entry in enumerate(expect(file.get("datasets"), list, "an array", "datasets")):
            path = ("datasets", index)
            expect(entry, dict, "an object", *path)
            namespace = expect(entry.get("namespace"), str, "a string", *path, "namespace")
            name = expect(entry.get("name"), str, "a string", *path, "name")
            fields = expect(entry.get("fields"), list, "an array", *path, "fields")
            for position, field in enumerate(fields):
                expect(field, str, "a string", *path, "fields", position)
            datasets.append(CatalogDataset(namespace, name, fields))
        return cls(datasets)
