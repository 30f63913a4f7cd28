"""Progress as curves: a panel for each loss and metric in the terminal, drawn anew at the ends of epochs.

    on_epoch_end -> Curves.add;  a drawing is due -> Curves (rich asks it for lines) -> panel -> dots -> braille

A drawing may take a hundredth of the time and no more: the next one waits a hundred times as long as the last one took.
"""

import itertools
import math
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from rich.columns import Columns
from rich.console import Console, ConsoleOptions, Group
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from plait.training.callbacks.progress import ProgbarLogger, bar_of, number_text, shown

_INTERVAL = 0.25  # seconds between two drawings, at least
_SHARE = 100  # of the time goes into drawing, at most: 1 in so many parts
_NARROWEST, _MOST_COLUMNS = 38, 3  # characters of a panel, and panels side by side
_LOWEST, _HIGHEST = 4, 9  # lines of a panel's curves
_AROUND = 3  # lines of a panel besides: its frame and the epochs
_STYLES = {"": "blue", "val_": "yellow"}
_KINDS = {"": "training", "val_": "validation"}
_PLAIN = {"": "*", "val_": "o"}  # where only ASCII can be shown
_LOGARITHMIC = 100.0  # numbers that are so many times apart are drawn by their logarithms


class Series(NamedTuple):
    """Numbers by epoch, counted from 1."""

    epochs: list[int]
    values: list[float]


