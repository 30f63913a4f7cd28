"""A drawing as SVG: plain text that any browser shows, with nothing in it that runs or is loaded from elsewhere."""

from xml.sax.saxutils import escape, quoteattr

from plait.inspect.drawing import Drawing, Label, Line, Panel

_FONTS = "'DejaVu Sans', Verdana, 'Helvetica Neue', Arial, sans-serif"


def to_svg(drawing: Drawing, scale: float = 1.0) -> str:
    """A drawing as the text of an SVG file.

    Args:
        drawing: the drawing.
        scale: how much larger than its own size it is shown.
    """
    size = f'width="{_number(drawing.width * scale)}" height="{_number(drawing.height * scale)}"'
    view = f'viewBox="0 0 {_number(drawing.width)} {_number(drawing.height)}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {view} role="img" font-family="{_FONTS}">',
        f"<title>{escape(drawing.title)}</title>",
        '<rect width="100%" height="100%" fill="#ffffff"/>',
    ]
    lines += [_mark(mark) for mark in drawing.marks]
    return "\n".join([*lines, "</svg>", ""])


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _mark(mark: Panel | Label | Line) -> str:
    return _panel(mark) if isinstance(mark, Panel) else _label(mark) if isinstance(mark, Label) else _line(mark)


def _panel(panel: Panel) -> str:
    x, y, width, height, radius = map(_number, (panel.x, panel.y, panel.width, panel.height, panel.radius))
    stroke = f' stroke="{panel.stroke}" stroke-width="{_number(panel.thickness)}"' if panel.stroke else ""
    dashes = ' stroke-dasharray="5 3"' if panel.dashed else ""
    return (
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="{radius}" fill="{panel.fill}"{stroke}{dashes}/>'
    )


def _label(label: Label) -> str:
    x, y = _number(label.x), _number(label.y)
    anchor = ' text-anchor="middle"' if label.middle else ""
    weight = ' font-weight="bold"' if label.bold else ""
    turned = f' transform="rotate(-90 {x} {y})"' if label.upright else ""
    size = _number(label.size)
    return f'<text x="{x}" y="{y}" font-size="{size}" fill={quoteattr(label.colour)}{anchor}{weight}{turned}>{escape(label.text)}</text>'


def path_of(points: list[tuple[float, ...]]) -> str:
    """A line of straight pieces and curves as the `d` of a path.

    >>> path_of([(0, 0), (0, 5), (0, 9, 4, 9, 4, 13)])
    'M0 0L0 5C0 9 4 9 4 13'
    """
    letters = ["M", *("C" if len(point) == 6 else "L" for point in points[1:])]
    parts = [letter + " ".join(map(_number, point)) for letter, point in zip(letters, points, strict=True)]
    return "".join(part for index, part in enumerate(parts) if index == 0 or part[1:] != parts[index - 1][1:])


def _line(line: Line) -> str:
    text = f'<path d="{path_of(line.points)}" fill="none" stroke="{line.colour}" stroke-width="{_number(line.thickness)}"/>'
    if line.head:
        corners = " ".join(f"{_number(x)},{_number(y)}" for x, y in line.head)
        text += f'<polygon points="{corners}" fill="{line.colour}"/>'
    return text
