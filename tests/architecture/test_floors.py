"""Imports only go down: the house of docs/design.md, section 2, held to by reading every import in src/plait.

A file imports from lower floors, or from its own folder without a circle. On one floor the lines of FLOORS are steps,
lowest first: a unit may use a step below its own; units on one step are siblings and do not know each other. Nothing is
imported inside a function but an optional third-party package, in a `try` that can say how to install it.
"""

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

from architecture.source_tree import ROOT, SOURCE, is_face_statement, is_package, modules, project, tree

GROUND, CORE, MATHS, PARTS, TRAINING, MODELS, REWRITES, FACE = range(8)

# One tuple a floor, one line a step, one name a unit: a file or a folder right under src/plait.
FLOORS = (
    (
        {"_version"},
        {"errors", "common"},
    ),
    (
        {"core"},
        {"distribution"},
    ),
    (
        {"lowering"},
        {"random"},
        {"ops"},
        {"activations", "initializers", "regularizers", "constraints", "quantizers"},
    ),
    (
        {"_long_work"},
        {"layers", "losses", "optimizers", "weightings"},
        {"metrics"},
    ),
    (
        {"saving", "inspect"},
        {"training", "export"},
    ),
    ({"models"},),
    ({"surgery", "distillation", "features"},),
    (
        {"__init__", "__main__", "config", "tree", "utils", "cli", "launch", "launched", "compat"}
        | {
            "backend",
            "dtype_policies",
            "mixed_precision",
            "multitask",
            "preprocessing",
            "callbacks",
            "datasets",
            "applications",
            "visualization",
            "wrappers",
        },
    ),
)

ONE_FOLDER = {GROUND, FACE}  # floors whose files lie side by side in src/plait: any order without a circle
PACKAGE = "plait"
GROUND_PACKAGES = {"numpy", "jax", "ml_dtypes"}
IMPORT_NAMES = {"opencv-python-headless": "cv2", "orbax-checkpoint": "orbax"}  # where they aren't the package's


class Import(NamedTuple):
    """One import statement: the module it reaches, and where it is written."""

    target: str
    line: int
    local: bool
    guarded: bool


def test_every_unit_has_a_floor():
    unknown = {unit_of(module) for module in modules()} - set(places()) - namespace_files()
    assert not unknown, f"{sorted(unknown)}: give each a floor in docs/design.md and in FLOORS here."


def test_imports_go_down():
    refuse(
        "An import may only go down (docs/design.md, section 2).",
        (
            (module, found.line, f"floor {place_of(module)[0]}, imports {found.target} of {place_of(found.target)[0]}")
            for module in modules()
            for found in imports(module)
            if is_ours(found.target) and not may_import(module, found.target)
        ),
    )


def test_there_is_no_circle():
    edges = {name: {found.target for found in imports(name) if is_ours(found.target)} for name in modules()}
    circle = find_circle(edges)
    assert not circle, f"These import each other in a circle: {' -> '.join(circle)}."


def test_only_optional_packages_are_imported_inside_functions():
    optional = optional_packages()
    refuse(
        f"Move it to the top of the file. Only the extras of pyproject.toml, {sorted(optional)}, may be imported "
        "inside a function, in a try that catches ImportError and says how to install them.",
        (
            (module, found.line, f"imports {found.target}")
            for module in modules()
            for found in imports(module)
            if found.local and not (is_optional(found.target) and found.guarded)
        ),
    )


def test_third_party_packages_are_declared():
    def known(module: str) -> set[str]:
        low = place_of(module)[0] <= CORE
        return standard_library() | (required_packages() & GROUND_PACKAGES if low else required_packages())

    refuse(
        f"Up to floor {CORE} only {sorted(required_packages() & GROUND_PACKAGES)} may be imported, above it whatever "
        "pyproject.toml requires.",
        (
            (module, found.line, f"imports {found.target}")
            for module in modules()
            for found in imports(module)
            if not found.local
            and not is_ours(found.target)
            and found.target.split(".")[0] not in known(module)
            # a class can't be derived from an optional package's inside a function
            and not (module.startswith("plait.wrappers.") and found.guarded)
        ),
    )


def test_below_the_face_imports_are_written_out():
    refuse(
        "A module whose name is made at run time is a hole in the floors, and in the safety of loading files.",
        (
            (module, node.lineno, f"uses {ast.unparse(node)}")
            for module, path in modules().items()
            if place_of(module)[0] != FACE
            for node in ast.walk(tree(path))
            if isinstance(node, ast.Name | ast.Attribute)
            and ast.unparse(node).split(".")[-1] in {"import_module", "__import__"}
        ),
    )


