"""Curves: the numbers of runs over their epochs, drawn and compared.

    History.plot -> draw_curves (one panel a loss or metric, by matplotlib)
    plait compare -> read_run (a CSVLogger's file, or a history as JSON) -> draw_curves, comparison

What it is not: a record. `History` and `CSVLogger` keep the numbers.
"""

import csv
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.table import Table

from plait.errors import ArgumentError, DataError

_LARGEST = 64 * 2**20  # bytes of a file of numbers
_COLOURS = ("#2563c9", "#d9730d", "#2f8f4e", "#b3379b", "#7a5bd6", "#8a6d1f")


class Curves(NamedTuple):
    """The numbers of a run.

    Attributes:
        name: what it is called in pictures and tables.
        epochs: their numbers, from 0.
        history: a list by name; a validation that was made less often has a shorter one, or `nan` where there was none.
    """

    name: str
    epochs: Sequence[int]
    history: Mapping[str, Sequence[float]]


def draw_curves(
    runs: Sequence[Curves], to_file: Any = None, names: Sequence[str] | str | None = None, dpi: float = 150.0
) -> Any:
    """Draws a panel for each loss and metric: training as a line, validation as dashes, each run in a colour.

    Args:
        runs: one or more.
        to_file: a .png, .svg or .pdf file to write.
        names: which losses and metrics, or the one, without "val_"; None: all.
        dpi: dots per inch of a .png.

    Returns:
        matplotlib's Figure; a notebook shows it.

    Raises:
        ArgumentError: a name that no run has, or nothing to draw.
        ImportError: matplotlib isn't installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("Curves are drawn by matplotlib: pip install plait[plot].") from error
    titles = _titles(runs, [names] if isinstance(names, str) else names)
    columns = min(len(titles), 3)
    rows = math.ceil(len(titles) / columns)
    figure = Figure(figsize=(4.6 * columns, 3.2 * rows), layout="constrained", facecolor="white")
    panels = np.ravel(np.asarray(figure.subplots(rows, columns, squeeze=False)))
    for title, panel in zip(titles, panels[: len(titles)], strict=True):
        _draw_panel(panel, title, runs)
    for panel in panels[len(titles) :]:
        panel.set_visible(False)
    if to_file is not None:
        figure.savefig(to_file, dpi=dpi)
    return figure


def _titles(runs: Sequence[Curves], names: Sequence[str] | None) -> list[str]:
    found = list(dict.fromkeys(name.removeprefix("val_") for run in runs for name in run.history))
    unknown = [name for name in names or () if name not in found]
    if unknown or not found:
        raise ArgumentError(
            f"curves: there are no numbers of {unknown or 'any epoch'}. There are {found}; train with `fit` first."
        )
    return list(names) if names is not None else found


def _draw_panel(panel: Any, title: str, runs: Sequence[Curves]) -> None:
    for index, run in enumerate(runs):
        for prefix, style, kind in (("", "-", "training"), ("val_", "--", "validation")):
            values = run.history.get(prefix + title)
            if values is None or any(np.ndim(value) for value in values):
                continue
            epochs = _epochs_of(values, run.epochs)
            label = kind if len(runs) == 1 else f"{run.name}, {kind}"
            marker = "o" if len(epochs) < 20 else None
            colour = _COLOURS[index % len(_COLOURS)]
            panel.plot(epochs, values, style, color=colour, label=label, marker=marker, markersize=3)
    panel.set_title(title)
    panel.set_xlabel("epoch")
    panel.xaxis.get_major_locator().set_params(integer=True)
    panel.grid(alpha=0.3)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)
    if panel.lines:
        panel.legend(frameon=False, fontsize=8)


def _epochs_of(values: Sequence[float], epochs: Sequence[int]) -> list[int]:
    """The epochs, counted from 1, at whose end some numbers came: all, or evenly some of them."""
    if not epochs:
        epochs = range(len(values))
    return [epochs[max((index + 1) * len(epochs) // max(len(values), 1) - 1, 0)] + 1 for index in range(len(values))]


def read_run(file: Any) -> Curves:
    """The numbers that a CSVLogger wrote, or a history as JSON: `json.dumps(history.history)`.

    Raises:
        DataError: neither of the two.
    """
    path = Path(file)
    if path.stat().st_size > _LARGEST:
        raise DataError(f"{path}: a file of a run's numbers has at most {_LARGEST} bytes. Is it one?")
    try:
        text = path.read_text(encoding="utf-8")
        run = _from_json(path.stem, text) if text.lstrip().startswith("{") else _from_csv(path.stem, text)
    except (ValueError, TypeError, KeyError, AttributeError, csv.Error) as error:
        raise DataError(f"{path}: is neither a CSVLogger's file nor a history as JSON: {error}") from error
    if not run.history:
        raise DataError(f"{path}: holds no numbers by epoch. Give a CSVLogger's file or a history as JSON.")
    return run


def _from_json(name: str, text: str) -> Curves:
    held = json.loads(text)
    history = held["history"] if isinstance(held.get("history"), dict) else held
    history = {
        str(key): [float(value) for value in values] for key, values in history.items() if isinstance(values, list)
    }
    epochs = held.get("epoch") if history is not held else None
    history.pop("epoch", None)
    most = max(map(len, history.values()), default=0)
    return Curves(name, [int(epoch) for epoch in epochs] if epochs else range(most), history)


def _from_csv(name: str, text: str) -> Curves:
    first = text.splitlines()[0] if text else ""
    separator = next((mark for mark in ",;\t|" if mark in first), ",")
    rows = list(csv.DictReader(text.splitlines(), delimiter=separator))
    if "epoch" not in first.split(separator):
        raise ValueError(f"there is no column 'epoch' in {first[:80]!r}")
    history = {key: [_number(row[key]) for row in rows] for key in rows[0] if key != "epoch"} if rows else {}
    history = {key: values for key, values in history.items() if not all(map(math.isnan, values))}
    return Curves(name, [int(row["epoch"]) for row in rows], history)


def _number(text: str | None) -> float:
    return float("nan") if text in (None, "", "NA") or text.startswith(("[", '"')) else float(text)


def comparison(runs: Sequence[Curves]) -> Table:
    """A table of runs: what each number was at the end, and where it was lowest and highest."""
    table = Table("", *(part for run in runs for part in (run.name, "lowest", "highest")), header_style="bold")
    for index in range(1, len(table.columns)):
        table.columns[index].justify = "right"
    for name in dict.fromkeys(name for run in runs for name in run.history):
        cells = [cell for run in runs for cell in _cells(run, name)]
        table.add_row(name, *cells)
    return table


def _cells(run: Curves, name: str) -> tuple[str, str, str]:
    values = np.asarray(run.history.get(name, []), "float64")
    if not np.isfinite(values).any():
        return "-", "-", "-"
    epochs, known = _epochs_of(list(values), run.epochs), np.flatnonzero(np.isfinite(values))
    low, high = known[values[known].argmin()], known[values[known].argmax()]
    return (
        f"{values[known[-1]]:.4g}",
        f"{values[low]:.4g} in {epochs[low]}",
        f"{values[high]:.4g} in {epochs[high]}",
    )
