"""How the tasks of a model get along while it trains: a callback, and a picture."""

from html import escape
from pathlib import Path
from typing import Any

from plait.common.tree import flatten
from plait.training.callbacks.base import Callback
from plait.training.task_relations import Relations, relations

_MOST_PAIRS = 28  # of 8 tasks; with more, the logs have lengths and conflicts only
_CELL, _LEFT, _TOP = 56, 110, 60


class Report(Callback):
    """At the end of each epoch, the lengths of the tasks' gradients, the cosines between them, and how many conflict.

    They are in the logs, and so in the history, in TensorBoard and in the terminal's plot: `<task>_gradient`,
    `<task>_<task>_cosine` (up to 8 tasks) and `conflicts`, the share of pairs whose gradients point against each other.

    Args:
        data: `(x, y)` or `(x, y, sample_weight)` to compute them on; None is the last batch. A batch without labels for some
            of the tasks yields no numbers.

    """

    def __init__(self, data: Any = None):
        super().__init__()
        self.data = data
        self._found: list[dict] = []  # plain data, which backups keep

    @property
    def relations(self) -> list[Relations]:
        """What was found, one an epoch."""
        return [Relations(**found) for found in self._found]

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        run: Any = self.run
        batch = run.batch if self.data is None else self.data
        compilation = self.model._compilation
        if batch is None or compilation.labelled_places(batch[1]) is not None or len(flatten(batch[1])) < 2:
            return
        found = relations(self.model, *batch)
        self._found.append(found._asdict())
        if logs is not None:
            logs |= _told(found)

    def picture(self, path: Any) -> None:
        """Draws the cosines of the last epoch as an SVG file: blue where tasks agree, red where they conflict."""
        text = _heat_map(self.relations[-1]) if self.relations else _frame(0, "No epoch has been reported.")
        Path(path).write_text(text, encoding="utf-8")


def _told(found: Relations) -> dict[str, float]:
    names, count = found.names, len(found.names)
    pairs = [(first, second) for first in range(count) for second in range(first + 1, count)]
    told = {f"{name}_gradient": float(length) for name, length in zip(names, found.lengths, strict=True)}
    told["conflicts"] = sum(float(found.cosines[pair] < 0) for pair in pairs) / max(len(pairs), 1)
    if len(pairs) <= _MOST_PAIRS:
        told |= {f"{names[a]}_{names[b]}_cosine": float(found.cosines[a, b]) for a, b in pairs}
    return told


def _heat_map(found: Relations) -> str:
    cells = []
    for row, name in enumerate(found.names):
        y = _TOP + row * _CELL
        title = escape(name)
        cells.append(f'<text x="{_LEFT - 8}" y="{y + _CELL // 2 + 4}" text-anchor="end">{title}</text>')
        cells.append(
            f'<text x="{_LEFT + row * _CELL + _CELL // 2}" y="{_TOP - 10}" text-anchor="middle">{title}</text>'
        )
        for column, cosine in enumerate(found.cosines[row]):
            shade = round(255 * (1 - abs(float(cosine))))
            color = f"rgb({shade},{shade},255)" if cosine >= 0 else f"rgb(255,{shade},{shade})"
            x, middle = _LEFT + column * _CELL, _CELL // 2
            cells.append(f'<rect x="{x}" y="{y}" width="{_CELL}" height="{_CELL}" fill="{color}"/>')
            cells.append(f'<text x="{x + middle}" y="{y + middle + 4}" text-anchor="middle">{float(cosine):.2f}</text>')
    return _frame(len(found.names), "Cosines between the tasks' gradients", cells)


def _frame(count: int, title: str, cells: list[str] | None = None) -> str:
    width, height = max(_LEFT + count * _CELL + 20, 320), _TOP + count * _CELL + 20
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" font-size="12">'
        f'<rect width="100%" height="100%" fill="white"/><text x="10" y="20" font-weight="bold">{escape(title)}</text>'
        f"{''.join(cells or [])}</svg>\n"
    )
