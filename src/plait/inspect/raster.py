"""A drawing as PNG or PDF, by matplotlib: no program of the system is needed, and no display."""

import io
from typing import Any, NamedTuple

from plait.inspect.drawing import Drawing, Label, Line, Panel

_MOST_PIXELS = 2**15  # in either direction: more than most programs open


def to_raster(drawing: Drawing, kind: str, dpi: float = 200.0) -> bytes:
    """A drawing as the bytes of a PNG, PDF or JPEG file.

    Args:
        drawing: the drawing; its unit is a point, 1/72 inch.
        kind: "png", "pdf", "jpg".
        dpi: dots per inch. A picture that would be too large for other programs gets fewer.

    Raises:
        ImportError: matplotlib isn't installed.
    """
    kit = _matplotlib(kind)
    dpi = min(dpi, _MOST_PIXELS / (max(drawing.width, drawing.height) / 72))
    figure = kit.Figure(figsize=(drawing.width / 72, drawing.height / 72), facecolor="white")
    kit.Canvas(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, drawing.width)
    axes.set_ylim(drawing.height, 0)
    axes.set_axis_off()
    for order, mark in enumerate(drawing.marks):
        for artist in _artists(mark, order, kit):
            axes.add_artist(artist)
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=dpi)
    return buffer.getvalue()


class _Kit(NamedTuple):
    """What of matplotlib is used."""

    Canvas: Any
    Figure: Any
    FancyBboxPatch: Any
    PathPatch: Any
    Polygon: Any
    Path: Any
    Text: Any


def _matplotlib(kind: str) -> _Kit:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.patches import FancyBboxPatch, PathPatch, Polygon
        from matplotlib.path import Path
        from matplotlib.text import Text
    except ImportError as error:
        raise ImportError(
            f"Writing {kind.upper()} needs matplotlib, which isn't installed. Install it with `pip install 'plait[plot]'`, "
            "or write an .svg file, which needs nothing."
        ) from error
    return _Kit(FigureCanvasAgg, Figure, FancyBboxPatch, PathPatch, Polygon, Path, Text)


def _artists(mark: Any, order: int, kit: _Kit) -> list[Any]:
    if isinstance(mark, Panel):
        radius = min(mark.radius, mark.width / 2, mark.height / 2)
        return [
            kit.FancyBboxPatch(
                (mark.x, mark.y), mark.width, mark.height, boxstyle=f"round,pad=0,rounding_size={radius}",
                facecolor=mark.fill, edgecolor=mark.stroke or "none", linewidth=mark.thickness,
                linestyle=(0, (5, 3)) if mark.dashed else "-", zorder=order,
            )
        ]  # fmt: skip
    if isinstance(mark, Label):
        return [
            kit.Text(
                mark.x, mark.y, mark.text.replace("$", r"\$"), color=mark.colour, fontsize=mark.size, family="DejaVu Sans",
                weight="bold" if mark.bold else "normal", ha="center" if mark.middle else "left",
                va="center" if mark.upright else "baseline", rotation=90 if mark.upright else 0, zorder=order,
            )
        ]  # fmt: skip
    return _line_artists(mark, order, kit)


def _line_artists(line: Line, order: int, kit: _Kit) -> list[Any]:
    corners, codes = [line.points[0]], [kit.Path.MOVETO]
    for point in line.points[1:]:
        pairs = [(point[i], point[i + 1]) for i in range(0, len(point), 2)]
        corners += pairs
        codes += [kit.Path.CURVE4] * 3 if len(pairs) == 3 else [kit.Path.LINETO]
    look = {"linewidth": line.thickness, "zorder": order}
    artists = [kit.PathPatch(kit.Path(corners, codes), facecolor="none", edgecolor=line.colour, **look)]
    if line.head:
        artists.append(kit.Polygon(line.head, closed=True, facecolor=line.colour, edgecolor="none", zorder=order))
    return artists
