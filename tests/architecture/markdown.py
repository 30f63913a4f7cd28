"""Markdown pages as data: their fenced blocks, their links, the anchors of their headings."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

LINK = re.compile(r"\]\(<?([^)\s>]+)>?[^)]*\)|^\[[^\]]+\]:\s*(\S+)|(?:src|href)=\"([^\"]+)\"", re.MULTILINE)


class Block(NamedTuple):
    """A fenced block: its language, its text, and the line its text begins on."""

    language: str
    text: str
    line: int


@cache
def blocks(page: Path) -> tuple[Block, ...]:
    """The fenced blocks of a page."""
    found: list[Block] = []
    fence, language, lines, begin = "", "", [], 0
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        opening = re.match(r"\s*(`{3,}|~{3,})\s*([\w+-]*)", line)
        if not fence and opening:
            fence, language, lines, begin = opening[1], opening[2].lower(), [], number + 1
        elif fence and line.strip().startswith(fence) and not line.strip().strip(fence[0]):
            found.append(Block(language, "\n".join(lines) + "\n", begin))
            fence = ""
        elif fence:
            lines.append(line)
    assert not fence, f"{page}: the block that begins on line {begin} never ends."
    return tuple(found)


@cache
def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    text = page.read_text(encoding="utf-8")
    return re.sub(r"(?ms)^[ ]*(`{3,}|~{3,}).*?^[ ]*\1[`~]*[ ]*$", "", text)


def links(page: Path) -> Iterator[str]:
    """What a page links to or shows: [text](target), ![picture](target), [name]: target, and src= or href= in HTML."""
    text = re.sub(r"`[^`\n]*`", "", prose(page))
    for match in re.finditer(
        r"\]\(<?([^)\s>]+)>?[^)]*\)|^\[[^\]]+\]:\s*(\S+)|(?:src|href)=\"([^\"]+)\"", text, re.MULTILINE
    ):
        yield next(group for group in match.groups() if group)


def leads_somewhere(target: str, page: Path) -> bool:
    """Whether a link's file is there, and its anchor is a heading of that file; the web is taken on trust."""
    if re.match(r"[a-z][a-z+.-]*:", target):
        return True
    path, _, anchor = target.partition("#")
    file = (page.parent / path).resolve() if path else page
    return file.exists() and (not anchor or file.suffix != ".md" or anchor in anchors(file))


@cache
def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives a page's headings."""
    found: set[str] = set()
    for heading in re.findall(r"(?m)^#{1,6}[ \t]+(.+?)[ \t]*#*$", prose(page)):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
        repeats = sum(1 for other in found if re.fullmatch(re.escape(slug) + r"(-\d+)?", other))
        found.add(f"{slug}-{repeats}" if repeats else slug)
    return found
