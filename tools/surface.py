"""What Keras has in public and plait lacks, or has otherwise: `python -m tools.surface`.

Walks every public module of the installed Keras, and looks each name up in plait: functions and constructors are
compared by their parameters (names, order, defaults), classes by their public methods and properties too. What plait
lacks or takes otherwise on purpose stands in `docs/differences.md`, with a reason; the exit status is 1 while a name is
missing that isn't there, or is there and isn't missing. The report ends with the lines of code of both, by family.

`-v` also shows both signatures wherever they differ.
"""

import ast
import fnmatch
import importlib
import inspect
import io
import os
import re
import sys
import tokenize
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
DIFFERENCES = ROOT / "docs" / "differences.md"
HEADING = "Names of Keras that plait does not have"
OWN = "Parameters of plait's own"
PRIVATE = ("keras.src", "keras._tf_keras")

# A family: its folder or files in plait, then what has the same surface in Keras, below keras/src.
FAMILIES = {
    "core": (
        "core common errors.py",
        "backend/common backend/config.py backend/jax/core.py backend/jax/tensorboard.py dtype_policies tree "
        "ops/operation.py ops/function.py ops/symbolic_arguments.py ops/node.py utils/naming.py utils/tracking.py "
        "utils/traceback_utils.py saving/object_registration.py saving/serialization_lib.py",
    ),
    "ops": (
        "ops lowering",
        "ops/core.py ops/image.py ops/linalg.py ops/math.py ops/nn.py ops/numpy.py ops/einops.py ops/ops_test.py "
        "ops/operation_utils.py backend/jax/numpy.py backend/jax/nn.py backend/jax/math.py backend/jax/linalg.py "
        "backend/jax/image.py backend/jax/rnn.py backend/jax/sparse.py",
    ),
    "random": ("random.py", "random backend/jax/random.py"),
    "activations": ("activations.py", "activations"),
    "initializers": ("initializers.py", "initializers"),
    "regularizers": ("regularizers.py", "regularizers"),
    "constraints": ("constraints.py", "constraints"),
    "layers": ("layers", "layers backend/jax/layer.py"),
    "losses": ("losses", "losses"),
    "metrics": ("metrics", "metrics utils/metrics_utils.py"),
    "optimizers": ("optimizers", "optimizers backend/jax/optimizer.py"),
    "training": ("training callbacks.py", "trainers callbacks backend/jax/trainer.py"),
    "saving": (
        "saving",
        "saving/file_editor.py saving/keras_saveable.py saving/orbax_util.py saving/saving_api.py "
        "saving/saving_lib.py legacy/saving",
    ),
    "models": ("models", "models"),
    "distribution": ("distribution.py", "distribution backend/jax/distribution_lib.py"),
    "views, tools": (
        "inspect utils tree.py config.py cli.py __init__.py",
        "utils/summary_utils.py utils/model_visualization.py utils/numerical_utils.py utils/python_utils.py "
        "utils/rng_utils.py utils/io_utils.py utils/progbar.py utils/sequence_utils.py utils/image_utils.py "
        "utils/file_utils.py utils/dataset_utils.py utils/audio_dataset_utils.py utils/image_dataset_utils.py "
        "utils/text_dataset_utils.py utils/timeseries_dataset_utils.py utils/config.py",
    ),
}


@dataclass
class Group:
    """What was found in one public module.

    Attributes:
        name: the module without the library's name; "" is the top.
        compared: how many names Keras has there.
        missing: what plait lacks, `Class.method` too.
        differing: what has other parameters, with both signatures.
    """

    name: str
    compared: int = 0
    missing: list[str] = field(default_factory=list)
    differing: list[tuple[str, str, str]] = field(default_factory=list)

    def path(self, name: str) -> str:
        """A name with the module before it: `layers.Dense`."""
        return f"{self.name}.{name}" if self.name else name


# ---------------------------------------------------------------------------- names and signatures


def compare(keras: types.ModuleType, plait: types.ModuleType) -> list[Group]:
    """Compares every public module of Keras with the one of the same name in plait."""
    modules = public_modules(keras)
    public = {value for module in modules for value in vars(module).values() if inspect.isclass(value)}
    members = dict.fromkeys(public, True)
    return [compare_module(module, keras, plait, members) for module in modules]


