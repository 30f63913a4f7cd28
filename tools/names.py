"""How many of the names that programs use the stand-ins have: `python -m tools.names FILE`.

The file has tables in Markdown with rows `| programs | name |`, such as `| 60 | tf.image.resize |`. Names of TensorFlow begin with
`tf.`, those of Keras with `keras.` or `tf.keras.`. Run it where TensorFlow is installed to count with TensorFlow behind.
"""

import argparse
import importlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import plait

_ROW = re.compile(r"^\|\s*(\d+)\s*\|\s*`([\w.]+)`")


class Name(NamedTuple):
    """A name and in how many programs it occurs."""

    programs: int
    name: str


def names_in(text: str) -> Iterator[Name]:
    """The names in the tables of a text."""
    for line in text.splitlines():
        found = _ROW.match(line)
        if found:
            yield Name(int(found[1]), found[2])


def found(name: str) -> Any:
    """What a name stands for; None where it isn't there."""
    first, *rest = name.split(".")
    value = importlib.import_module("tensorflow" if first == "tf" else first)
    for part in rest:
        try:
            value = getattr(value, part)
        except AttributeError:
            try:
                value = importlib.import_module(f"{value.__name__}.{part}")
            except (ImportError, AttributeError):
                return None
    return True if value is None else value


def report(names: Iterable[Name], most: int = 30) -> str:
    """What is there, by names and weighted by programs, and what is missing."""
    names = list(names)
    values = {entry: found(entry.name) for entry in names}
    there = {entry: value is not None for entry, value in values.items()}
    lines = []
    for least in (1, 2, 3):
        some = [entry for entry in names if entry.programs >= least]
        here = [entry for entry in some if there[entry]]
        share = sum(e.programs for e in here) / max(sum(e.programs for e in some), 1)
        lines.append(f"in {least} or more programs: {len(here)} of {len(some)} names, {share:.1%} weighted by programs")
    refused = sorted((entry for entry in names if getattr(values[entry], "is_refused", False)), reverse=True)
    told = ", ".join(f"{entry.name} ({entry.programs})" for entry in refused)
    lines.append(f"of these, {len(refused)} say what to use instead: {told}")
    missing = sorted((entry for entry in names if not there[entry]), reverse=True)
    lines += [f"  missing: {entry.name} ({entry.programs})" for entry in missing[:most]]
    return "\n".join(lines)


def main() -> None:
    """Prints the report of a file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--most", type=int, default=30, help="how many missing names to show")
    arguments = parser.parse_args()
    plait.compat.install()
    try:
        print(report(names_in(arguments.file.read_text()), arguments.most))
    finally:
        plait.compat.uninstall()


if __name__ == "__main__":
    main()
