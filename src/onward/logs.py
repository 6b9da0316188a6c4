"""Onward's logger, ``logging.getLogger("onward")``: stages and passes at INFO, every op and rewrite at DEBUG.

Whoever wants logs has imported ``logging``; where nobody has, nobody listens and nothing is imported.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from logging import Logger

DEBUG, INFO = 10, 20  # logging.DEBUG, logging.INFO


def listened(level: int = INFO) -> Logger | None:
    """The logger where somebody hears messages of this level, else None."""
    logging = sys.modules.get("logging")
    if logging is None:
        return None
    logger: Logger = logging.getLogger("onward")
    return logger if logger.isEnabledFor(level) else None
