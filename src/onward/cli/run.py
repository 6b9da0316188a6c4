"""The commands that run an ONNX model: run, bench."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from onward import arguments, console
from onward.cli.app import app
from onward.cli.flags import Data, Debug, Json, Preprocess, ReportFile, Seed, Signature, Tag, Unsafe
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

    onward run model.onnx --inputs image=cat.jpg --preprocess tf --provider cuda,cpu

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
    preprocess: Preprocess = None,
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
    found = execute(loaded, inputs or (), output, sizes=sizes, preprocess=preprocess, seed=seed, profile=profile)
    console.show(found, as_json, report)


@app.command(
    epilog="""[bold]Examples[/]

    onward bench model.onnx

    onward bench model.onnx --source saved_model --batch 1,8,32

    onward bench model.onnx other.onnx --threads 1,2 --level basic,all --seconds 5

    onward bench model.onnx --provider cpu,openvino,openvino-runtime --plot latency.svg
    """
)
def bench(
    models: Annotated[
        list[Path],
        typer.Argument(
            metavar="MODEL.onnx [OTHER.onnx ...]", help="The model, and others to compare.", show_default=False
        ),
    ],
    source: Annotated[
        Path | None,
        typer.Option("--source", help="What it was converted from, to run in TensorFlow too.", show_default=False),
    ] = None,
    batch: Annotated[
        str | None, typer.Option("--batch", metavar="N,...", help="Sizes of the first dimension.", show_default="1")
    ] = None,
    threads: Annotated[
        str | None,
        typer.Option(
            "--threads",
            metavar="N,...",
            help="For one operator; 'default' is the engine's own choice.",
            show_default="default,1",
        ),
    ] = None,
    level: Annotated[str, typer.Option("--level", metavar="LEVEL,...", help="none, basic, extended, all.")] = "all",
    provider: Annotated[
        str,
        typer.Option(
            "--provider",
            metavar="NAME,...",
            help="As for run, each a contender; openvino-runtime is OpenVINO without ONNX Runtime.",
        ),
    ] = "auto",
    clients: Annotated[
        str | None,
        typer.Option(
            "--clients",
            metavar="N,...",
            help="Threads that call at once, for the throughput; 0 leaves it out.",
            show_default="one a processor",
        ),
    ] = None,
    seconds: Annotated[float, typer.Option("--seconds", help="Of timed calls for each contender and batch.")] = 2.0,
    runs: Annotated[int | None, typer.Option("--runs", help="So many timed calls instead.", show_default=False)] = None,
    dim: Dims = None,
    data: Data = None,
    bind: Annotated[bool, typer.Option("--bind", help="Keep inputs and outputs on the provider's device.")] = False,
    signature: Signature = None,
    tag: Tag = None,
    allow_unsafe: Unsafe = False,
    seed: Seed = 0,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE.svg|FILE.png", help="Draw the latencies.", show_default=False),
    ] = None,
    report: ReportFile = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Time MODEL in fresh processes that take turns, and recommend session options."""
    from onward.tools.bench import bench as measure
    from onward.writing import check_writable

    if plot is not None:
        check_writable(plot)
    with console.progress("draw", "measure") as progress:
        found = measure(
            models[0],
            *models[1:],
            source=source,
            batches=arguments.numbers(batch, "--batch"),
            threads=arguments.counts(threads, "--threads"),
            levels=arguments.names(level) or (),
            providers=arguments.names(provider) or (),
            clients=[] if clients == "0" else arguments.numbers(clients, "--clients"),
            seconds=seconds,
            runs=runs,
            data=data,
            dims=arguments.sizes(dim, "--dim"),
            bind=bind,
            signature=signature,
            tag=tag,
            allow_unsafe=allow_unsafe,
            seed=seed,
            progress=progress,
        )
    if plot is not None:
        found.plot(plot)
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
