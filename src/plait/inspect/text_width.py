"""How wide a text is, without a font: from a table of character widths.

The widths are those of DejaVu Sans, in hundredths of the size. It is matplotlib's own font, and wider than most others that a
browser may use in its place, so text that fits by this table fits everywhere.
"""

import unicodedata

# From the space to "~", in the order of Unicode.
_PLAIN = (
    "32 40 46 84 64 95 78 27 39 39 50 84 32 36 32 34 64 64 64 64 64 64 64 64 64 64 34 34 84 84 84 53 100 68 69 70 77 63 58 77 75 "
    "29 29 66 56 86 75 79 60 79 69 63 61 73 68 99 69 61 69 39 34 39 84 50 50 61 63 55 63 62 35 63 63 28 28 58 28 97 63 61 63 63 "
    "41 52 39 63 59 82 59 59 52 64 34 64 84"
)
_BOLD = (
    "35 46 52 84 70 100 87 31 46 46 52 84 38 42 38 37 70 70 70 70 70 70 70 70 70 70 40 40 84 84 84 58 100 77 76 73 83 68 68 82 "
    "84 37 37 77 64 100 84 85 73 85 77 72 68 81 77 110 77 72 73 46 37 46 84 50 50 67 72 59 72 68 44 72 71 34 34 67 34 104 71 69 "
    "72 72 49 60 48 71 65 92 65 65 58 71 37 71 84"
)
_WIDTHS = {
    bold: dict(zip(map(chr, range(32, 127)), map(int, table.split()), strict=True))
    for bold, table in ((False, _PLAIN), (True, _BOLD))
}
_OTHER = {False: 84, True: 87}  # what isn't in the table: as wide as an arrow
_WIDE = 105  # Chinese, Japanese and Korean characters, emoji


def text_width(text: str, size: float, bold: bool = False) -> float:
    """The width of a line of text, in the unit of its size.

    >>> text_width("il", 10) < text_width("mw", 10) < text_width("mw", 10, bold=True)
    True
    """
    widths = _WIDTHS[bold]
    return sum(widths.get(character) or _width_of_other(character, bold) for character in text) * size / 100


def _width_of_other(character: str, bold: bool) -> int:
    return _WIDE if unicodedata.east_asian_width(character) in "WF" else _OTHER[bold]


def shortened(text: str, most: int) -> str:
    """A text of at most so many characters, cut in its middle, where names differ least.

    >>> shortened("a_very_long_name_of_a_layer_7", 16)
    'a_very_l…layer_7'
    """
    text = "".join(character if character.isprintable() else " " for character in text)
    if len(text) <= most:
        return text
    kept = most - 1
    return f"{text[: kept - kept // 2]}…{text[len(text) - kept // 2 :]}"
