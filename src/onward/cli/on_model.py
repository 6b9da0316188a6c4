"""The commands that take an ONNX model: verify, optimize, halve."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onward import arguments, console
from onward.cli.app import app
from onward.cli.flags import SOURCE_HELP, Data, Debug, Golden, Inputs, Json, Outputs, Seed, Signature, Tag, Unsafe
from onward.errors import InvalidArgumentError, VerificationError


@app.command(
    epilog="""[bold]Examples[/]

    onward verify model.onnx saved_model

    onward verify model.onnx saved_model --data inputs.npz --tolerance 1e-5

    onward verify model.onnx --golden io.npz
    """
)
def verify(
    model: Annotated[Path, typer.Argument(metavar="MODEL.onnx", help="The ONNX model.", show_default=False)],
    source: Annotated[Path | None, typer.Argument(metavar="[SOURCE]", help=SOURCE_HELP, show_default=False)] = None,
    golden: Golden = None,
    data: Data = None,
    inputs: Inputs = None,
    outputs: Outputs = None,
    signature: Signature = None,
    tag: Tag = None,
    allow_unsafe: Unsafe = False,
    seed: Seed = 0,
    tolerance: Annotated[
        float | None,
        typer.Option("--tolerance", help="Absolute and relative; by default by dtype, 1e-4 for float32."),
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Compare MODEL with its SOURCE, or with recorded answers, at two sizes of every dynamic dimension."""
    from onward.tools.verify import verify as compare

    if source is not None and golden is not None:
        raise InvalidArgumentError("compare with a source or with --golden, not both")
    with console.progress("verify") as progress, progress.stage("verify"):
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
    console.show(found, as_json)
    if not found.passed:
        raise typer.Exit(VerificationError.exit_code)
