"""What the pages say is true: their snippets run, their links lead somewhere, their lists match the code."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

import onward.errors

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *ROOT.glob("examples/*/README.md"), ROOT / "bench/README.md"]
)
FENCE = re.compile(r"(?:<!-- (?P<mark>[^>]*) -->\n)?```(?P<language>\w+)\n(?P<code>.*?)```", re.DOTALL)


class Snippet(NamedTuple):
    """A code block: the page, its number there, and what to run."""

    page: Path
    number: int
    code: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}-{self.number}"


def snippets(language: str) -> list[Snippet]:
    """The pages' blocks in `language`, without those that a comment `<!-- ... -->` right above takes out."""
    return [
        Snippet(page, number, block["code"])
        for page in PAGES
        for number, block in enumerate(FENCE.finditer(page.read_text()), 1)
        if block["language"] == language and not block["mark"]
    ]


def commands() -> list[Snippet]:
    """Shell blocks that are calls of `onward` on files that the repository holds, and nothing else."""
    found = []
    for snippet in snippets("bash"):
        lines = snippet.code.strip().splitlines()
        if all(line.startswith("onward ") and not re.search(r"\b[A-Z]{3,}\b", line) for line in lines):
            found.append(snippet)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder from which the pages' relative paths into the examples lead where they say."""
    (tmp_path / "examples").symlink_to(ROOT / "examples", target_is_directory=True)
    return tmp_path


def run(command: list[str], folder: Path) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "src"),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1",
    }
    result = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert result.returncode == 0, f"{shlex.join(command)}\n{result.stdout}\n{result.stderr}"


@pytest.mark.parametrize("snippet", snippets("python"), ids=str)
def test_python_snippet_runs(snippet: Snippet, folder: Path) -> None:
    run([sys.executable, "-c", snippet.code], folder)


@pytest.mark.parametrize("snippet", commands(), ids=str)
def test_commands_run(snippet: Snippet, folder: Path) -> None:
    for line in snippet.code.strip().splitlines():
        run([sys.executable, "-m", *shlex.split(line, comments=True)], folder)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_exit_codes_are_those_of_the_errors() -> None:
    page = (ROOT / "docs" / "exit_codes.md").read_text()
    stated = {name: int(code) for code, name in re.findall(r"\|\s*(\d+) \| `(\w+)`", page)}
    errors = [thing for thing in vars(onward.errors).values() if isinstance(thing, type)]
    real = {e.__name__: e.exit_code for e in errors if issubclass(e, onward.errors.OnwardError)}
    assert stated == real


def test_ci_finds_its_commands() -> None:
    readme = (ROOT / "README.md").read_text()
    script = (ROOT / ".ci" / "run").read_text()
    assert set(re.findall(r"<!-- ci: (\w+) -->\n```bash\n", readme)) == set(
        re.findall(r"\$\(command_of (\w+)\)", script)
    )
