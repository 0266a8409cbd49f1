"""What ends an extraction. After any of these nothing that was stated is kept."""

from __future__ import annotations

from .facts import Diagnostic, Location, Severity


class ExtractError(Exception):
    """Nothing can be said about the inputs."""


class Unsupported(ExtractError):
    """Not an artifact that this extractor understands; the message names what it expected."""


class Malformed(ExtractError):
    """An artifact is damaged so that nothing of it can be used."""

    def __init__(self, code: str, message: str, at: Location | None = None) -> None:
        super().__init__(message)
        self.diagnostic = Diagnostic(Severity.ERROR, code, message, at)


class Aborted(ExtractError):
    """The host wants no more."""


class EmitError(ExtractError):
    """The host took no more facts; the message names its bound."""


class FactError(ValueError):
    """What was to be stated breaks a rule of the contract; nothing of it was stated.

    Of a part of an artifact, it can be caught and reported: `out.diagnose`. Otherwise it ends the extraction, as any
    other exception does, and is told with the place in the extractor's source.
    """
