"""The glue inside of a component: imported there alone, where `componentize-py` has generated `wit_world`."""

from __future__ import annotations

import builtins
import gc
import os
import sys
import time
from typing import Any

# What Python imports late, when it is first needed: in a component nothing can be imported any more.
import _strptime  # noqa: F401
import encodings.ascii  # noqa: F401
import encodings.cp1252  # noqa: F401
import encodings.idna  # noqa: F401
import encodings.latin_1  # noqa: F401
import encodings.utf_16  # noqa: F401
import encodings.utf_16_be  # noqa: F401
import encodings.utf_16_le  # noqa: F401
import encodings.utf_8_sig  # noqa: F401

from componentize_py_types import Err
from wit_world.imports import host, types

from . import failure, rules
from .artifact import Artifact
from .emitter import Emitter
from .errors import Aborted, EmitError, ExtractError, FactError, Malformed, Unsupported
from .extractor import Extractor, run
from .facts import Diagnostic, Severity


def plugin(extractor: type[Extractor]) -> type:
    """The class that `componentize-py` calls."""
    module = extractor.__module__

    class Plugin:
        def describe(self) -> Any:
            _shut()
            try:
                return rules.check_description(extractor().describe())
            except BaseException as error:
                # The contract has no error here; what was logged last is told with the trap.
                host.log(Severity.ERROR, failure.told(error, module))
                raise

        def extract(self, config: str, inputs: list[Any], output: Any) -> Any:
            _shut()
            try:
                artifacts = [Artifact(_Told(artifact)) for artifact in inputs]
                return run(extractor, config, artifacts, Emitter(_HostSink(output)))
            except BaseException as error:
                raise Err(_refusal(error, module)) from None

    return Plugin


def _refusal(error: BaseException, module: str) -> Any:
    if isinstance(error, Malformed):
        try:
            return types.ExtractError_Malformed(rules.check_diagnostic(error.diagnostic))
        except FactError as wrong:
            return types.ExtractError_Internal(f"{wrong}, in {failure.told(error, module)}")
    if isinstance(error, Unsupported):
        return types.ExtractError_Unsupported(str(error))
    if isinstance(error, Aborted):
        return types.ExtractError_Aborted()
    if isinstance(error, ExtractError):
        return types.ExtractError_Internal(str(error))
    return types.ExtractError_Internal(failure.told(error, module))


class _Told:
    """An artifact of the host; what is read is logged first, as what was logged last is told with a trap."""

    def __init__(self, artifact: Any) -> None:
        self._artifact = artifact
        self._is_told = False
        self.name = artifact.name
        self.media_type = artifact.media_type
        self.size = artifact.size
        self.digest = artifact.digest

    def read(self, offset: int, len: int) -> bytes:
        if not self._is_told:
            self._is_told = True
            host.log(Severity.INFO, f"reading {self.name()}")
        data: bytes = self._artifact.read(offset, len)
        return data


class _HostSink:
    dataset_entity = types.Entity_Dataset
    job_entity = types.Entity_Job

    def __init__(self, sink: Any) -> None:
        self._sink = sink

    def emit(self, facts: Any) -> None:
        try:
            self._sink.emit(facts)
        except Err as error:
            raise _emit_error(error.value) from None

    def diagnose(self, found: list[Diagnostic]) -> None:
        try:
            self._sink.diagnose(found)
        except Err as error:
            raise _emit_error(error.value) from None


def _emit_error(error: Any) -> ExtractError:
    if isinstance(error, host.SinkError_Quota):
        return EmitError(f"quota: {error.value}")
    if isinstance(error, host.SinkError_Cancelled):
        return Aborted("cancelled by the host")
    return EmitError(f"invalid facts: {error.value}")


class _Log:
    """What is printed goes to the log, a line at a time: there is no standard output."""

    encoding = "utf-8"
    errors = "strict"

    def __init__(self, severity: Severity) -> None:
        self._severity = severity
        self._rest = ""

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            host.log(self._severity, line)
        if len(self._rest) > 4096:
            host.log(self._severity, self._rest)
            self._rest = ""
        return len(text)

    def flush(self) -> None:
        if self._rest:
            host.log(self._severity, self._rest)
            self._rest = ""

    def isatty(self) -> bool:
        return False


class _NothingMore:
    """The last one that is asked for a module."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> None:
        message = f"{name} is not in the component: import it where its module begins, so that it is there when it is built"
        raise ModuleNotFoundError(message, name=name)


#: What an extractor can't do, by the audit event that Python raises before it does it.
_AUDITED = {
    "open": "no files",
    "os.listdir": "no files",
    "os.scandir": "no files",
    "os.system": "no processes",
    "subprocess.Popen": "no processes",
    "socket.__new__": "no network",
}
#: What it can't do, by the function, where there is no such event.
_REPLACED: dict[Any, dict[str, str]] = {
    time: dict.fromkeys(
        ["time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "localtime", "sleep"],
        "no clock",
    ),
    os: {
        **dict.fromkeys(["stat", "lstat", "access", "readlink", "getcwd", "mkdir", "remove", "rename"], "no files"),
        "urandom": "no randomness",
    },
    builtins: {"input": "no standard input"},
}
_is_shut = False


def _shut() -> None:
    """Makes an exception with a reason of what would trap without one; the sandbox itself is the host's."""
    global _is_shut
    if _is_shut:
        return
    _is_shut = True
    # A call's memory is bounded, and given back as a whole: looking for cycles in a large artifact costs more than it frees.
    gc.set_threshold(1_000_000)
    sys.stdout = _Log(Severity.INFO)
    sys.stderr = _Log(Severity.WARNING)
    inner = ("BuiltinImporter", "FrozenImporter")
    kept = [finder for finder in sys.meta_path if getattr(finder, "__name__", "") in inner]
    sys.meta_path[:] = [*kept, _NothingMore]
    for module, reasons in _REPLACED.items():
        for name, reason in reasons.items():
            if hasattr(module, name):
                setattr(module, name, _closed(name, reason))
    sys.addaudithook(_audit)


def _closed(name: str, reason: str) -> Any:
    def closed(*_: Any, **__: Any) -> Any:
        raise PermissionError(f"{name}: an extractor has {reason}; it reads its inputs alone")

    return closed


def _audit(event: str, arguments: Any) -> None:
    reason = _AUDITED.get(event)
    if reason is not None:
        _closed(event, reason)()
