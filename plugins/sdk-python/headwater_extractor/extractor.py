"""From the class to the component."""

from __future__ import annotations

from importlib.util import find_spec

from . import progress, rules
from .artifact import Artifact
from .emitter import Emitter
from .facts import Description, Extraction

# What `componentize-py` generates of the contract is there only while a component is built, and in it.
_IS_COMPONENT = find_spec("wit_world") is not None


class Extractor:
    """Reads artifacts and states facts. A new one is made for each call, without arguments."""

    def describe(self) -> Description:
        """What this extractor is called, which files it reads, how it is configured."""
        raise NotImplementedError(f"{type(self).__name__} has no describe")

    def extract(self, config: str, inputs: list[Artifact], out: Emitter) -> Extraction:
        """States what `inputs` say. `config` is JSON that satisfies the schema in the description.

        What is damaged but does not make the rest worthless is a diagnostic, not an error: after an exception nothing
        that was stated is kept. Raise Unsupported or Malformed when nothing can be said about the inputs; whatever
        else is raised is told as a fault of the extractor, with its place.
        """
        raise NotImplementedError(f"{type(self).__name__} has no extract")


def export(extractor: type[Extractor]) -> type:
    """The contract's `plugin` of an extractor: `Plugin = export(Billing)`, once, in the module that is built."""
    if not (isinstance(extractor, type) and issubclass(extractor, Extractor)):
        raise TypeError(f"export takes a class that derives from Extractor, not {extractor!r}")
    if _IS_COMPONENT:
        from .component import plugin

        return plugin(extractor)

    class Plugin:
        """Takes no calls: outside of a component there is nobody to make them. `golden.run` runs the extractor."""

    return Plugin


def run(extractor: type[Extractor], config: str, inputs: list[Artifact], out: Emitter) -> Extraction:
    """One call of an extractor; all that it stated has reached the sink.

    Raises what the extractor raised, or FactError if it returned something else than an Extraction.
    """
    progress.begin()
    extraction = rules.check_extraction(extractor().extract(config, inputs, out))
    out.finish()
    return extraction
