"""The command that says where a model runs, and cures it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onward import arguments, console
from onward.cli.app import app
from onward.cli.flags import Data, Debug, Json, ReportFile, Seed
from onward.cli.on_model import Model, Tolerance
from onward.errors import InvalidArgumentError, UnsupportedTargetError

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
        help="Fix a dynamic dimension, by its name or INPUT:AXIS. Repeat it for each.",
        show_default=False,
    ),
]


@app.command(
    epilog="""[bold]Examples[/]

    onward check model.onnx

    onward check model.onnx --target tensorrt,web-webgpu

    onward check model.onnx --target qnn --dim batch=1 --no-fallback

    onward check model.onnx --target all --report targets.html

    onward check model.onnx --target coreml --fix -o fixed.onnx --dim batch=1
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
    fix: Annotated[
        bool, typer.Option("--fix", help="Apply the cures that keep the numbers; compare with MODEL.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The file to write, with --fix.", show_default=False)
    ] = None,
    float32: Annotated[bool, typer.Option("--float32", help="With --fix: compute in float32 what is float64.")] = False,
    verify: Annotated[
        bool, typer.Option("--verify/--no-verify", help="With --fix: compare with MODEL before the file is written.")
    ] = True,
    data: Data = None,
    seed: Seed = 0,
    tolerance: Tolerance = None,
    report: ReportFile = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Say where MODEL runs, and on the accelerator or on the CPU beside it: node by node, with cures."""
    dims = arguments.sizes(dim, "--dim")
    if (output is not None) is not fix:
        raise InvalidArgumentError(
            "--fix writes a file, and nothing else does: give both --fix and --output, or neither"
        )
    if fix:
        from onward.tools.check.fix import fix as cure

        with console.progress("check", "fix", "verify", "write") as progress:
            result = cure(
                model,
                target,
                output,
                dims=dims,
                float32=float32,
                verify=verify,
                data=data,
                seed=seed,
                tolerance=tolerance,
                progress=progress,
            )
        console.show(result, as_json, report)
        if not (fallback or result.after.complete):
            raise typer.Exit(UnsupportedTargetError.exit_code)
        return
    from onward.tools.check import check as judge

    with console.progress("check") as progress, progress.stage("check"):
        found = judge(model, target, dims=dims)
    console.show(found, as_json, report)
    if not (found.runs if fallback else found.complete):
        raise typer.Exit(UnsupportedTargetError.exit_code)
