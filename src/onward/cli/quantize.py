"""The command that makes models smaller: integers or halves in place of float32, with a guard on the answers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onward import arguments, console
from onward.cli.app import app
from onward.cli.flags import Debug, Json, LogFile, Preprocess, ReportFile, Seed, Verbose
from onward.cli.on_model import Model


@app.command(
    epilog="""[bold]Examples[/]

    onward quantize model.onnx -o small.onnx --data samples.npz

    onward quantize model.onnx -o small.onnx --data samples.npz --labels y --max-drop 0.5%

    onward quantize model.onnx -o small.onnx --data pictures/ --preprocess tf --labels folders --max-drop 1%

    onward quantize model.onnx -o small.onnx --data samples.npz --calibration percentile=99.9 --min-sqnr 30dB

    onward quantize model.onnx -o small.onnx --to int8-dynamic --min-sqnr 35dB

    onward quantize model.onnx -o half.onnx --to float16 --data samples.npz
    """
)
def quantize(
    model: Model,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The file to write, once the limit holds.", show_default=False)
    ],
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="int8|int8-dynamic|int4|float16|bfloat16",
            help="int8 is calibrated on --data; int8-dynamic finds ranges in every run; int4 is for weights alone.",
        ),
    ] = "int8",
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="IN.npz|DIR",
            help="Samples to calibrate and measure on: arrays with samples along the first axis, or pictures.",
            show_default=False,
        ),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            "--labels",
            metavar="NAME|FILE|folders",
            help="The samples' classes: an array of --data, a file with one a line, or the pictures' folders.",
            show_default=False,
        ),
    ] = None,
    max_drop: Annotated[
        str | None,
        typer.Option("--max-drop", metavar="0.5%", help="How far accuracy on --labels may fall.", show_default=False),
    ] = None,
    min_sqnr: Annotated[
        str | None,
        typer.Option(
            "--min-sqnr", metavar="30dB", help="How far answers must stand above what changed.", show_default=False
        ),
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option("--check", metavar="IN.npz|DIR", help="Other samples to measure on.", show_default=False),
    ] = None,
    preprocess: Preprocess = None,
    calibration: Annotated[
        str, typer.Option("--calibration", metavar="minmax|entropy|percentile[=99.9]", help="How ranges are chosen.")
    ] = "minmax",
    keep: Annotated[
        str | None,
        typer.Option(
            "--keep", metavar="NAME,...", help="Nodes, operators or Keras layers to keep in float.", show_default=False
        ),
    ] = None,
    symmetric: Annotated[
        bool, typer.Option("--symmetric", help="int8 activations around zero, as accelerators want them.")
    ] = False,
    reduce_range: Annotated[
        bool | None,
        typer.Option(
            "--reduce-range/--full-range",
            help="Weights of 7 bits; by default where this processor's int8 sums overflow.",
            show_default=False,
        ),
    ] = None,
    tolerance: Annotated[
        float | None,
        typer.Option("--tolerance", help="float16, bfloat16: absolute and relative; by default 1e-2 and 4e-2."),
    ] = None,
    samples: Annotated[int, typer.Option("--samples", help="How many are used at most.")] = 512,
    budget: Annotated[float, typer.Option("--budget", help="Seconds to look for nodes to keep in float.")] = 300.0,
    timed: Annotated[bool, typer.Option("--time/--no-time", help="Compare the speed of both models.")] = True,
    seed: Seed = 0,
    report: ReportFile = None,
    verbose: Verbose = False,
    log_file: LogFile = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Let MODEL compute in integers or halves: smaller, often faster, and no worse than you allow."""
    from onward.tools.quantize import STAGES
    from onward.tools.quantize import quantize as make

    with console.progress(*STAGES) as progress:
        result = make(
            model, output, to=to, data=data, labels=labels, preprocess=preprocess, check=check, max_drop=max_drop,
            min_sqnr=min_sqnr, keep=arguments.names(keep) or (), calibration=calibration, symmetric=symmetric,
            reduce_range=reduce_range, tolerance=tolerance, samples=samples, budget=budget, timed=timed, seed=seed,
            progress=progress,
        )  # fmt: skip
    console.show(result, as_json, report)
