"""The page: one HTML file that shows a model, or two side by side; it needs no network and no server.

Python lays out every frame with the frames inside folded; the page only pushes things apart where one is opened. So it is
quick with thousands of layers, and what it does is short: `page.html` beside this file.

Verbs: `page_of` makes the text, `view` writes it to a file and opens a browser.

Nothing that comes from the model is ever run: it stands in the page as JSON, and is shown as text.
"""

import json
import math
import os
import tempfile
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from plait._long_work import LongWork
from plait.core.graph import graph_of
from plait.errors import ArgumentError
from plait.inspect.diagram import Box, Diagram, Frame, diagram_of, fold_repeats
from plait.inspect.drawing import COLOURS, flow, shape_text
from plait.inspect.layout import Gaps
from plait.inspect.nested_layout import FOOT, SIDE, Gate, Scene, place_folded
from plait.inspect.summary import readable_bytes, sum_sizes
from plait.inspect.text_width import shortened, text_width

_TEMPLATE = Path(__file__).with_name("page.html")
_BINS = 24
_MOST_COUNTED = 1 << 20  # of larger weights every n-th number is counted
_LONGEST_VALUE = 300
_TITLE_HEIGHT = 24.0


def view(model: Any, other: Any = None, to_file: Any = None, open_browser: bool | None = None) -> Path:
    """Writes a page that shows a model, and opens it in a browser.

    Args:
        model: a built model.
        other: a second one to show beside it; layers that differ are marked.
        to_file: the file; None makes one in the folder for temporary files.
        open_browser: whether to open it; None does so if no file is given.

    Returns:
        the file.

    Raises:
        StateError: a model isn't built.
    """
    with LongWork(f"Laying out {getattr(model, 'name', 'a model')}"):
        text = page_of([model] if other is None else [model, other])
    if to_file is None:
        handle, name = tempfile.mkstemp(prefix=f"plait-{_safe_name(model.name)}-", suffix=".html")
        os.close(handle)
    else:
        name = os.fspath(to_file)
    path = Path(name).resolve()
    path.write_text(text, encoding="utf-8")
    if open_browser or (open_browser is None and to_file is None):
        webbrowser.open(path.as_uri())
    return path


def _safe_name(name: str) -> str:
    return "".join(character if character.isalnum() else "_" for character in name)[:40]


def page_of(models: Sequence[Any]) -> str:
    """The text of a page that shows one model or two.

    Raises:
        ArgumentError: more than two models.
        StateError: a model isn't built.
    """
    if not 1 <= len(models) <= 2:
        raise ArgumentError(f"A page shows one model or two, but got {len(models)}.")
    data = {"models": [_model_data(model) for model in models], "colours": COLOURS}
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":  # so that no name can end the script
        text = text.replace(character, f"\\u{ord(character):04x}")
    title = " and ".join(str(model.name) for model in models)
    escaped = title.replace("&", "&amp;").replace("<", "&lt;")
    return _TEMPLATE.read_text(encoding="utf-8").replace("{{title}}", escaped, 1).replace('"{{data}}"', text, 1)


# ------------------------------------------------------------------------------------------------- a model


def _model_data(model: Any) -> dict:
    diagram = fold_repeats(diagram_of(model, expand=True))
    sizes = {key: _box_size(_head(box)) for key, box in diagram.boxes.items()}
    sizes |= {key: _box_size(_frame_head(diagram, frame)) for key, frame in diagram.frames.items()}
    titles = {key: (text_width(frame.name, 12, bold=True) + 30, _TITLE_HEIGHT) for key, frame in diagram.frames.items()}
    scenes = place_folded(sizes, diagram.arrows, diagram.parents, titles, Gaps())
    gates = _GateNumbers()
    seen: dict[int, dict] = {}
    return {
        "name": model.name,
        "kind": type(model).__name__,
        "parameters": sum(v.size for v in model.weights),
        "trainable": sum(v.size for v in model.trainable_weights),
        "bytes": readable_bytes(sum_sizes(model.weights)[1]),
        "boxes": {key: _box_data(box, sizes[key], seen) for key, box in diagram.boxes.items()},
        "frames": {key: _frame_data(diagram, frame, sizes[key], titles[key]) for key, frame in diagram.frames.items()},
        "scenes": {key or "": _scene_data(scene, gates) for key, scene in scenes.items()},
        "arrows": [[arrow.source, arrow.target] for arrow in diagram.arrows],
        "side": SIDE,
        "foot": FOOT,
    }


def _head(box: Box) -> list[str]:
    call = f" ({box.call[0]}/{box.call[1]})" if box.call else ""
    shapes = flow([shape_text(t.shape) for t in box.tensors[0]], [shape_text(t.shape) for t in box.tensors[1]])
    return [shortened(box.kind, 30), shortened(box.name, 34) + call, shortened(shapes, 44)]


def _frame_head(diagram: Diagram, frame: Frame) -> list[str]:
    inside = sum(_is_inside(diagram, box.frame, frame.key) for box in diagram.boxes.values())
    kinds = frame.kind if frame.role == "model" else shortened(frame.kind, 40)
    return [f"{frame.name} ", kinds, f"{inside} layers inside"]


def _is_inside(diagram: Diagram, key: str | None, frame: str) -> bool:
    while key is not None and key != frame:
        key = diagram.frames[key].parent
    return key == frame


