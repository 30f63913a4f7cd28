"""The command `plait`."""

from pathlib import Path

import click

from plait._errors import PlaitError
from plait._version import __version__
from plait.saving import load_model


@click.group()
@click.version_option(__version__, prog_name="plait")
def main() -> None:
    """The Functional API for neural networks, woven on JAX."""


@main.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--expand", is_flag=True, help="Show the layers of inner models too.")
def summary(file: Path, expand: bool) -> None:
    """Prints what the model in a .keras FILE is made of."""
    try:
        load_model(file, compile=False).summary(expand_nested=expand)
    except PlaitError as error:
        raise click.ClickException(str(error)) from error
