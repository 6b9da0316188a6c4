"""Memory of this process, in megabytes, where the system tells it: Linux all of it, macOS the peak."""

from __future__ import annotations

import re
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")


def resident() -> float | None:
    """What is in memory now."""
    return _status("VmRSS")


def peak() -> float | None:
    """The most that was in memory since the program began."""
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # bytes there; kilobytes on Linux
    # On Linux that figure would count the starting process too; this one begins with the program.
    return _status("VmHWM")


def _status(name: str) -> float | None:
    if not _STATUS.exists():
        return None
    found = re.search(rf"{name}:\s+(\d+) kB", _STATUS.read_text())
    return int(found[1]) * 1024 / 1e6 if found else None