class Curves:
    """Numbers of a run, which rich draws as panels of curves as wide and as high as the console lets them be.

    Args:
        epochs: how many epochs the run has; None where nobody knows.
    """

    def __init__(self, epochs: int | None = None):
        self.epochs = epochs
        self.series: dict[str, Series] = {}

    def add(self, epoch: int, logs: Mapping) -> None:
        """Takes the numbers of an epoch, counted from 0; what isn't a single number has no curve."""
        for name, value in logs.items():
            if np.ndim(value) == 0:
                series = self.series.setdefault(name, Series([], []))
                series.epochs.append(epoch + 1)
                series.values.append(float(value))

    def names(self) -> list[str]:
        """What has a panel: the loss, then the rest in the order in which it came."""
        names = list(dict.fromkeys(name.removeprefix("val_") for name in self.series))
        return sorted(names, key=lambda name: name != "loss")

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Any]:
        names = self.names()
        if not names:
            return
        across = max(min(options.max_width // _NARROWEST, _MOST_COLUMNS, len(names)), 1)
        room = max(console.height - 3, _LOWEST + _AROUND)  # below the panels: what is left out, the bar, the cursor
        down = min(math.ceil(len(names) / across), max(room // (_LOWEST + _AROUND), 1))
        height = max(min(room // down - _AROUND, _HIGHEST), _LOWEST)
        width = options.max_width // across
        plain = not options.encoding.startswith("utf")
        fitting, rest = names[: across * down], names[across * down :]
        panels = [self.panel(name, width, height, plain) for name in fitting]
        yield Columns(panels, width=width, padding=0)
        if rest:
            yield Text(f"no room for: {', '.join(rest)}", "dim", overflow="ellipsis", no_wrap=True)

    def panel(self, name: str, width: int, height: int, plain: bool = False) -> Panel:
        """The panel of a loss or metric.

        Args:
            name: its name, without "val_".
            width: characters, with the frame.
            height: lines of curves.
            plain: whether only ASCII can be shown.
        """
        found = {prefix: self.series[prefix + name] for prefix in _KINDS if prefix + name in self.series}
        every = [value for series in found.values() for value in series.values if math.isfinite(value)]
        scale = _Scale.of(every)
        labels = [f"{scale.high:.4g}", f"{scale.low:.4g}"] if every else ["", ""]
        margin = max(map(len, labels))
        across = max(width - 5 - margin, 4)  # the frame, a space on each side, and the axis
        first, last = _ends(found)
        lines = _drawn(found, scale, (first, last), (across, height), plain)
        body = Text(no_wrap=True)
        for index, line in enumerate(lines):
            label = labels[0] if index == 0 else labels[1] if index == height - 1 else ""
            axis = "|" if plain else "┤" if label else "│"
            body.append(f"{label:>{margin}}{axis}", "dim").append_text(line).append("\n")
        body.append(" " * (margin + 1) + _epochs_line(first, last, self.epochs, across), "dim")
        title = f"{name} (log)" if scale.logarithmic else name
        return Panel(body, title=Text(title, "bold"), subtitle=_legend(found, width - 6), width=width)


class _Scale(NamedTuple):
    """Where numbers stand between the lowest and the highest."""

    low: float
    high: float
    logarithmic: bool

    @classmethod
    def of(cls, values: list[float]) -> "_Scale":
        low, high = (min(values), max(values)) if values else (0.0, 1.0)
        return cls(low, high, low > 0 and high / low >= _LOGARITHMIC)

    def shares(self, values: Any) -> np.ndarray:
        numbers, low, high = np.asarray(values, "float64"), self.low, self.high
        if self.logarithmic:
            numbers, low, high = np.log(numbers), math.log(low), math.log(high)
        half = np.full_like(numbers, 0.5)
        # Halves, because the distance of two finite numbers may be infinite.
        return half if low == high else (numbers / 2 - low / 2) / (high / 2 - low / 2)


def _ends(found: Mapping[str, Series]) -> tuple[int, int]:
    epochs = [epoch for series in found.values() for epoch in (series.epochs[0], series.epochs[-1])]
    return min(epochs), max(epochs)


def _drawn(
    found: Mapping[str, Series], scale: _Scale, ends: tuple[int, int], size: tuple[int, int], plain: bool
) -> list[Text]:
    """The curves as lines of characters; where both pass, the character has the colour of validation."""
    wide, high = (1, 1) if plain else (2, 4)  # dots in a character
    across, down = size
    dots = {
        prefix: _dots(series, scale, ends, (across * wide, down * high), (2 if plain else 6) if prefix == "val_" else 0)
        for prefix, series in found.items()
    }
    # Axes: curve, line, dot downwards, character, dot to the right.
    blocks = np.stack(list(dots.values())).reshape(len(dots), down, high, across, wide)
    there = np.any(blocks, axis=(2, 4))
    kinds = np.where(np.any(there, 0), len(dots) - 1 - there[::-1].argmax(0), -1)
    marks = (
        np.array([_PLAIN[prefix] for prefix in dots] + [" "])[kinds]
        if plain
        else _braille(np.logical_or.reduce(blocks))
    )
    styles = [_STYLES[prefix] for prefix in dots] + [""]
    return [_line(marks[y], [styles[kind] for kind in kinds[y]]) for y in range(down)]


def _line(marks: np.ndarray, styles: list[str]) -> Text:
    line = Text()
    for style, run in itertools.groupby(zip(marks, styles, strict=True), key=lambda pair: pair[1]):
        line.append("".join(mark for mark, _ in run), style)
    return line


def _dots(series: Series, scale: _Scale, ends: tuple[int, int], size: tuple[int, int], dash: int) -> np.ndarray:
    """Which dots a curve covers, (height, width): in each column all that it passes through there, with a gap every `dash`."""
    width, height = size
    dots = np.zeros((height, width), bool)
    epochs, values = np.asarray(series.epochs, "float64"), np.asarray(series.values, "float64")
    finite = np.isfinite(values)
    if not finite.any():
        return dots
    x = (epochs[finite] - ends[0]) / max(ends[1] - ends[0], 1) * (width - 1)
    y = (1 - scale.shares(values[finite])) * (height - 1)
    columns = np.arange(math.floor(x[0] + 0.5), math.floor(x[-1] + 0.5) + 1)
    borders = np.interp([columns - 0.5, columns + 0.5], x, y)
    low, high = borders.min(0), borders.max(0)
    at = np.floor(x + 0.5).astype(int) - columns[0]
    np.minimum.at(low, at, y)
    np.maximum.at(high, at, y)
    rows = np.arange(height)[:, None]
    covered = (rows >= np.floor(low + 0.5)) & (rows <= np.floor(high + 0.5))
    if dash and len(columns) > dash:
        covered[:, columns % dash >= dash - max(dash // 3, 1)] = False
    dots[:, columns] = covered
    return dots


# The bits of braille by row and column of dots, as Unicode has them.
_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])


def _braille(dots: np.ndarray) -> np.ndarray:
    """Characters (lines, characters) for dots (lines, 4, characters, 2)."""
    codes = np.einsum("ydxr,dr->yx", dots.astype(int), _BITS)
    return np.vectorize(lambda code: chr(0x2800 + code) if code else " ")(codes)


def _epochs_line(first: int, last: int, epochs: int | None, width: int) -> str:
    left, right = f"epoch {first}", f"{last} of {epochs}" if epochs and epochs >= last else str(last)
    if first == last:
        left = ""
    elif len(left) + len(right) + 1 > width:
        left = str(first)
    return f"{left}{right:>{max(width - len(left), 0)}}"


def _legend(found: Mapping[str, Series], width: int) -> Text:
    """The last number of each curve, in the curve's colour, shorter where there is no room."""
    for names in (_KINDS, {"": "train", "val_": "val"}, {"": "", "val_": "val"}):
        parts = [
            Text(f"{names[prefix]} {number_text(series.values[-1])}".strip(), _STYLES[prefix])
            for prefix, series in found.items()
        ]
        legend = Text("  ").join(parts)
        if legend.cell_len <= width:
            break
    return legend


class ProgressPlot(ProgbarLogger):
    """Shows progress as curves in a terminal or notebook; elsewhere one plain line an epoch, as `ProgbarLogger` does."""

    _stateless = ("*",)  # it shows this terminal, this time

    def __init__(self) -> None:
        super().__init__()
        self._screen: Live | None = None
        self._curves = Curves()
        self._due = 0.0

    def on_train_begin(self, logs: dict | None = None) -> None:
        super().on_train_begin(logs)
        self._curves = Curves(self.params.get("epochs"))

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self._curves.add(epoch, logs or {})
        super().on_epoch_end(epoch, logs)

    def on_train_end(self, logs: dict | None = None) -> None:
        super().on_train_end(logs)
        if self._screen is not None:
            self._bar = None
            self._draw(time.perf_counter())
        self.close()

    def close(self) -> None:
        self._stop_watching()
        if self._screen is not None:
            self._screen.stop()
            self._screen = None
        self._bar = None

    def _open(self, console: Console) -> None:
        if self._phase != "train":
            super()._open(console)
            return
        if self._screen is None:
            self._screen = Live(console=console, auto_refresh=False, vertical_overflow="crop")
            self._screen.start()
            self._bar = bar_of(console)
            self._task = self._bar.add_task(self._title, total=self._total, logs="", **self._times())
        else:
            self._bar.reset(self._task, total=self._total, description=self._title, logs="", **self._times())

    def _refresh(self) -> None:
        now = time.perf_counter()
        if self._screen is None:
            super()._refresh()
        elif now >= self._due:
            self._draw(now)

    def _end(self, logs: Mapping) -> None:
        if self._screen is None:
            super()._end(logs)
            return
        self._bar.update(self._task, completed=self._done, total=self._total, logs=shown(logs), **self._times())
        self._refresh()

    def _draw(self, now: float) -> None:
        if self._screen is None:
            return
        parts = [self._curves] if self._bar is None else [self._curves, self._bar]
        self._screen.update(Group(*parts), refresh=True)
        done = time.perf_counter()
        self._due = done + max(_INTERVAL, (done - now) * _SHARE)
