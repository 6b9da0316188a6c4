"""The command line. Nothing heavy is imported before a command runs."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import typer
import typer.core

from onward import arguments, console
from onward.errors import InvalidArgumentError, UnsupportedOpsError, VerificationError
from onward.options import DEFAULT_OPSET, Options
from onward.version import __version__

HELP = {field.name: str(field.metadata["help"]) for field in fields(Options)}


class _Commands(typer.core.TyperGroup):
    """Turns every error into its sentence and its exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (Exception, KeyboardInterrupt) as error:
            outcome = console.outcome(error)
            if outcome is None or ctx.meta.get("debug"):
                raise
            console.show_error(error, *outcome, as_json=ctx.meta.get("as_json", False))
            raise typer.Exit(outcome[0]) from error


app = typer.Typer(
    cls=_Commands,
    help="TensorFlow and Keras models to ONNX, proven to compute the same.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Runs the command line and exits."""
    console.catch_signals()
    app(prog_name="onward")


# --- what the commands share ------------------------------------------------------------------------------------------


def _version(value: bool) -> None:
    if value:
        print(f"onward {__version__}")
        raise typer.Exit


def _remember(context: typer.Context, parameter: typer.CallbackParam, value: bool) -> bool:
    context.find_root().meta[str(parameter.name)] = value
    if parameter.name == "debug" and not value:
        console.mute_native_code()
    return value


_SOURCE_HELP = "A SavedModel directory, a .pb, .pbtxt, .meta, .keras, .h5 or .tflite file, or a model.json."
Source = Annotated[Path, typer.Argument(metavar="SOURCE", help=_SOURCE_HELP, show_default=False)]
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
Unsafe = Annotated[bool, typer.Option("--allow-unsafe", help=HELP["allow_unsafe"])]
Golden = Annotated[
    Path | None,
    typer.Option("--golden", metavar="IO.npz", help="Compare with recorded inputs and outputs.", show_default=False),
]
Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="IN.npz", help="Inputs to use instead of drawn ones.", show_default=False),
]
Seed = Annotated[int, typer.Option("--seed", help="Of the inputs that are drawn.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, errors too.", callback=_remember, is_eager=True)]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks.", callback=_remember, is_eager=True)]


@app.callback(epilog="Exit codes: docs/exit_codes.md. Each command explains itself: onward convert --help")
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Each command explains itself."""


# --- commands ---------------------------------------------------------------------------------------------------------


@app.command(
    epilog="""[bold]Examples[/]

    onward convert saved_model -o model.onnx

    onward convert model.keras -o model.onnx --opset 17

    onward convert saved_model -o model.onnx --signature score --outputs logits

    onward convert saved_model -o model.onnx --input image=batch,224,224,3 --input ids:int32=batch,128

    onward convert saved_model -o model.onnx --inputs-as nchw --rename image=pixels

    onward convert saved_model -o model.onnx --golden io.npz
    """
)
def convert(
    source: Source,
    output: Annotated[Path, typer.Option("-o", "--output", help=HELP["output"], show_default=False)],
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
    custom_op: Annotated[
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
    state: Annotated[str, typer.Option("--state", metavar="stored|carried", help=HELP["state"])] = "stored",
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Convert SOURCE to ONNX, compare the two, and write the file."""
    from onward.pipeline import run

    if golden is not None and verify is False:
        raise InvalidArgumentError("--golden and --no-verify contradict each other")
    options = Options(
        inputs=arguments.specs(inputs),
        outputs=arguments.names(outputs),
        signature=signature,
        opset=opset,
        output=output,
        verify=golden if golden is not None else "auto" if verify is None else verify,
        external_data=external_data,
        allow_unsafe=allow_unsafe,
        name=name,
        tag=tag,
        rename=arguments.pairs(rename, "--rename"),
        inputs_as=arguments.layouts(inputs_as, "--inputs-as"),
        outputs_as=arguments.layouts(outputs_as, "--outputs-as"),
        custom_ops=arguments.custom_ops(custom_op),
        dequantize=dequantize,
        use_default=arguments.chosen(use_default),
        ignore_default=arguments.chosen(ignore_default),
        checkpoint=checkpoint,
        state=state,
    )
    with console.progress("read", "lower", "simplify", "verify", "write") as progress:
        program = run(source, options, progress)
    console.show(program.report, as_json)


@app.command(
    epilog="""[bold]Examples[/]

    onward verify model.onnx saved_model

    onward verify model.onnx saved_model --data inputs.npz --tolerance 1e-5

    onward verify model.onnx --golden io.npz
    """
)
def verify(
    model: Annotated[Path, typer.Argument(metavar="MODEL.onnx", help="The ONNX model.", show_default=False)],
    source: Annotated[Path | None, typer.Argument(metavar="[SOURCE]", help=_SOURCE_HELP, show_default=False)] = None,
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
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Run SOURCE in TensorFlow and write inputs and answers, for --golden where TensorFlow is absent."""
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
    shapes = [
        {kind: {k: list(v.shape) for k, v in arrays.items()} for kind, arrays in example._asdict().items()}
        for example in examples
    ]
    if as_json:
        print(json.dumps({"file": str(file), "examples": shapes}, indent=2))
    else:
        print(f"{file}: {len(examples)} set{'s' * (len(examples) != 1)} of inputs and outputs")


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
    console.show(look(file, options), as_json)


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
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """List the TensorFlow ops that can be converted, or those of a SOURCE that cannot."""
    if missing is None:
        from onward.tools.ops import OpList, refused_ops, supported_ops

        console.show(OpList(supported_ops(), refused_ops()), as_json)
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
    console.show(MissingOps(str(missing), opset, found), as_json)
    if found:
        raise typer.Exit(UnsupportedOpsError.exit_code)
