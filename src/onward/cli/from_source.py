"""The commands that read a source: convert, record, inspect, ops."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onward import arguments, console
from onward.cli import batch, conversion
from onward.cli.app import app
from onward.cli.batch import Config, FailFast, Jobs, On, Only
from onward.cli.flags import (
    HELP,
    SOURCE_HELP,
    Data,
    Debug,
    Golden,
    Inputs,
    Json,
    Junit,
    LogFile,
    Opset,
    Outputs,
    ReportFile,
    Seed,
    Signature,
    Source,
    Tag,
    Target,
    Unsafe,
    Verbose,
)
from onward.errors import InvalidArgumentError, UnsupportedOpsError
from onward.options import DEFAULT_OPSET, Options


@app.command(
    epilog="""[bold]Examples[/]

    onward convert saved_model -o model.onnx

    onward convert model.keras -o model.onnx --opset 17

    onward convert saved_model -o model.onnx --signature score --outputs logits

    onward convert saved_model -o model.onnx --input image=batch,224,224,3 --input ids:int32=batch,128

    onward convert saved_model -o model.onnx --inputs-as nchw --rename image=pixels

    onward convert saved_model -o model.onnx --for onnxruntime

    onward convert saved_model -o model.onnx --golden io.npz

    onward convert --config onward.toml --jobs 4 --junit results.xml
    """
)
def convert(
    source: Annotated[Path | None, typer.Argument(metavar="SOURCE", help=SOURCE_HELP, show_default=False)] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help=HELP["output"], show_default=False)] = None,
    inputs: Inputs = None,
    outputs: Outputs = None,
    signature: Signature = None,
    opset: Opset = DEFAULT_OPSET,
    verify: Annotated[
        bool | None,
        typer.Option(
            "--verify/--no-verify",
            help="Compare with the source before the file is written; by default where TensorFlow and ONNX Runtime "
            "are installed.",
            show_default=False,
        ),
    ] = None,
    golden: Golden = None,
    external_data: Annotated[
        bool | None,
        typer.Option("--external-data/--single-file", help=HELP["external_data"], show_default=False),
    ] = None,
    allow_unsafe: Unsafe = False,
    name: Annotated[str | None, typer.Option("--name", help=HELP["name"], show_default=False)] = None,
    tag: Tag = None,
    rename: Annotated[
        list[str] | None,
        typer.Option("--rename", metavar="OLD=NEW", help="A new name for an input or output.", show_default=False),
    ] = None,
    inputs_as: Annotated[
        list[str] | None,
        typer.Option("--inputs-as", metavar="[NAME=]nchw", help=HELP["inputs_as"], show_default=False),
    ] = None,
    outputs_as: Annotated[
        list[str] | None,
        typer.Option("--outputs-as", metavar="[NAME=]nchw", help=HELP["outputs_as"], show_default=False),
    ] = None,
    custom_ops: Annotated[
        list[str] | None,
        typer.Option(
            "--custom-op",
            metavar="OP=DOMAIN[:NAME]",
            help="An op to keep as an operator of a custom ONNX domain.",
            show_default=False,
        ),
    ] = None,
    dequantize: Annotated[bool, typer.Option("--dequantize", help=HELP["dequantize"])] = False,
    use_default: Annotated[
        str | None,
        typer.Option("--use-default", metavar="all|NAME,...", help=HELP["use_default"], show_default=False),
    ] = None,
    ignore_default: Annotated[
        str | None,
        typer.Option("--ignore-default", metavar="all|NAME,...", help=HELP["ignore_default"], show_default=False),
    ] = None,
    checkpoint: Annotated[
        Path | None, typer.Option("--checkpoint", metavar="PREFIX", help=HELP["checkpoint"], show_default=False)
    ] = None,
    target: Target = None,
    state: Annotated[str, typer.Option("--state", metavar="stored|carried", help=HELP["state"])] = "stored",
    config: Config = None,
    jobs: Jobs = None,
    on: On = "processes",
    only: Only = None,
    fail_fast: FailFast = False,
    junit: Junit = None,
    report: ReportFile = None,
    verbose: Verbose = False,
    log_file: LogFile = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Convert SOURCE to ONNX, compare the two, and write the file; or the models of a list, several at once."""
    given = dict(locals())
    of_list = {name: given.pop(name) for name in batch.PARAMETERS}
    if config is None:
        batch.check_unused(of_list)
        if source is None or output is None:
            raise InvalidArgumentError("say what to convert: SOURCE -o MODEL.onnx, or --config LIST.toml")
        conversion.convert(given)
    else:
        batch.convert(of_list, given)


