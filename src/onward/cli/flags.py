"""What several commands take on the command line."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Annotated

import typer

from onward import console
from onward.options import Options

HELP = {field.name: str(field.metadata["help"]) for field in fields(Options)}


def _remember(context: typer.Context, parameter: typer.CallbackParam, value: bool) -> bool:
    context.find_root().meta[str(parameter.name)] = value
    if parameter.name == "debug" and not value:
        console.mute_native_code()
    return value


def _report(context: typer.Context, path: Path | None) -> Path | None:
    """Refuses a report that could not be written before any work, and keeps its path for errors that come."""
    if path is not None:
        from onward.reporting.file import check

        check(path)
        context.find_root().meta["report"] = path
    return path


def _listen(target: Path | bool | None) -> Path | bool | None:
    """Lets Onward's logger be heard, on standard error or in a file."""
    if target:
        console.log_to(target if isinstance(target, Path) else None)
    return target


SOURCE_HELP = "A SavedModel directory, a .pb, .pbtxt, .meta, .keras, .h5 or .tflite file, or a model.json."
Source = Annotated[Path, typer.Argument(metavar="SOURCE", help=SOURCE_HELP, show_default=False)]
Inputs = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        metavar="NAME[:DTYPE]=DIMS",
        help="An input's dimensions: sizes, names of dynamic ones, or '?'; what is left out comes from the source. "
        "Repeat it for each input.",
        show_default=False,
    ),
]
Outputs = Annotated[str | None, typer.Option("--outputs", metavar="NAME,...", help=HELP["outputs"], show_default=False)]
Signature = Annotated[str | None, typer.Option("--signature", help=HELP["signature"], show_default=False)]
Tag = Annotated[str | None, typer.Option("--tag", help=HELP["tag"], show_default=False)]
Opset = Annotated[int, typer.Option("--opset", help=HELP["opset"])]
Target = Annotated[str | None, typer.Option("--for", metavar="onnxruntime", help=HELP["target"], show_default=False)]
Unsafe = Annotated[bool, typer.Option("--allow-unsafe", help=HELP["allow_unsafe"])]
Golden = Annotated[
    Path | None,
    typer.Option("--golden", metavar="IO.npz", help="Compare with recorded inputs and outputs.", show_default=False),
]
Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="IN.npz", help="Inputs to use instead of drawn ones.", show_default=False),
]
Junit = Annotated[
    Path | None,
    typer.Option("--junit", metavar="RESULTS.xml", help="Also write the outcome for CI systems.", show_default=False),
]
Preprocess = Annotated[
    str | None,
    typer.Option(
        "--preprocess",
        metavar="tf|torch|caffe|unit|...",
        help="What becomes of pixels 0 to 255; also scale=1/255, mean=, std=, bgr, size=224x224, crop.",
        show_default=False,
    ),
]
Seed = Annotated[int, typer.Option("--seed", help="Of the inputs that are drawn.")]
ReportFile = Annotated[
    Path | None,
    typer.Option(
        "--report",
        metavar="FILE.html|FILE.md",
        help="Write a report too: a page of its own, or Markdown.",
        callback=_report,
        is_eager=True,
        show_default=False,
    ),
]
Verbose = Annotated[
    bool,
    typer.Option(
        "--verbose",
        help="Tell every op lowered, fused or dropped, every trial, and timings.",
        callback=_listen,
        is_eager=True,
    ),
]
LogFile = Annotated[
    Path | None,
    typer.Option(
        "--log-file",
        metavar="FILE",
        help="Write to FILE what --verbose tells.",
        callback=_listen,
        is_eager=True,
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, errors too.", callback=_remember, is_eager=True)]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks.", callback=_remember, is_eager=True)]