def public_modules(root: types.ModuleType) -> list[types.ModuleType]:
    """The public modules of a library, itself first, each once, by name."""
    found, waiting = {root.__name__: root}, [root]
    while waiting:
        for value in list(vars(waiting.pop()).values()):
            name = getattr(value, "__name__", "")
            if inspect.ismodule(value) and name.startswith(f"{root.__name__}.") and not name.startswith(PRIVATE):
                if name not in found and "._" not in name:
                    found[name] = value
                    waiting.append(value)
    return [found[name] for name in sorted(found)]


def compare_module(
    theirs: types.ModuleType, keras: types.ModuleType, plait: types.ModuleType, members: dict[type, bool]
) -> Group:
    """Compares one module, name by name.

    Args:
        theirs: Keras's module.
        keras: Keras.
        plait: plait.
        members: the public classes of Keras, and whether their members are still to be compared: once, not for each name.
    """
    group = Group(theirs.__name__.removeprefix(keras.__name__).removeprefix("."))
    ours = module_at(plait, group.name)
    for name, value in sorted(vars(theirs).items()):
        if name.startswith("_") or inspect.ismodule(value):
            continue
        group.compared += 1
        counterpart = lookup(ours, name)
        if counterpart is None:
            group.missing.append(group.path(name))
        elif inspect.isfunction(value):
            compare_signatures(group, name, counterpart, value)
        elif inspect.isclass(value):
            compare_signatures(group, name, counterpart, value)
            if inspect.isclass(counterpart) and members.get(value):
                compare_members(group, name, counterpart, value, members)
    return group


def module_at(library: types.ModuleType, path: str) -> types.ModuleType | None:
    """A module of a library by its path, or None."""
    try:
        return importlib.import_module(f"{library.__name__}.{path}" if path else library.__name__)
    except ModuleNotFoundError:
        value: Any = library
        for part in path.split("."):
            value = lookup(value, part)
        return value if inspect.ismodule(value) else None


def lookup(holder: Any, name: str) -> Any:
    """An attribute, or None."""
    return getattr(holder, name, None)


def compare_members(group: Group, name: str, ours: type, theirs: type, members: dict[type, bool]) -> None:
    """Compares the public methods and properties that a class adds to its public parents."""
    members[theirs] = False
    for member, value in added_members(theirs, set(members)):
        counterpart = lookup_member(ours, member)
        if counterpart is None:
            group.missing.append(group.path(f"{name}.{member}"))
        elif callable(value) or isinstance(value, (classmethod, staticmethod)):
            compare_signatures(group, f"{name}.{member}", bound(ours, member), bound(theirs, member))


def bound(cls: type, name: str) -> Any:
    """A method as an instance has it: without its first parameter, whatever that is called."""
    method = getattr(cls, name)
    if not inspect.isfunction(method) or isinstance(inspect.getattr_static(cls, name), staticmethod):
        return method
    signature = inspect.signature(method)

    def call() -> None: ...

    call.__signature__ = signature.replace(parameters=list(signature.parameters.values())[1:])  # type: ignore[attr-defined]
    return call


def lookup_member(cls: type, name: str) -> Any:
    """A member of a class; an annotation of an attribute, or one set by the constructor, counts."""
    for parent in cls.__mro__:
        if name in vars(parent) or name in vars(parent).get("__annotations__", {}):
            return name
    source = "".join(source_of(parent) for parent in cls.__mro__ if parent.__module__.startswith("plait"))
    return name if re.search(rf"\bself\.{name}\b[^=\n]*=[^=]", source) else None


@cache
def source_of(cls: type) -> str:
    """The text of a class; finding it costs more than all else here, and Layer is everybody's parent."""
    return inspect.getsource(cls)


def added_members(cls: type, public: set) -> Iterator[tuple[str, Any]]:
    """The public methods and properties of a class up to its next public parent."""
    seen = set()
    for parent in cls.__mro__:
        if parent is not cls and (parent in public or not parent.__module__.startswith("keras.")):
            continue
        for name, value in vars(parent).items():
            if name.startswith("_") or name in seen or inspect.isclass(value):
                continue
            if not (callable(value) or isinstance(value, (property, classmethod, staticmethod))):
                continue
            seen.add(name)
            if not any(name in vars(other) for other in cls.__mro__ if other is not cls and other in public):
                yield name, value


