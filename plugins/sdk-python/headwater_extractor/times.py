"""Times as artifacts write them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_RFC_3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(?:([Zz])|([+-])(\d\d):?(\d\d))?", re.ASCII
)


def parse_rfc3339(text: str) -> tuple[int, bool] | None:
    """Reads an RFC 3339 date and time as epoch milliseconds, and whether it named a zone.

    Tolerant where tools are: a space for the `T`, any number of digits after the second, and no zone at all, which
    means UTC. Digits beyond milliseconds are cut off. None if it is something else, or outside the years 1 to 9999.
    """
    found = _RFC_3339.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(found.group(index)) for index in range(1, 7))
    if second > 60:
        return None
    offset = timedelta()
    if found.group(9):
        hours, minutes = int(found.group(10)), int(found.group(11))
        if hours > 23 or minutes > 59:
            return None
        offset = timedelta(hours=hours, minutes=minutes)
        if found.group(9) == "-":
            offset = -offset
    try:
        instant = datetime(year, month, day, hour, minute, tzinfo=timezone.utc)
    except ValueError:
        return None
    seconds = instant - _EPOCH - offset
    millis = int((found.group(7) or "").ljust(3, "0")[:3])
    return (seconds // timedelta(seconds=1) + second) * 1000 + millis, bool(found.group(8) or found.group(9))


def format_rfc3339(epoch_ms: int) -> str:
    """Writes epoch milliseconds as RFC 3339 in UTC, with milliseconds only if there are any."""
    seconds, millis = divmod(epoch_ms, 1000)
    instant = _EPOCH + timedelta(seconds=seconds)
    fraction = f".{millis:03}" if millis else ""
    return f"{instant.year:04}-{instant:%m-%dT%H:%M:%S}{fraction}Z"
