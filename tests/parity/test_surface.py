"""The public surface of Keras: what is missing here is what docs/differences.md lists, no more and no less."""

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

import pytest

SPEC = importlib.util.spec_from_file_location("surface", Path(__file__).parents[2] / "tools" / "surface.py")
assert SPEC is not None and SPEC.loader is not None
surface: Any = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(surface)

KERAS, PLAIT = surface.load()
NAMES = [module.__name__.partition(".")[2] for module in surface.public_modules(KERAS)]
ROWS, OWN = surface.exceptions(), surface.own_signatures()


@cache
def groups() -> dict[str, Any]:
    """All that differs, by module: the comparison reads every class's source, so it waits for the first test."""
    return {group.name: group for group in surface.compare(KERAS, PLAIT)}


@pytest.mark.parametrize("name", NAMES, ids=lambda name: name or "top")
def test_nothing_is_missing_but_what_is_listed(name):
    assert surface.unlisted([groups()[name]], ROWS) == []


@pytest.mark.parametrize("name", NAMES, ids=lambda name: name or "top")
def test_calls_mean_the_same_but_for_what_is_listed(name):
    assert surface.unlisted_signatures([groups()[name]], OWN) == []


def test_all_that_is_listed_is_so():
    assert list(groups()) == NAMES
    assert surface.outdated(list(groups().values()), ROWS, OWN) == []


@pytest.mark.parametrize(
    "ours, theirs, agree",
    [
        (lambda a, b=1: 0, lambda a, b=1: 0, True),
        (lambda a, b=1, c=2: 0, lambda a, b=1: 0, True),
        (lambda b=1, a=2: 0, lambda a=2, b=1: 0, False),
        (lambda a, b=2: 0, lambda a, b=1: 0, False),
        (lambda a, b=2: 0, lambda a, b=(2, 2): 0, True),
        (lambda a, *, b=1: 0, lambda a, b=1: 0, False),
        (lambda a, **kwargs: 0, lambda a, *, b=1: 0, True),
        (lambda a: 0, lambda a, *args, **kwargs: 0, True),
        (lambda a=1: 0, lambda a: 0, True),
    ],
)
def test_signatures_that_agree(ours, theirs, agree):
    assert surface.agree(surface.parameters(ours), surface.parameters(theirs)) is agree


def test_the_table_is_read():
    table = "\n\n| Names | Why not |\n| --- | --- |\n"
    text = f"# Title\n\n## {surface.HEADING}{table}| `a.b`, `c.*` | because |\n\n### {surface.OWN}{table}| `d` | so |\n"
    assert surface.exceptions(text) == {"a.b": "because", "c.*": "because"}
    found = [surface.Group("c", 2, ["a.b", "e"])]
    assert surface.unlisted(found, surface.exceptions(text)) == ["e"]
    assert surface.own_signatures(text) == {"d": "so"}
    assert surface.outdated(found, surface.exceptions(text), surface.own_signatures(text)) == ["c.*", "d"]


def test_lines_of_code_leave_words_out(tmp_path):
    path = tmp_path / "some.py"
    path.write_text(
        '"""Words.\n\nMore."""\n\n# a comment\nx = [\n    1,\n]\n\ndef f():\n    """Words."""\n    return x\n'
    )
    assert surface.lines_of_code(path) == 5
