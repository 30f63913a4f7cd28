"""What docs/design.md says about the tree is true of the tree: its files, its state, its figures."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

from architecture import test_budgets as budgets
from architecture.markdown import blocks
from architecture.source_tree import ROOT, SOURCE, assigned_names, modules, tree
from plait.common.traits import is_of_plait
from plait.layers import Layer

PAGE = ROOT / "docs" / "design.md"
LINES_IN_A_CALL = 25
CLASSES_BELOW_LAYER = 4
MUTABLE = {
    "dict",
    "list",
    "set",
    "deque",
    "count",
    "ContextVar",
    "WeakKeyDictionary",
    "RLock",
    "Lock",
    "Condition",
    "local",
}


# --- files -----------------------------------------------------------------------------------------------------------


def test_the_page_names_every_file_in_its_folder_and_no_other():
    real = {(folder, stem) for folder, stem in map(place, modules().values()) if stem != "__init__" or folder == ""}
    drawn = set(files_drawn(block_of_source()))
    assert drawn == real, f"not on the page: {sorted(real - drawn)}; not in the tree: {sorted(drawn - real)}"


def test_the_page_names_every_folder_of_tests():
    real = {path.name for path in (ROOT / "tests").iterdir() if path.name not in {"__pycache__", ".pytest_cache"}}
    drawn = set(re.findall(r"(?m)^├── ([\w.]+)/?  ", block_of_tests())) | set(
        re.findall(r"(?m)^└── ([\w.]+)/?  ", block_of_tests())
    )
    assert drawn == real, f"not on the page: {sorted(real - drawn)}; not in the tree: {sorted(drawn - real)}"


def test_files_that_the_page_cites_are_there():
    text = re.sub(r"(?s)```.*?```", "", PAGE.read_text(encoding="utf-8").split("## 11.")[0])
    cited = set(re.findall(r"`([\w/.]+\.(?:py|md)|[a-z_]+/[\w/]+)`", text))
    homes = (ROOT, ROOT / "docs", ROOT / "tests", SOURCE)
    missing = sorted(
        name for name in cited if not any((home / name).exists() or (home / f"{name}.py").exists() for home in homes)
    )
    assert not missing, f"docs/design.md cites {missing}."


def block_of_source() -> str:
    """The tree of src/plait on the page."""
    return next(block.text for block in blocks(PAGE) if block.text.startswith("src/plait/"))


def block_of_tests() -> str:
    """The tree of tests on the page."""
    return next(block.text for block in blocks(PAGE) if block.text.startswith("tests/"))


def files_drawn(text: str) -> Iterator[tuple[str, str]]:
    """The (folder, file) pairs of a tree. What stands in parentheses is about the file before; a line that begins with a
    folder lists its files, until the next entry."""
    folder = ""
    for line in re.sub(r"(?s)\([^()]*\)", "", text).splitlines()[1:]:
        entry = re.match(r"├── ([\w/]+)(/|\.py)\s*(.*)", line)
        if entry and entry[2] == ".py":
            yield "", entry[1]
            continue
        if entry:
            folder = entry[1]
        names = entry[3] if entry else line.lstrip("│ ") if not line.startswith("│ ──") else ""
        yield from ((folder, name) for name in re.findall(r"\w+", names))


def place(path: Path) -> tuple[str, str]:
    """A file as (folder below src/plait, name)."""
    relative = path.relative_to(SOURCE)
    folder = relative.parent.as_posix()
    return ("" if folder == "." else folder), relative.stem


# --- state -----------------------------------------------------------------------------------------------------------


def test_the_page_names_all_state_that_outlives_a_call():
    text = PAGE.read_text(encoding="utf-8")
    section = text[text.index("## 3. State that outlives a call") :].split("\n## ")[0]
    named = set(re.findall(r"`([\w/]+)\.(_?[a-z_]+)`", section)) - {("tests/architecture/test_design", "py")}
    real = {(f"{folder}/{stem}".lstrip("/"), name) for (folder, stem), name in state()}
    assert named == real, f"not on the page: {sorted(real - named)}; not in the tree: {sorted(named - real)}"


def state() -> Iterator[tuple[tuple[str, str], str]]:
    """Names at the top of modules that change while a program runs: assigned by `global`, or containers that begin empty."""
    for path in modules().values():
        names = {name for node in ast.walk(tree(path)) if isinstance(node, ast.Global) for name in node.names}
        for statement in tree(path).body:
            if isinstance(statement, ast.Assign | ast.AnnAssign) and begins_empty(statement.value):
                names |= {
                    name for name in assigned_names(statement) if name == name.lower() and not name.startswith("__")
                }
        yield from ((place(path), name) for name in sorted(names))


def begins_empty(value: ast.expr | None) -> bool:
    """Whether a value is an empty container, or something else that is there to be changed."""
    if isinstance(value, ast.Dict):
        return not value.keys
    if isinstance(value, ast.List):
        return not value.elts
    return isinstance(value, ast.Call) and ast.unparse(value.func).split(".")[-1] in MUTABLE


# --- programs --------------------------------------------------------------------------------------------------------


def test_the_page_names_who_compiles():
    text = PAGE.read_text(encoding="utf-8")
    sentence = text[text.index("`jax.jit` stands") :].split("\n")[0]
    named = set(re.findall(r"`([a-z_]+/[a-z_]+)`", sentence))
    real = {"/".join(place(path)) for path in modules().values() if "jax.jit" in code(path)}
    assert named == real, f"not on the page: {sorted(real - named)}; not in the tree: {sorted(named - real)}"


def test_one_file_donates():
    assert {"/".join(place(path)) for path in modules().values() if "donate_arg" in code(path)} == {"core/program"}


def code(path: Path) -> str:
    """A file's code, without comments and docstrings."""
    copy = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(copy):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value = ast.Constant(None)
    return ast.unparse(copy)


