"""Documentation is code: each example in it runs, each link in it leads somewhere.

- Markdown: the ```python blocks of a page run from top to bottom, as one program; ```pycon blocks are compared with
  what they print. Anything that can't run is no Python block: write ```text.
- Docstrings in src: their `>>>` examples, in the namespace of their own module, as doctest runs them.
"""

import ast
import doctest
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from architecture.markdown import anchors, blocks, leads_somewhere, links
from architecture.source_tree import ROOT, Definition, module_name, modules, tree

DOCTEST_OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def pages() -> list[Path]:
    """Every Markdown page that belongs to the project."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]
    return sorted(found)


def pages_with_examples() -> list[Path]:
    """The pages that show Python."""
    return [page for page in pages() if any(block.language in {"python", "py", "pycon"} for block in blocks(page))]


def files_with_examples() -> list[Path]:
    """The files of plait, and the examples, whose docstrings show Python."""
    files = [*modules().values(), *sorted((ROOT / "examples").glob("*.py"))]
    return [path for path in files if ">>>" in path.read_text(encoding="utf-8")]


def name(path: Path) -> str:
    """A path as one writes it from the root."""
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", pages_with_examples(), ids=name)
def test_python_of_a_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    program = {"__name__": "__main__"}
    for block in blocks(page):
        if block.language == "pycon" or (block.language in {"python", "py"} and block.text.startswith(">>>")):
            run_examples(block.text, program, str(page), block.line - 1)
        elif block.language in {"python", "py"}:
            # Blank lines in front, so that a traceback shows the line of the page.
            exec(compile("\n" * (block.line - 1) + block.text, str(page), "exec"), program)


@pytest.mark.parametrize("path", files_with_examples(), ids=name)
def test_examples_in_docstrings_run(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(ROOT / "examples")
    namespace = vars(importlib.import_module(module_name(path)))
    for text, line in docstrings(path):
        run_examples(text, dict(namespace), str(path), line)


@pytest.mark.parametrize("page", pages(), ids=name)
def test_links_of_a_page_lead_somewhere(page):
    broken = [target for target in links(page) if not leads_somewhere(target, page)]
    assert not broken, f"{name(page)} links to what isn't there: {broken}"


def test_links_and_anchors_are_understood(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# A `Title`, here!\n## Twice\n## Twice\n[a](other.md#x) ![b](b.svg)\n```\n# no\n[c](c)\n```\n[d]: d.md\n"
    )
    assert anchors(page) == {"a-title-here", "twice", "twice-1"}
    assert list(links(page)) == ["other.md#x", "b.svg", "d.md"]
    assert leads_somewhere("#twice-1", page)
    assert not leads_somewhere("#thrice", page)
    assert not leads_somewhere("other.md", page)
    assert leads_somewhere("https://example.org", page)


def run_examples(text: str, namespace: dict, path: str, line: int) -> None:
    """Runs the `>>>` examples of a text; the first difference fails the test, with what was expected and what came."""
    example = doctest.DocTestParser().get_doctest(text, namespace, Path(path).name, path, line)
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=DOCTEST_OPTIONS, verbose=False)
    if runner.run(example, out=report.append).failed:
        pytest.fail("".join(report), pytrace=False)


def docstrings(path: Path) -> Iterator[tuple[str, int]]:
    """Each docstring of a file that has examples, and the line it begins on, counted from 0."""
    for node in ast.walk(tree(path)):
        if (
            isinstance(node, Definition | ast.Module)
            and (text := ast.get_docstring(node, clean=False))
            and ">>>" in text
        ):
            yield text, node.body[0].lineno - 1
