"""The command `plait`."""

import math
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from plait._version import __version__
from plait.common.program_cache import Programs, default_folder
from plait.errors import PlaitError
from plait.launch import run as run_on_processes
from plait.saving import load_model
from plait.saving.file_summary import Contents, look_into
from plait.training.curves import comparison, draw_curves, read_run

_MOST_ARRAYS = 60


@click.group()
@click.version_option(__version__, prog_name="plait")
def main() -> None:
    """The Functional API for neural networks, woven on JAX."""


@main.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("-n", "--processes", type=click.IntRange(1), required=True, help="How many processes.")
@click.option(
    "--devices", type=click.IntRange(1), help="Devices of each: CPUs are split into so many, of GPUs it has so many."
)
@click.option("--restarts", type=click.IntRange(0), default=0, help="How often all start again when one has died.")
@click.argument("script", nargs=-1, required=True, type=click.UNPROCESSED)
def launch(processes: int, devices: int | None, restarts: int, script: tuple[str, ...]) -> None:
    """Runs SCRIPT, with its arguments, on several processes of this machine that train one model; or `-m MODULE`.

    Each line that one prints has its number before it. When one dies, all end, and its traceback comes last.
    """
    if script[0] != "-m" and not Path(script[0]).is_file():
        raise click.ClickException(f"There is no script {script[0]!r}.")
    raise SystemExit(run_on_processes(script, processes, devices, restarts))


@main.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--expand", is_flag=True, help="Show the layers of inner models too.")
def summary(file: Path, expand: bool) -> None:
    """Prints what the model in FILE is made of."""
    try:
        load_model(file, compile=False).summary(expand_nested=expand)
    except PlaitError as error:
        raise click.ClickException(str(error)) from error


@main.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("other", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--to", "to_file", type=click.Path(path_type=Path), help="Write the page there, and open no browser.")
def view(file: Path, other: Path | None, to_file: Path | None) -> None:
    """Shows the model in FILE as a page in a browser; with OTHER, both side by side."""
    try:
        models = [load_model(path, compile=False) for path in (file, other) if path is not None]
        page = models[0].view(*models[1:], to_file=to_file)
    except (PlaitError, OSError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(str(page))


@main.command()
@click.argument("file", type=click.Path(exists=True, path_type=Path))
def inspect(file: Path) -> None:
    """Prints what FILE holds, without building the model: who wrote it, layers, weights, what is missing or unsafe."""
    try:
        contents = look_into(file)
    except PlaitError as error:
        raise click.ClickException(str(error)) from error
    _show(file, contents)


def _show(file: Path, contents: Contents) -> None:
    console = Console()
    numbers = sum(math.prod(shape) for shape in contents.arrays.values())
    written = f", written by Keras {contents.version}" if contents.version else ""
    console.print(f"{file}: {contents.kind}{written}", markup=False)
    console.print(
        f"{len(contents.arrays)} arrays of {numbers:,} numbers; {'compiled' if contents.compiled else 'not compiled'}"
    )
    if contents.layers:
        console.print(
            "layers: " + ", ".join(f"{count} {name}" for name, count in sorted(contents.layers.items())), markup=False
        )
    if contents.unknown:
        console.print(
            "classes and functions that must be passed in custom_objects: " + ", ".join(contents.unknown), markup=False
        )
    if contents.unsafe:
        console.print("unsafe, needs code: " + ", ".join(contents.unsafe), markup=False)
    table = Table("array", "shape")
    for name, shape in list(contents.arrays.items())[:_MOST_ARRAYS]:
        table.add_row(name, str(shape))
    console.print(table)


@main.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--to", "to_file", type=click.Path(path_type=Path), help="Draw the curves into this .png, .svg or .pdf.")
def compare(runs: tuple[Path, ...], to_file: Path | None) -> None:
    """Compares RUNS: files of a CSVLogger, or histories as JSON. Prints a table: the last, lowest and highest numbers."""
    try:
        read = [read_run(path) for path in runs]
        names = [run.name for run in read]
        if len(set(names)) < len(names):
            read = [run._replace(name=str(path)) for run, path in zip(read, runs, strict=True)]
        if to_file is not None:
            draw_curves(read, to_file)
    except (PlaitError, ImportError, OSError) as error:
        raise click.ClickException(str(error)) from error
    Console().print(comparison(read))
    if to_file is not None:
        click.echo(str(to_file))


@main.command()
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--overwrite", is_flag=True, help="Replace TARGET if it is there.")
def convert(source: Path, target: Path, overwrite: bool) -> None:
    """Reads the model in SOURCE, of any Keras, and writes it to TARGET: .keras, .h5, .weights.h5 or .safetensors."""
    try:
        model = load_model(source)
        if target.name.endswith((".weights.h5", ".safetensors")):
            model.save_weights(target, overwrite=overwrite)
        else:
            model.save(target, overwrite=overwrite)
    except PlaitError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{source} -> {target}: {model.count_params():,} parameters in {len(model.layers)} layers")


@main.command()
@click.option("--clear", is_flag=True, help="Remove all programs.")
def cache(clear: bool) -> None:
    """Shows how many compiled programs are kept on disk, and where; PLAIT_CACHE=0 keeps none."""
    folder = default_folder()
    if folder is None:
        click.echo("PLAIT_CACHE says that no compiled programs are kept.")
        return
    programs = Programs(folder)
    count, size = programs.clear() if clear else programs.usage()
    click.echo(f"{folder}: {count} compiled programs, {size / 1e6:,.1f} MB{', removed' if clear else ''}")