def compare_signatures(group: Group, name: str, ours: Any, theirs: Any) -> None:
    """Notes two signatures where they differ."""
    mine, other = parameters(ours), parameters(theirs)
    if mine is not None and other is not None and not agree(mine, other):
        group.differing.append((group.path(name), written(mine), written(other)))


def parameters(function: Any) -> list[inspect.Parameter] | None:
    """The parameters of a callable; None where Python cannot tell."""
    try:
        found = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    return [p for p in found if p.name != "self"]


def agree(ours: list[inspect.Parameter], theirs: list[inspect.Parameter]) -> bool:
    """Whether every call that Keras's parameters take means the same here; plait may take more.

    `*args, **kwargs` of Keras promise nothing. Its named parameters must stand here in the same order with the same
    defaults; those that only go by keyword in one of them may stand anywhere.
    """
    named = [p for p in theirs if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    mine = {p.name: p for p in ours}
    swallows = any(p.kind is p.VAR_KEYWORD for p in ours)
    for p in named:
        if p.name not in mine:
            if not (swallows and p.kind is p.KEYWORD_ONLY):
                return False
        elif not same_default(mine[p.name].default, p.default):
            return False
    positional = [p.name for p in named if p.kind is not p.KEYWORD_ONLY]
    order = [p.name for p in ours if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return order[: len(positional)] == positional


def same_default(ours: Any, theirs: Any) -> bool:
    """Whether two defaults mean the same: equal, of one name, or both absent."""
    if ours is inspect.Parameter.empty or theirs is inspect.Parameter.empty:
        return ours is theirs or theirs is inspect.Parameter.empty
    if isinstance(ours, int) and isinstance(theirs, tuple):
        return set(theirs) == {ours}  # one number stands for all axes
    if callable(ours) and callable(theirs):
        return getattr(ours, "__name__", "") == getattr(theirs, "__name__", "")
    try:
        return type(ours) is type(theirs) and bool(ours == theirs)
    except Exception:
        return repr(ours) == repr(theirs)


def written(found: list[inspect.Parameter]) -> str:
    """Parameters as they stand in a call, without annotations."""
    bare = [p.replace(annotation=inspect.Parameter.empty) for p in found]
    return re.sub(r" at 0x\w+", "", str(inspect.Signature(bare, __validate_parameters__=False)))  # type: ignore[call-arg]


# ---------------------------------------------------------------------------- what is left out on purpose


def exceptions(text: str | None = None) -> dict[str, str]:
    """The table of names that plait does not have: `{name: reason}`. A star stands for anything."""
    return _table(HEADING, text)


def own_signatures(text: str | None = None) -> dict[str, str]:
    """The table of what takes other parameters on purpose: `{name: reason}`."""
    return _table(OWN, text)


def _table(heading: str, text: str | None) -> dict[str, str]:
    """The rows of the table under a heading of docs/differences.md: `{name: the rest of its row}`."""
    text = DIFFERENCES.read_text() if text is None else text
    section = re.split(r"\n#+ ", text.partition(f"# {heading}\n")[2])[0]
    rows: dict[str, str] = {}
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) == 2:
            for name in re.findall(r"`([\w.*]+)`", cells[0]):
                rows[name] = cells[1]
    return rows


def covers(pattern: str, name: str) -> bool:
    """Whether a row of the table stands for a missing name."""
    return fnmatch.fnmatchcase(name, pattern)


def unlisted(groups: list[Group], rows: dict[str, str]) -> list[str]:
    """What is missing and not in the table."""
    return [name for group in groups for name in group.missing if not any(covers(row, name) for row in rows)]


def unlisted_signatures(groups: list[Group], rows: dict[str, str]) -> list[str]:
    """What takes other parameters and is not in the table of those."""
    differing = [name for group in groups for name, _, _ in group.differing]
    return [name for name in differing if not any(covers(row, name) for row in rows)]


def outdated(groups: list[Group], rows: dict[str, str], own: dict[str, str]) -> list[str]:
    """What is in a table and isn't missing, or takes the same parameters, or has no reason."""
    missing = [name for group in groups for name in group.missing]
    differing = [name for group in groups for name, _, _ in group.differing]
    pairs = [(row, reason, missing) for row, reason in rows.items()]
    pairs += [(row, reason, differing) for row, reason in own.items()]
    return [row for row, reason, names in pairs if not reason or not any(covers(row, name) for name in names)]


# ---------------------------------------------------------------------------- lines of code


def lines_of_code(path: Path) -> int:
    """The lines of a file that hold code: no blank ones, comments or docstrings."""
    source = path.read_text()
    documented = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and ast.get_docstring(
            node
        ):
            first = node.body[0]
            documented.update(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    skipped = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in skipped:
            lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines - documented)


def count(root: Path, places: str) -> int:
    """The lines of code in folders and files below a root, tests left out."""
    paths = [root / place for place in places.split()]
    files = [file for path in paths for file in (path.rglob("*.py") if path.is_dir() else [path]) if file.exists()]
    return sum(lines_of_code(file) for file in files if not file.name.endswith("_test.py"))


def line_counts(plait: types.ModuleType, keras: types.ModuleType) -> list[tuple[str, int, int]]:
    """For each family its lines of code here and in Keras, and the sum of all."""
    ours, theirs = (Path(str(library.__file__)).parent for library in (plait, keras))
    rows = [(name, count(ours, here), count(theirs / "src", there)) for name, (here, there) in FAMILIES.items()]
    return [*rows, ("all", sum(row[1] for row in rows), sum(row[2] for row in rows))]


# ---------------------------------------------------------------------------- the report


def tables(groups: list[Group], rows: dict[str, str], counts: list[tuple[str, int, int]]) -> Iterator[tuple]:
    """The tables of the report: a title, the heads of the columns, and the cells."""
    lacking = set(unlisted(groups, rows))
    body = [
        (
            group.name or "(top)",
            str(group.compared),
            str(sum(name in lacking for name in group.missing)),
            str(sum(name not in lacking for name in group.missing)),
            str(len(group.differing)),
        )
        for group in groups
    ]
    total = [sum(int(row[column]) for row in body) for column in range(1, 5)]
    heads = ("module", "names", "missing", "left out", "other parameters")
    yield "Keras's public names", heads, [*body, ("all", *map(str, total))]
    lines = [(name, str(ours), str(theirs), f"{ours / max(theirs, 1):.2f}") for name, ours, theirs in counts]
    yield "Lines of code", ("family", "plait", "Keras", "ratio"), lines


def show(title: str, heads: tuple, body: list[tuple]) -> None:
    """Prints a table, with rich where it is installed."""
    try:
        from rich.console import Console
        from rich.table import Table
    except ImportError:
        widths = [max(len(row[column]) for row in [heads, *body]) for column in range(len(heads))]
        print(f"\n{title}")
        for row in [heads, *body]:
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        return
    table = Table(*heads, title=title, title_justify="left")
    for row in body:
        table.add_row(*row)
    Console().print(table)


def load() -> tuple[types.ModuleType, types.ModuleType]:
    """Keras on JAX, and the plait of this checkout."""
    sys.path.insert(0, str(ROOT / "src"))
    os.environ.setdefault("KERAS_BACKEND", "jax")
    return importlib.import_module("keras"), importlib.import_module("plait")


def main(arguments: list[str]) -> int:
    """Prints the report. The exit status: 0 where nothing is missing but what is left out on purpose."""
    keras, plait = load()
    groups, rows, own = compare(keras, plait), exceptions(), own_signatures()
    for title, heads, body in tables(groups, rows, line_counts(plait, keras)):
        show(title, heads, body)
    lacking, stale, otherwise = unlisted(groups, rows), outdated(groups, rows, own), unlisted_signatures(groups, own)
    if "-v" in arguments:
        for group in groups:
            for name, ours, theirs in group.differing:
                print(f"\n{name}\n  plait {ours}\n  keras {theirs}")
    titles = "Missing", "Other parameters", f"In {DIFFERENCES.name}, but not so"
    for title, names in zip(titles, (lacking, otherwise, stale), strict=True):
        if names:
            print(f"\n{title} ({len(names)}):\n  " + "\n  ".join(names))
    return int(bool(lacking or stale))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