def test_the_rules_themselves():
    assert may_import("plait.layers.base", "plait.core.graph")
    assert may_import("plait.layers.core", "plait.layers.base")
    assert may_import("plait.ops.nn", "plait.lowering.convolution")
    assert may_import("plait.common.dtypes", "plait.common.settings")
    assert may_import("plait", "plait.layers")
    assert not may_import("plait.core.graph", "plait.layers")
    assert not may_import("plait.lowering.convolution", "plait.ops.nn")
    assert not may_import("plait.losses", "plait.metrics.base")
    assert not may_import("plait.layers.base", "plait")
    assert find_circle({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == ["b", "c", "b"]
    assert find_circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def refuse(rule: str, found: Iterable[tuple[str, int, str]]) -> None:
    """Fails with the rule and all (module, line, what) that break it."""
    lines = dict.fromkeys(f"{modules()[module].relative_to(ROOT)}:{line}: {what}" for module, line, what in found)
    assert not lines, "\n".join([rule, *lines])


# --- the house -------------------------------------------------------------------------------------------------------


@cache
def places() -> dict[str, tuple[int, int]]:
    """Each unit's (floor, step)."""
    return {
        unit: (floor, step) for floor, steps in enumerate(FLOORS) for step, units in enumerate(steps) for unit in units
    }


def place_of(module: str) -> tuple[int, int]:
    """A module's (floor, step). What the table doesn't name is a namespace file, so part of the face."""
    return places().get(unit_of(module), (FACE, 0))


def unit_of(module: str) -> str:
    """The file or folder right under src/plait that a module is in; `__init__` for plait itself."""
    return module.split(".")[1] if "." in module else "__init__"


def may_import(importer: str, target: str) -> bool:
    """Whether the house allows one module of plait to import another, circles aside."""
    if unit_of(importer) == unit_of(target):
        return True
    return place_of(target) < place_of(importer) or place_of(importer)[0] == place_of(target)[0] in ONE_FOLDER


@cache
def namespace_files() -> set[str]:
    """Units that hold no logic: a docstring, imports and `__all__`. They need no line in the table: they are face."""
    return {
        unit_of(module)
        for module, path in modules().items()
        if path.parent == SOURCE and all(is_face_statement(statement) for statement in tree(path).body)
    }


# --- the imports -----------------------------------------------------------------------------------------------------


@cache
def imports(module: str) -> tuple[Import, ...]:
    """Every import written in a module, wherever it stands."""
    return tuple(walk_imports(tree(modules()[module]), module, local=False, guarded=False))


def walk_imports(node: ast.AST, module: str, local: bool, guarded: bool) -> Iterator[Import]:
    """The imports below a node; knows whether it is inside a function, and inside a try that catches ImportError."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        for target in targets(node, module):
            yield Import(target, node.lineno, local, guarded)
    local = local or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    catches = isinstance(node, ast.Try) and any(catches_import_error(handler) for handler in node.handlers)
    for child in ast.iter_child_nodes(node):
        inside_try = catches and child in node.body  # pyright: ignore[reportAttributeAccessIssue]
        yield from walk_imports(child, module, local, guarded or inside_try)


def catches_import_error(handler: ast.ExceptHandler) -> bool:
    """Whether an except clause is for a package that isn't installed."""
    return handler.type is not None and bool(re.search("ImportError|ModuleNotFoundError", ast.unparse(handler.type)))


def targets(statement: ast.Import | ast.ImportFrom, module: str) -> Iterator[str]:
    """The modules that one statement imports; `from package import submodule` is an import of the submodule."""
    if isinstance(statement, ast.Import):
        yield from (alias.name for alias in statement.names)
        return
    base = statement.module or ""
    if statement.level:
        parents = module.split(".")
        kept = len(parents) - statement.level + is_package(module)
        base = ".".join(parents[:kept] + ([base] if base else []))
    for alias in statement.names:
        yield f"{base}.{alias.name}" if f"{base}.{alias.name}" in modules() else base


def is_ours(target: str) -> bool:
    """Whether an imported name is plait or part of it."""
    return target.split(".")[0] == PACKAGE


@cache
def standard_library() -> set[str]:
    """The names of Python's own modules."""
    return set(sys.stdlib_module_names)


@cache
def required_packages() -> set[str]:
    """What pyproject.toml says plait cannot run without."""
    return {distribution(requirement) for requirement in project()["project"]["dependencies"]}


@cache
def optional_packages() -> set[str]:
    """What pyproject.toml offers as extras."""
    extras = project()["project"]["optional-dependencies"].values()
    found = {distribution(requirement) for extra in extras for requirement in extra}
    return {IMPORT_NAMES.get(name, name) for name in found} - required_packages() - {PACKAGE}


def is_optional(target: str) -> bool:
    """Whether a module may be missing: an extra's, or the part of JAX that needs TensorFlow."""
    return target.split(".")[0] in optional_packages() or target == "jax.experimental.jax2tf"


def distribution(requirement: str) -> str:
    """The package that a requirement is about: "jax" of "jax[cuda12]>=0.10"."""
    return re.split(r"[^A-Za-z0-9_.-]", requirement, maxsplit=1)[0]


def find_circle(edges: dict[str, set[str]]) -> list[str]:
    """One circle in a graph, as the names along it with the first again at the end; empty where there is none."""
    done: set[str] = set()

    def visit(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return []
        for target in sorted(edges.get(name, ())):
            if circle := visit(target, [*path, name]):
                return circle
        done.add(name)
        return []

    return next((circle for name in sorted(edges) if (circle := visit(name, []))), [])
