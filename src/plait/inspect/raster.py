"""A drawing as PNG or PDF, by matplotlib: no program of the system is needed, and no display.

The marks go straight to its renderer: an artist for each of thousands of them would take most of the time.
"""

import io
from typing import Any, NamedTuple

from plait.inspect.drawing import Drawing, Label, Line, Panel
from plait.inspect.text_width import text_width

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
    sheet = kit.Artist()
    sheet.draw = lambda renderer: _Pen(renderer, drawing, kit).draw()
    figure.add_artist(sheet)
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=dpi)
    return buffer.getvalue()


class _Kit(NamedTuple):
    """What of matplotlib is used."""

    Artist: Any
    Canvas: Any
    Figure: Any
    Font: Any
    Path: Any
    Transform: Any
    to_rgba: Any


def _matplotlib(kind: str) -> _Kit:
    try:
        from matplotlib.artist import Artist
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.colors import to_rgba
        from matplotlib.figure import Figure
        from matplotlib.font_manager import FontProperties
        from matplotlib.path import Path
        from matplotlib.transforms import Affine2D
    except ImportError as error:
        raise ImportError(
            f"Writing {kind.upper()} needs matplotlib, which isn't installed. Install it with `pip install 'plait[plot]'`, "
            "or write an .svg file, which needs nothing."
        ) from error
    return _Kit(Artist, FigureCanvasAgg, Figure, FontProperties, Path, Affine2D, to_rgba)


class _Pen:
    """Draws marks with a renderer of matplotlib, whose y grows upwards."""

    def __init__(self, renderer: Any, drawing: Drawing, kit: _Kit):
        self.renderer, self.drawing, self.kit = renderer, drawing, kit
        self.scale = renderer.points_to_pixels(1.0)
        self.height = drawing.height * self.scale
        self.transform = kit.Transform().scale(self.scale, -self.scale).translate(0, self.height)
        self.fonts: dict[tuple[float, bool], Any] = {}

    def draw(self) -> None:
        """Draws all marks, the first at the bottom."""
        for mark in self.drawing.marks:
            if isinstance(mark, Panel):
                self.panel(mark)
            elif isinstance(mark, Label):
                self.label(mark)
            else:
                self.line(mark)

    def path(self, path: Any, fill: str | None, stroke: str | None, thickness: float, dashed: bool = False) -> None:
        """Fills and strokes a path."""
        context = self.renderer.new_gc()
        context.set_linewidth(thickness * self.scale if stroke else 0.0)
        context.set_foreground(self.kit.to_rgba(stroke or "white"), isRGBA=True)
        if dashed:
            context.set_dashes(0, [5 * self.scale, 3 * self.scale])
        self.renderer.draw_path(context, path, self.transform, None if fill is None else self.kit.to_rgba(fill))
        context.restore()

    def panel(self, panel: Panel) -> None:
        """A rectangle with round corners."""
        left, top, right, bottom = panel.x, panel.y, panel.x + panel.width, panel.y + panel.height
        r = min(panel.radius, panel.width / 2, panel.height / 2)
        corners = [
            (left + r, top), (right - r, top), (right, top), (right, top + r), (right, bottom - r), (right, bottom),
            (right - r, bottom), (left + r, bottom), (left, bottom), (left, bottom - r), (left, top + r), (left, top),
            (left + r, top), (left + r, top),
        ]  # fmt: skip
        kinds = self.kit.Path
        codes = [kinds.MOVETO, *[kinds.LINETO, kinds.CURVE3, kinds.CURVE3] * 4, kinds.CLOSEPOLY]
        self.path(kinds(corners, codes), panel.fill, panel.stroke, panel.thickness, panel.dashed)

    def line(self, line: Line) -> None:
        """A line, and its head."""
        kinds = self.kit.Path
        corners, codes = [line.points[0]], [kinds.MOVETO]
        for point in line.points[1:]:
            pairs = [(point[i], point[i + 1]) for i in range(0, len(point), 2)]
            corners += pairs
            codes += [kinds.CURVE4] * 3 if len(pairs) == 3 else [kinds.LINETO]
        self.path(kinds(corners, codes), None, line.colour, line.thickness)
        if line.head:
            self.path(kinds([*line.head, line.head[0]], closed=True), line.colour, None, 0.0)

    def label(self, label: Label) -> None:
        """A line of text; upright ones stand around their middle."""
        font = self.fonts.get((label.size, label.bold))
        if font is None:
            weight = "bold" if label.bold else "normal"
            font = self.fonts[label.size, label.bold] = self.kit.Font(
                family="DejaVu Sans", size=label.size, weight=weight
            )
        half = text_width(label.text, label.size, label.bold) / 2 if label.middle else 0.0
        x, y = (label.x + label.size * 0.36, label.y + half) if label.upright else (label.x - half, label.y)
        down = y * self.scale
        context = self.renderer.new_gc()
        context.set_foreground(self.kit.to_rgba(label.colour), isRGBA=True)
        place = down if self.renderer.flipy() else self.height - down
        self.renderer.draw_text(context, x * self.scale, place, label.text, font, 90 if label.upright else 0)
        context.restore()
