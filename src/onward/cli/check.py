"""The command that says where a model runs."""

from __future__ import annotations

from typing import Annotated

import typer

from onward import arguments, console
from onward.cli.app import app
from onward.cli.flags import Debug, Json, ReportFile
from onward.cli.on_model import Model
from onward.errors import UnsupportedTargetError

Target = Annotated[
    str,
    typer.Option(
        "--target",
        metavar="NAME,...",
        help="cpu, cuda, tensorrt-10, tensorrt-11, openvino, directml, coreml, coreml-neuralnetwork, qnn, nnapi, "
        "migraphx, web-wasm, web-webgpu, web-webnn, node; or all.",
    ),
]
Dim = Annotated[
    list[str] | None,
    typer.Option(
        "--dim",
        metavar="NAME=SIZE",
        help="Judge with a dynamic dimension fixed, by its name or INPUT:AXIS. Repeat it for each.",
        show_default=False,
    ),
]


@app.command(
    epilog="""[bold]Examples[/]

    onward check model.onnx

    onward check model.onnx --target tensorrt,web-webgpu

    onward check model.onnx --target qnn --dim batch=1 --no-fallback

    onward check model.onnx --target all --report targets.html
    """
)
def check(
    model: Model,
    target: Target = "cpu",
    dim: Dim = None,
    fallback: Annotated[
        bool,
        typer.Option(
            "--fallback/--no-fallback", help="Whether ONNX Runtime's CPU may run what a target does not take."
        ),
    ] = True,
    report: ReportFile = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Say where MODEL runs, and on the accelerator or on the CPU beside it: node by node, with cures."""
    from onward.tools.check import check as judge

    with console.progress("check") as progress, progress.stage("check"):
        found = judge(model, target, dims=arguments.sizes(dim, "--dim"))
    console.show(found, as_json, report)
    if not (found.runs if fallback else found.complete):
        raise typer.Exit(UnsupportedTargetError.exit_code)
