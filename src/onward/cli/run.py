"""The commands that run an ONNX model: run, bench."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from onward import arguments, console
from onward.cli.app import app
from onward.cli.flags import Debug, Json, ReportFile, Seed
from onward.errors import InvalidArgumentError

Model = Annotated[Path, typer.Argument(metavar="MODEL.onnx", help="The ONNX model.", show_default=False)]
Dims = Annotated[
    list[str] | None,
    typer.Option(
        "--dim",
        metavar="NAME=SIZE",
        help="The size of a dynamic dimension of drawn inputs; repeat it.",
        show_default=False,
    ),
]
Inputs = Annotated[
    list[str] | None,
    typer.Option(
        "-i",
        "--inputs",
        metavar="[NAME=]FILE",
        help="Inputs: an .npz file with arrays by name, or an .npy file or a picture for one input; repeat it. "
        "Without, inputs are drawn.",
        show_default=False,
    ),
]
ProviderOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        metavar="[PROVIDER:]KEY=VALUE",
        help="An option of the provider, as ONNX Runtime names it; repeat it.",
        show_default=False,
    ),
]
Config = Annotated[
    list[str] | None,
    typer.Option(
        "--config", metavar="KEY=VALUE", help="An entry of ONNX Runtime's session configuration.", show_default=False
    ),
]
Parallel = Annotated[int, typer.Option("--parallel", help="How many operators may run at a time.")]
Arena = Annotated[bool, typer.Option("--arena/--no-arena", help="Keep freed memory for the next run.")]
Pattern = Annotated[
    bool, typer.Option("--memory-pattern/--no-memory-pattern", help="Plan a run's memory by earlier runs.")
]


@app.command(
    epilog="""[bold]Examples[/]

    onward run model.onnx

    onward run model.onnx --inputs x.npz -o out.npz

    onward run model.onnx --inputs image=cat.jpg --provider cuda,cpu

    onward run model.onnx --dim batch=8 --threads 2 --profile trace.json
    """
)
def run(
    model: Model,
    inputs: Inputs = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="OUT.npz", help="A file for the outputs.", show_default=False),
    ] = None,
    provider: Annotated[
        str,
        typer.Option(
            "--provider",
            metavar="NAME,...",
            help="Where to run: cpu, cuda, tensorrt, openvino, directml, coreml, migraphx, qnn, webgpu, ...; several "
            "are tried in order; auto takes a GPU if one is usable.",
        ),
    ] = "auto",
    dim: Dims = None,
    pixels: Annotated[
        str, typer.Option("--pixels", metavar="0..255|0..1|-1..1", help="The range of pictures for inputs of floats.")
    ] = "0..255",
    level: Annotated[
        str, typer.Option("--level", metavar="none|basic|extended|all", help="How far to optimise the graph.")
    ] = "all",
    threads: Annotated[
        int | None,
        typer.Option("--threads", help="That share one operator's work; by default one a core.", show_default=False),
    ] = None,
    parallel: Parallel = 1,
    arena: Arena = True,
    memory_pattern: Pattern = True,
    option: ProviderOptions = None,
    config: Config = None,
    cpu_fallback: Annotated[
        bool,
        typer.Option("--cpu-fallback/--no-cpu-fallback", help="Let the CPU take nodes that the provider lacks."),
    ] = True,
    profile: Annotated[
        Path | None,
        typer.Option(
            "--profile", metavar="TRACE.json", help="Write operators' times, and show them.", show_default=False
        ),
    ] = None,
    seed: Seed = 0,
    report: ReportFile = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Run MODEL in ONNX Runtime on given or drawn inputs, and show its outputs in figures."""
    from onward.tools.run import run as execute
    from onward.tools.session import session

    if inputs and dim:
        raise InvalidArgumentError("--dim is for drawn inputs: leave it or --inputs out")
    loaded = session(
        model,
        provider,
        level=level,
        threads=threads,
        parallel=parallel,
        arena=arena,
        memory_pattern=memory_pattern,
        options=_options(option),
        config=arguments.pairs(config, "--config"),
        cpu_fallback=cpu_fallback,
        profile=None if profile is None else profile.with_suffix(""),
    )
    sizes = arguments.sizes(dim, "--dim")
    found = execute(loaded, inputs or (), output, sizes=sizes, pixels=pixels, seed=seed, profile=profile)
    console.show(found, as_json, report)


def _options(texts: list[str] | None) -> dict[str, Any] | None:
    """Options of the provider, or by provider where each names one: ``KEY=VALUE``, ``PROVIDER:KEY=VALUE``."""
    found: dict[str, Any] = {}
    for key, value in (arguments.pairs(texts, "--option") or {}).items():
        provider, colon, name = key.partition(":")
        if colon:
            found.setdefault(provider, {})[name] = value
        else:
            found[key] = value
    return found or None
