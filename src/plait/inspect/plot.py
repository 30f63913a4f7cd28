"""Pictures of models in files: the face of `inspect/drawing`, with Keras's options."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from plait._long_work import LongWork
from plait.common.messages import did_you_mean
from plait.errors import ArgumentError
from plait.inspect.diagram import Diagram, diagram_of, fold_repeats
from plait.inspect.drawing import Style, draw
from plait.inspect.raster import to_raster
from plait.inspect.svg import to_svg

_KINDS = ("png", "svg", "pdf", "jpg", "jpeg")


def plot_model(
    model: Any,
    to_file: Any = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: float = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    highlight_layers: Sequence[str] = (),
    fold: bool = False,
    **kwargs: Any,
) -> Any:
    """Draws a model's graph into a file; the name's end says whether as PNG, SVG, PDF or JPEG.

    Args:
        model: a built model. One without a graph is a single box.
        to_file: the file; None for only what is returned.
        show_shapes: whether boxes tell the shapes that come in and go out.
        show_dtype: likewise the dtypes.
        show_layer_names: whether boxes tell the layers' names under their classes.
        rankdir: the direction: "TB" downwards, "LR" to the right, "BT", "RL".
        expand_nested: whether the layers of inner models are drawn, in frames.
        dpi: dots per inch of a PNG or JPEG.
        show_layer_activations: whether boxes tell the activations of layers that have one.
        show_trainable: whether boxes tell what trains.
        splines: taken, because scripts give it, and ignored: one way to draw arrows is enough.
        highlight_layers: names or patterns (`"block*"`) of layers to make stand out.
        fold: whether blocks that repeat themselves stand in frames that tell how often.

    Returns:
        in a notebook, the picture to show (not for PDF); else None.

    Raises:
        StateError: the model isn't built.
        ArgumentError: an unknown option, direction or kind of file; layers to highlight that aren't there.
        ImportError: PNG, JPEG or PDF without matplotlib.

    Differs: Keras needs pydot and Graphviz. A layer that is called several times has a box for each call here, so that the
    arrows tell what feeds what.
    """
    _check_extra(kwargs)
    file = None if to_file is None else Path(os.fspath(to_file))
    kind = "svg" if file is None else file.suffix.lstrip(".").lower() or "png"
    if kind not in _KINDS:
        raise ArgumentError(f"plot_model: a file ending in {', '.join(_KINDS)} was expected, but got {str(to_file)!r}.")
    style = Style(
        show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable, rankdir, highlight_layers
    )
    with LongWork(f"Drawing {getattr(model, 'name', 'a model')}"):
        diagram = diagram_of(model, expand_nested)
        drawing = draw(fold_repeats(diagram) if fold else diagram, style)
        content = to_svg(drawing).encode() if kind == "svg" else to_raster(drawing, kind.replace("jpeg", "jpg"), dpi)
    if file is not None:
        file.write_bytes(content)
    return _for_notebook(content, kind)


def _check_extra(kwargs: dict) -> None:
    if kwargs.pop("layer_range", None) is not None:
        raise ArgumentError("plot_model: Argument `layer_range` is no longer supported. Use model.between(...).plot().")
    if kwargs:
        name = next(iter(kwargs))
        raise ArgumentError(f"plot_model: Unrecognized keyword argument {name!r}.{did_you_mean(name, _OPTIONS)}")


_OPTIONS = [name for name in plot_model.__annotations__ if name not in ("model", "kwargs", "return")]


def _for_notebook(content: bytes, kind: str) -> Any:
    """The picture as IPython shows it; None where there is no notebook."""
    display = sys.modules.get("IPython.display")
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if display is None or shell is None or kind == "pdf":
        return None
    return display.SVG(data=content.decode()) if kind == "svg" else display.Image(data=content)


def picture_for_notebook(model: Any) -> str | None:
    """What a notebook shows for a model: a small static picture; None, for its text, where there is nothing to draw."""
    return model_svg(model) if model.built else None


def model_svg(model: Any, most: int = 60) -> str:
    """A small static picture of a model, for `_repr_html_`: repeats in frames, nothing that runs.

    Args:
        model: a built model.
        most: the number of boxes above which only the beginning would be legible; then the text says so and no more is drawn.
    """
    diagram = diagram_of(model)
    style = Style(show_shapes=True, show_layer_names=True)
    if len(diagram.boxes) > most:
        diagram = first_boxes(diagram, most)
    return to_svg(draw(diagram, style), 0.8)


def first_boxes(diagram: Diagram, most: int) -> Diagram:
    """The beginning of a diagram."""
    kept = dict(list(diagram.boxes.items())[:most])
    arrows = [arrow for arrow in diagram.arrows if arrow.source in kept and arrow.target in kept]
    return diagram._replace(boxes=kept, arrows=arrows)
