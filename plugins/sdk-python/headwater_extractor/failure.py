"""What is told of an exception that an extractor let out."""

from __future__ import annotations

from types import TracebackType

from . import progress

#: Calls that are told of, innermost first.
CALLS_MAX = 5
#: The longest message that is told.
MESSAGE_CHARS_MAX = 2000


def told(error: BaseException, module: str) -> str:
    """The exception with its type and message, where in the extractor it happened, and what was being read.

    `module` is the extractor's: calls in its package are told of; in others, such as libraries, only if there are none.
    Sources are never opened for it: a component has none.
    """
    message = str(error)
    if len(message) > MESSAGE_CHARS_MAX:
        message = message[:MESSAGE_CHARS_MAX] + "…"
    text = type(error).__name__ + (f": {message}" if message else "")
    calls = _calls(error.__traceback__)
    package = module.partition(".")[0]
    own = [call for call in calls if call[0].partition(".")[0] == package] or calls
    if own:
        shown = [f"{name.replace('.', '/')}.py:{line} ({function})" for name, line, function in own]
        text += ", at " + " < ".join(shown[-CALLS_MAX:][::-1])
    return text + progress.told()


def _calls(traceback: TracebackType | None) -> list[tuple[str, int, str]]:
    calls = []
    while traceback is not None:
        frame = traceback.tb_frame
        name = frame.f_globals.get("__name__", "?")
        if name.partition(".")[0] != __name__.partition(".")[0]:
            calls.append((name, traceback.tb_lineno, frame.f_code.co_name))
        traceback = traceback.tb_next
    return calls
