"""What packaging made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onward.reporting import Cell, Code, Facts, Notes, Page, Reported, Section, Table
from onward.tools.report import size_text

LISTED = 24  # files shown by name; the result holds all


@dataclass(frozen=True)
class Package(Reported):
    """A package, written.

    Attributes:
        kind: ``web``, ``mobile``, ``triton`` or ``docker``.
        folder: where it lies.
        name: what it calls the model.
        files: bytes of each file, by its path in the folder.
        checked: what the model was compared with or tested on, in words.
        next: the command that brings it to life.
        notes: what else there is to know, a sentence each.
    """

    kind: str
    folder: Path
    name: str
    files: Mapping[str, int]
    checked: str
    next: str
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        total = size_text(sum(self.files.values()))
        shown = list(self.files.items())[:LISTED]
        width = max(len(path) for path, _ in shown)
        lines = [f"{self.folder}: '{self.name}' packaged for {self.kind}, {len(self.files)} files, {total}"]
        lines += [f"  {path:<{width}}  {size_text(size):>9}" for path, size in shown]
        if len(self.files) > LISTED:
            lines.append(f"  and {len(self.files) - LISTED} more")
        lines += [f"  note     {note}" for note in self.notes]
        return "\n".join([*lines, f"  checked  {self.checked}", f"  next     {self.next}"])

    def page(self) -> Page:
        """What the folder holds, and what it was tested on."""
        sections = [
            Section("Next", [Code(self.next, "bash")]),
            Section("Files", [Table(("file", "size"), [(path, size_text(size)) for path, size in self.files.items()])]),
        ]
        if self.notes:
            sections.insert(0, Section("Notes", [Notes(self.notes)]))
        facts: dict[str, Cell] = {"files": len(self.files), "size": size_text(sum(self.files.values()))}
        about = Section("Package", [Facts({"folder": str(self.folder), "model": self.name, "checked": self.checked})])
        return Page(f"'{self.name}', packaged for {self.kind}", self.checked, "ok", facts, [about, *sections])

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {**vars(self), "folder": str(self.folder), "files": dict(self.files), "notes": list(self.notes)}
