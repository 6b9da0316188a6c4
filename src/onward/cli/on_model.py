"""The commands that take an ONNX model: verify, optimize."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onward import arguments, console
from onward.cli.app import app
from onward.cli.flags import (
    SOURCE_HELP,
    Data,
    Debug,
    Golden,
    Inputs,
    Json,
    Junit,
    LogFile,
    Outputs,
    ReportFile,
    Seed,
    Signature,
    Tag,
    Target,
    Unsafe,
    Verbose,
)
from onward.errors import InvalidArgumentError, VerificationError

Model = Annotated[Path, typer.Argument(metavar="MODEL.onnx", help="The ONNX model.", show_default=False)]
Written = Annotated[
    Path, typer.Option("-o", "--output", help="The file to write, once the answers are the same.", show_default=False)
]
Tolerance = Annotated[
    float | None,
    typer.Option("--tolerance", help="Absolute and relative; by default by dtype, 1e-4 for float32."),
]


@app.command(
    epilog="""[bold]Examples[/]

    onward verify model.onnx saved_model

    onward verify model.onnx saved_model --data inputs.npz --tolerance 1e-5

    onward verify model.onnx --golden io.npz

    onward verify model.onnx --golden io.npz --junit results.xml
    """
)
def verify(
    model: Model,
    source: Annotated[Path | None, typer.Argument(metavar="[SOURCE]", help=SOURCE_HELP, show_default=False)] = None,
    golden: Golden = None,
    data: Data = None,
    inputs: Inputs = None,
    outputs: Outputs = None,
    signature: Signature = None,
    tag: Tag = None,
    allow_unsafe: Unsafe = False,
    seed: Seed = 0,
    tolerance: Tolerance = None,
    junit: Junit = None,
    report: ReportFile = None,
    verbose: Verbose = False,
    log_file: LogFile = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Compare MODEL with its SOURCE, or with recorded answers, at two sizes of every dynamic dimension."""
    from onward.tools.junit import recording
    from onward.tools.verify import verify as compare

    if source is not None and golden is not None:
        raise InvalidArgumentError("compare with a source or with --golden, not both")
    with recording(junit, model.name) as record, console.progress("verify") as progress, progress.stage("verify"):
        found = compare(
            model,
            source,
            golden=golden,
            data=data,
            inputs=arguments.specs(inputs),
            outputs=arguments.names(outputs),
            signature=signature,
            tag=tag,
            allow_unsafe=allow_unsafe,
            seed=seed,
            tolerance=tolerance,
            progress=progress,
        )
        record.append(found)
    console.show(found, as_json, report)
    if not found.passed:
        raise typer.Exit(VerificationError.exit_code)


@app.command(
    epilog="""[bold]Examples[/]

    onward optimize model.onnx -o lean.onnx

    onward optimize model.onnx -o lean.onnx --data inputs.npz

    onward optimize model.onnx -o lean.onnx --for onnxruntime
    """
)
def optimize(
    model: Model,
    output: Written,
    verify: Annotated[
        bool, typer.Option("--verify/--no-verify", help="Compare with MODEL before the file is written.")
    ] = True,
    target: Target = None,
    data: Data = None,
    seed: Seed = 0,
    tolerance: Tolerance = None,
    report: ReportFile = None,
    verbose: Verbose = False,
    log_file: LogFile = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Fold, fuse and tidy any ONNX model, and compare the result with it."""
    from onward.tools.optimize import optimize as improve

    with console.progress("read", "optimise", "verify", "write") as progress:
        result = improve(
            model,
            output,
            verify=verify,
            target=target,
            data=data,
            seed=seed,
            tolerance=tolerance,
            progress=progress,
        )
    console.show(result, as_json, report)