@app.command(
    epilog="""[bold]Examples[/]

    onward record saved_model io.npz

    onward record saved_model io.npz --data inputs.npz
    """
)
def record(
    source: Source,
    file: Annotated[Path, typer.Argument(metavar="IO.npz", help="The file to write.", show_default=False)],
    data: Data = None,
    inputs: Inputs = None,
    outputs: Outputs = None,
    signature: Signature = None,
    tag: Tag = None,
    allow_unsafe: Unsafe = False,
    seed: Seed = 0,
    report: ReportFile = None,
    verbose: Verbose = False,
    log_file: LogFile = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Run SOURCE in TensorFlow and write inputs and answers, for --golden where TensorFlow is absent."""
    from onward.tools.record import Recording
    from onward.tools.record import record as write

    with console.progress("read", "run", "write") as progress:
        examples = write(
            source,
            file,
            data=data,
            inputs=arguments.specs(inputs),
            outputs=arguments.names(outputs),
            signature=signature,
            tag=tag,
            allow_unsafe=allow_unsafe,
            seed=seed,
            progress=progress,
        )
    console.show(Recording(file, examples), as_json, report)


@app.command(
    epilog="""[bold]Examples[/]

    onward inspect model.onnx

    onward inspect saved_model

    onward inspect saved_model --signature score --json
    """
)
def inspect(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An ONNX model, or any source.", show_default=False)],
    inputs: Inputs = None,
    outputs: Outputs = None,
    signature: Signature = None,
    opset: Opset = DEFAULT_OPSET,
    tag: Tag = None,
    allow_unsafe: Unsafe = False,
    report: ReportFile = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Say what FILE holds: inputs, outputs, ops, weights; of a source also its signatures and missing ops."""
    from onward.tools.inspect import inspect as look

    options = Options(
        arguments.specs(inputs),
        arguments.names(outputs),
        signature,
        opset,
        verify=False,
        allow_unsafe=allow_unsafe,
        tag=tag,
    )
    console.show(look(file, options), as_json, report)


@app.command(
    epilog="""[bold]Examples[/]

    onward ops

    onward ops --json

    onward ops --missing saved_model --opset 17
    """
)
def ops(
    missing: Annotated[
        Path | None,
        typer.Option("--missing", metavar="SOURCE", help="List instead the ops of SOURCE that cannot be converted."),
    ] = None,
    inputs: Inputs = None,
    outputs: Outputs = None,
    signature: Signature = None,
    opset: Opset = DEFAULT_OPSET,
    tag: Tag = None,
    allow_unsafe: Unsafe = False,
    report: ReportFile = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """List the TensorFlow ops that can be converted, or those of a SOURCE that cannot."""
    if missing is None:
        from onward.tools.ops import OpList, refused_ops, supported_ops

        console.show(OpList(supported_ops(), refused_ops()), as_json, report)
        return
    from onward.sources import open_source
    from onward.tools.inspect import MissingOps, missing_ops

    options = Options(
        arguments.specs(inputs),
        arguments.names(outputs),
        signature,
        opset,
        verify=False,
        allow_unsafe=allow_unsafe,
        tag=tag,
    )
    found = missing_ops(open_source(missing, options), opset)
    console.show(MissingOps(str(missing), opset, found), as_json, report)
    if found:
        raise typer.Exit(UnsupportedOpsError.exit_code)
