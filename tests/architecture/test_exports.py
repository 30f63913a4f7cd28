"""One face: what a namespace shows is what its `__all__` lists, sorted, and every name on the list is there."""

import ast
import importlib
from functools import cache

import pytest

from architecture.source_tree import (
    assigned_names,
    declared_names,
    is_face_statement,
    is_package,
    is_public,
    modules,
    tree,
)

# Not namespaces: folders for plait itself (namespace files show what users need of them), and programs to run.
INTERNAL = {
    "plait.common",
    "plait.core",
    "plait.features",
    "plait.lowering",
    "plait.training",
    "plait.inspect",
    "plait.compat",
    "plait.cli",
    "plait.launch",
    "plait.launched",
    "plait.weightings",
}


@cache
def namespaces() -> list[str]:
    """plait, each public module right below it, and each other module that has an `__all__`."""
    return [
        module
        for module, path in modules().items()
        if (module.count(".") <= 1 and is_public(module) and module not in INTERNAL)
        or ("__all__" in path.read_text(encoding="utf-8") and declared_names(path) is not None)
    ]


@pytest.mark.parametrize("module", namespaces())
def test_all_lists_the_public_names_sorted(module):
    listed = list(importlib.import_module(module).__all__)
    assert listed == sorted(set(listed)), f"Sort __all__ of {module}: {sorted(set(listed))}."
    written = public_names(module)
    if written is not None:
        assert set(listed) == written, f"__all__ of {module} differs from its public names: {set(listed) ^ written}."


@pytest.mark.parametrize("module", namespaces())
def test_each_listed_name_is_there(module):
    namespace = importlib.import_module(module)
    missing = [name for name in namespace.__all__ if not hasattr(namespace, name)]
    assert not missing, f"__all__ of {module} lists {missing}, which cannot be got from it."
    hidden = set(namespace.__all__) - set(dir(namespace))
    assert not hidden, f"dir({module}) does not show {sorted(hidden)}."


def test_packages_hold_no_logic():
    wrong = [
        f"{path}:{statement.lineno}: {ast.unparse(statement).splitlines()[0]}"
        for module, path in modules().items()
        if is_package(module) and not loads_at_first_use(module)
        for statement in tree(path).body
        if not is_face_statement(statement) or not all_named(statement)
    ]
    assert not wrong, (
        "An __init__.py documents, imports one name a line as `X as X` (`X as Y` for a second name), and lists them:\n"
        + "\n".join(wrong)
    )


def all_named(statement: ast.stmt) -> bool:
    """Whether the public name of whatever a statement imports is written out: `from ... import X as X`."""
    aliases = statement.names if isinstance(statement, ast.Import | ast.ImportFrom) else []
    return all(alias.asname is not None for alias in aliases)


def public_names(module: str) -> set[str] | None:
    """The public names that a module's text defines or re-exports (`X as X`, `X as Y`); None where names load at first use."""
    if loads_at_first_use(module):
        return None
    names: set[str] = set()
    is_face = is_package(module)
    for statement in tree(modules()[module]).body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            names.add(statement.name)
        elif isinstance(statement, ast.ImportFrom):
            names.update(
                alias.asname for alias in statement.names if alias.asname and (is_face or alias.asname == alias.name)
            )
        else:
            names.update(assigned_names(statement))
    return {name for name in names if is_public(name)}


def loads_at_first_use(module: str) -> bool:
    """Whether a namespace finds its names when they are first asked for, by a module's `__getattr__` (PEP 562)."""
    body = tree(modules()[module]).body
    return any(
        (isinstance(statement, ast.FunctionDef) and statement.name == "__getattr__")
        or "__getattr__" in assigned_names(statement)
        for statement in body
    )