def _box_size(head: list[str]) -> tuple[float, float]:
    widths = [text_width(line, 12 if i == 0 else 10, bold=i == 0) for i, line in enumerate(head)]
    return max(max(widths) + 24, 90.0), 56.0


def _box_data(box: Box, size: tuple[float, float], seen: dict[int, dict]) -> dict:
    operation = box.operation
    data: dict[str, Any] = {"head": _head(box), "name": box.name, "kind": box.kind, "family": box.family}
    data |= {"state": box.state, "size": _rounded(size), "output": box.output}
    data["ins"] = [f"{t.dtype}{shape_text(t.shape)}" for t in box.tensors[0]]
    data["outs"] = [f"{t.dtype}{shape_text(t.shape)}" for t in box.tensors[1]]
    if id(operation) not in seen:
        seen[id(operation)] = {
            "config": _config(operation),
            "weights": [_weight_data(v) for v in getattr(operation, "weights", [])],
            "parameters": sum(v.size for v in getattr(operation, "weights", [])),
        }
    return data | seen[id(operation)]


def _frame_data(diagram: Diagram, frame: Frame, size: tuple[float, float], title: tuple[float, float]) -> dict:
    inside = [box for box in diagram.boxes.values() if _is_inside(diagram, box.frame, frame.key)]
    weights = {id(v): v.size for box in inside for v in getattr(box.operation, "weights", [])}
    return {
        "head": _frame_head(diagram, frame),
        "name": frame.name,
        "kind": frame.kind,
        "role": frame.role,
        "state": frame.state,
        "parent": frame.parent,
        "size": _rounded(size),
        "title": _rounded(title),
        "parameters": sum(weights.values()),
        "layers": len(inside),
    }


def _rounded(values: Sequence[float]) -> list[float]:
    return [round(value, 1) for value in values]


class _GateNumbers:
    def __init__(self) -> None:
        self._numbers: dict[Gate, int] = {}

    def __call__(self, gate: Gate | None) -> int | None:
        return None if gate is None else self._numbers.setdefault(gate, len(self._numbers))


def _scene_data(scene: Scene, gates: _GateNumbers) -> dict:
    """A frame's inside for the page: what stands where, in rows, while all in it is folded."""
    inside = scene.inside
    items = [
        [gates(item) if isinstance(item, Gate) else item, round(inside.x[i], 1), inside.rank[i]]
        + ([int(item.inwards)] if isinstance(item, Gate) else [])
        for i, item in enumerate(scene.items)
    ]
    spans = []
    for span, route in zip(scene.spans, inside.routes, strict=True):
        ends = [scene.number[span.source], scene.number[span.target], gates(span.leaves), gates(span.arrives)]
        spans.append([*ends, [round(piece.x, 1) for piece in route[1:-1]]])
    after = [round(below[0] - row[1], 1) for row, below in zip(inside.rows, inside.rows[1:], strict=False)]
    return {"items": items, "spans": spans, "gaps": after}


# ------------------------------------------------------------------------------------------------- details


def _config(operation: Any) -> dict:
    """A layer's arguments as short texts; what it cannot tell is left out."""
    if operation is None or graph_of(operation) is not None:
        return {}
    try:
        config = operation.get_config()
    except Exception:  # a user's own class may fail here in any way; the page shows the rest
        return {}
    shown = {str(k): _value_text(v) for k, v in config.items() if k not in ("name", "trainable")}
    return {key: text for key, text in shown.items() if text not in ("", "None")}


def _value_text(value: Any) -> str:
    if isinstance(value, dict) and "class_name" in value:
        inner = value.get("config") or {}
        arguments = inner.items() if isinstance(inner, dict) else ()
        plain = ", ".join(f"{k}={v}" for k, v in arguments if v is not None and k not in ("name", "dtype"))
        value = f"{value['class_name']}({plain})" if isinstance(inner, dict) else str(inner)
    text = str(value)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"


def _weight_data(variable: Any) -> dict:
    data: dict[str, Any] = {
        "path": variable.path,
        "shape": shape_text(variable.shape),
        "dtype": variable.dtype,
        "trainable": bool(variable.trainable),
    }
    if variable.dtype == "string" or not variable.size:
        return data
    return data | histogram(np.asarray(variable.value))


def histogram(values: np.ndarray) -> dict:
    """What the page shows of numbers: how they spread, in bins of equal width.

    >>> histogram(np.array([0.0, 1.0, 1.0]))["counts"][-1]
    2
    """
    flat = values.reshape(-1)
    flat = flat[:: max(math.ceil(flat.size / _MOST_COUNTED), 1)].astype("float64")
    finite = flat[np.isfinite(flat)]
    if not finite.size:
        return {"broken": int(flat.size)}
    counts, edges = np.histogram(finite, bins=_BINS)
    measures = (finite.mean(), finite.std(), edges[0], edges[-1], np.mean(finite == 0))
    names = ("mean", "std", "min", "max", "zeros")
    rounded = {name: float(f"{value:.4g}") for name, value in zip(names, measures, strict=True)}
    return {"counts": counts.tolist(), "broken": int(flat.size - finite.size), "mark": _mark(finite), **rounded}


def _mark(values: np.ndarray) -> str:
    """A short mark by which the page knows whether two weights are the same."""
    return f"{values.sum():.9g} {np.square(values).sum():.9g}"