# --- figures ---------------------------------------------------------------------------------------------------------


def test_figures_on_the_page_are_those_of_the_tests():
    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    for said in (
        f"a file over {budgets.LINES_IN_A_FILE} lines",
        f"a function over {budgets.LINES_IN_A_FUNCTION}",
        f"more than {budgets.CALLS_IN_A_WARM_DENSE} of our Python calls in a warm eager `Dense(x)`",
        f"more than {budgets.CALLS_IN_A_STEP} in a training step",
        f"`call`, at most {LINES_IN_A_CALL} lines",
        f"at most {CLASSES_BELOW_LAYER} classes below `Layer`",
    ):
        assert said in text, f"docs/design.md should say: {said}"


def test_calls_of_layers_are_short():
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {budgets.lines_of(node)} lines"
        for name, path in modules().items()
        if name.startswith("plait.layers.")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef) and node.name == "call" and budgets.lines_of(node) > LINES_IN_A_CALL
    ]
    assert not long, f"A `call` has at most {LINES_IN_A_CALL} lines:\n" + "\n".join(long)


def test_few_classes_stand_between_a_layer_and_layer():
    for module in modules():
        if module.startswith("plait.layers"):
            importlib.import_module(module)
    deep = {
        cls.__name__: chain
        for cls in below(Layer)
        if is_of_plait(cls)
        and len(chain := [one.__name__ for one in cls.__mro__ if issubclass(one, Layer)]) > CLASSES_BELOW_LAYER + 1
    }
    assert not deep, f"More than {CLASSES_BELOW_LAYER} classes below Layer: {deep}"


def below(cls: type) -> set[type]:
    """All classes derived from one."""
    return {found for child in cls.__subclasses__() for found in {child, *below(child)}}


def test_classes_are_nouns():
    vague = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.name}"
        for path in modules().values()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ClassDef) and re.search(r"(Manager|Handler|Helper|Utils?)$", node.name)
    ]
    assert not vague, "A class is named by what it is:\n" + "\n".join(vague)


def is_declaration(function: ast.FunctionDef) -> bool:
    """Whether a function is for type checkers only: its body is a text or three dots."""
    return all(isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant) for one in function.body)


def test_outside_compat_nothing_is_found_by_magic():
    outside = [path for path in modules().values() if place(path)[0] != "compat"]
    late = {
        place(path)
        for path in outside
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef) and node.name == "__getattr__" and not is_declaration(node)
    }
    assert late == {("", "__init__"), ("utils", "config")}
    assert not [path for path in outside if "metaclass=" in code(path) or "locals()" in code(path)]


def test_warnings_point_at_the_line_of_the_program():
    assert {place(path) for path in modules().values() if "warnings.warn(" in code(path)} == {("common", "messages")}
