"""All messages of plait in one list: what errors and warnings say, each with its place. For reading.

    python tools/messages.py                 all of them
    python tools/messages.py layers          those of files whose path holds a word
    python tools/messages.py --glued         those that hold Keras's phrases, or say one thing twice

What a message is filled with stands as {expression}. A message that is put together elsewhere is shown as the expression that
makes it.
"""

import argparse
import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).resolve().parents[1] / "src" / "plait"
_GATHERED = ("problems", "wrong", "faults")  # lists whose items `raise_all` puts into one error
_PHRASES = (  # of Keras's sentences, which are good in some places only
    r"\bReceived\b.*\bbut got\b",
    r"\bbut got\b.*\bReceived\b",
    r"which should be",
    r"You cannot `",
    r"is expected to be",
    r"\bmust be\b.*\bmust be\b",
    r"\bExpected\b.*\bexpected\b",
)


class Message(NamedTuple):
    """One message: the file and line, the exception or `warn`, and the text."""

    place: str
    kind: str
    text: str


def messages(root: Path = SOURCE) -> list[Message]:
    """All messages of the files below a folder, in the order of the files."""
    found = []
    for path in sorted(root.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            for kind, text in _of(node):
                found.append(Message(f"{path.relative_to(root)}:{node.lineno}", kind, text))  # type: ignore[attr-defined]
    return found


def _of(node: ast.AST) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
        yield _name(node.exc.func), " | ".join(map(text_of, node.exc.args))
    elif isinstance(node, ast.Call) and _name(node.func) in ("warn", "raise_all") and node.args:
        yield _name(node.func), " | ".join(text_of(arg) for arg in node.args if not isinstance(arg, ast.Name))
    elif isinstance(node, ast.Call) and _name(node.func) == "append" and _gathers(node.func) and node.args:
        yield "problem", text_of(node.args[0])
    elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name) and node.target.id in _GATHERED:
        yield "problem", text_of(node.value)


def _gathers(function: ast.expr) -> bool:
    return isinstance(function, ast.Attribute) and ast.unparse(function.value).split(".")[-1] in _GATHERED


def _name(function: ast.expr) -> str:
    return ast.unparse(function).split(".")[-1]


def text_of(node: ast.expr) -> str:
    """A string as its reader sees it, {expressions} where it is filled in.

    >>> text_of(ast.parse("f'{who}: ' 'no'", mode="eval").body)
    '{who}: no'
    """
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(map(text_of, node.values))
    if isinstance(node, ast.FormattedValue):
        return "{" + ast.unparse(node.value) + "}"
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return text_of(node.left) + text_of(node.right)
    return "{" + ast.unparse(node) + "}"


def is_glued(message: Message) -> bool:
    """Whether a message may say one thing in two ways."""
    return any(re.search(phrase, message.text, re.S) for phrase in _PHRASES)


def main() -> None:
    """Prints the list."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("word", nargs="?", default="", help="only files whose path holds it")
    parser.add_argument("--glued", action="store_true", help="only those that may say one thing twice")
    given = parser.parse_args()
    shown = [m for m in messages() if given.word in m.place and (is_glued(m) or not given.glued)]
    for message in shown:
        print(f"{message.place}: {message.kind}: {message.text}\n")
    print(f"{len(shown)} messages")


if __name__ == "__main__":
    main()
