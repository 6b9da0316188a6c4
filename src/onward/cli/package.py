"""The command that puts a model into a folder with all that it takes to run somewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onward import console
from onward.cli.app import app
from onward.cli.flags import Data, Debug, Golden, Json, ReportFile, Seed
from onward.cli.on_model import Model, Tolerance


@app.command(
    epilog="""[bold]Examples[/]

    onward package model.onnx --for web -o page --golden io.npz --labels labels.txt --pixels=-1..1

    onward package model.onnx --for mobile -o app

    onward package model.onnx --for triton -o triton --max-batch 64 --accelerator tensorrt

    onward package better.onnx --for triton -o triton --name model --version 2

    onward package model.onnx --for docker -o service --port 8080
    """
)
def package(
    model: Model,
    kind: Annotated[
        str, typer.Option("--for", metavar="web|mobile|triton|docker", help="Where it is to run.", show_default=False)
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The folder to write, whole or not at all.", show_default=False)
    ],
    name: Annotated[
        str | None,
        typer.Option(
            "--name", help="What the package calls the model; by default the file's name.", show_default=False
        ),
    ] = None,
    golden: Golden = None,
    data: Data = None,
    seed: Seed = 0,
    tolerance: Tolerance = None,
    runtime: Annotated[
        Path | None,
        typer.Option(
            "--runtime",
            metavar="DIR",
            help="web: the npm package onnxruntime-web, unpacked; by default npm is asked for it, once.",
            show_default=False,
        ),
    ] = None,
    backends: Annotated[
        str | None,
        typer.Option("--backends", metavar="all|wasm", help="web: wasm alone is 27 MB less.", show_default=False),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option("--labels", metavar="FILE", help="web: the names of classes, one a line.", show_default=False),
    ] = None,
    pixels: Annotated[
        str | None,
        typer.Option(
            "--pixels", metavar="LOW..HIGH|imagenet|caffe", help="web: what pixels become.", show_default=False
        ),
    ] = None,
    title: Annotated[str | None, typer.Option("--title", help="web: of the page.", show_default=False)] = None,
    version: Annotated[
        int | None,
        typer.Option("--version", help="triton: of the model; stands beside those that are there.", show_default=False),
    ] = None,
    max_batch: Annotated[
        int | None,
        typer.Option("--max-batch", help="triton: the largest batch, 0 for none.", show_default=False),
    ] = None,
    delay: Annotated[
        int | None,
        typer.Option(
            "--delay", metavar="US", help="triton: how long requests wait for others, microseconds.", show_default=False
        ),
    ] = None,
    instances: Annotated[
        int | None, typer.Option("--instances", help="triton: copies of the model per device.", show_default=False)
    ] = None,
    device: Annotated[
        str | None, typer.Option("--device", metavar="auto|cpu|gpu", help="triton: where it runs.", show_default=False)
    ] = None,
    accelerator: Annotated[
        str | None,
        typer.Option("--accelerator", metavar="tensorrt|openvino", help="triton: what runs it.", show_default=False),
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option("--storage", metavar="URI", help="triton: where KServe finds the models.", show_default=False),
    ] = None,
    image: Annotated[
        str | None,
        typer.Option(
            "--image", metavar="NAME", help="triton: the server's image, as your machines pull it.", show_default=False
        ),
    ] = None,
    platform: Annotated[
        str | None,
        typer.Option("--platform", metavar="arm|amd64", help="mobile: of the devices.", show_default=False),
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", help="docker: that the server listens on.", show_default=False)
    ] = None,
    report: ReportFile = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Put MODEL into a folder with all that it takes to run in browsers, in apps, on Triton or in a container."""
    from onward.tools.package import package as put

    with console.progress("read", "run", "write") as progress:
        result = put(
            model, output, kind, name=name, golden=golden, data=data, seed=seed, tolerance=tolerance,
            progress=progress, runtime=runtime, backends=backends, labels=labels, pixels=pixels, title=title,
            version=version, max_batch=max_batch, delay=delay, instances=instances, device=device,
            accelerator=accelerator, storage=storage, image=image, platform=platform, port=port,
        )  # fmt: skip
    console.show(result, as_json, report)
