"""Write a Headwater extractor in Python: derive from Extractor, say export, build with `headwater plugin build`.

An extractor reads artifacts that other tools write and states facts about datasets and jobs. It can touch nothing but
its inputs and the Emitter: no files, no network, no clock. The same class runs natively in `headwater_extractor.golden`,
so an extractor is tested with unittest or pytest and debugged with a debugger.

    from headwater_extractor import Coverage, Description, Extraction, Extractor, InputPattern, export

    class Lines(Extractor):
        def describe(self):
            return Description("lines", "0.1.0", "Every line names a dataset", [InputPattern("**/*.txt")])

        def extract(self, config, inputs, out):
            for artifact in inputs:
                for number, line in artifact.lines():
                    out.dataset("file", line, "FILE", evidence=artifact.place(line=number))
            return Extraction(Coverage.DATASETS)

    Plugin = export(Lines)
"""

from .artifact import Artifact
from .catalog import CatalogDataset, FieldCatalog
from .config import Config, ConfigKey
from .emitter import Emitter
from .errors import Aborted, EmitError, ExtractError, FactError, Malformed, Unsupported
from .extractor import Extractor, export
from .facts import (
    Coverage,
    DatasetNode,
    Description,
    Diagnostic,
    Extraction,
    Field,
    InputPattern,
    JobNode,
    Location,
    RunState,
    Severity,
    Side,
    Transformation,
    pointer,
)

__all__ = [
    "Aborted",
    "Artifact",
    "CatalogDataset",
    "Config",
    "ConfigKey",
    "Coverage",
    "DatasetNode",
    "Description",
    "Diagnostic",
    "EmitError",
    "Emitter",
    "ExtractError",
    "Extraction",
    "Extractor",
    "FactError",
    "Field",
    "FieldCatalog",
    "InputPattern",
    "JobNode",
    "Location",
    "Malformed",
    "RunState",
    "Severity",
    "Side",
    "Transformation",
    "Unsupported",
    "export",
    "pointer",
]
