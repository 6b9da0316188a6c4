"""Images: resizing."""

from __future__ import annotations
