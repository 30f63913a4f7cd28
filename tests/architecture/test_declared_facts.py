"""Facts about classes are declared: all of plait's classes say that they are, and nobody guesses from names."""

import ast
import importlib
import re

import pytest

from architecture.source_tree import SOURCE, modules, tree
from plait.common.traits import is_of_plait
from plait.core.graph import Operation
from plait.core.holder import Holder

NAMING = {
    "common/serialization.py": "the module of a program's own class stands in files",
    "core/constants.py": "classes and functions of programs, not of libraries, are looked through",
    "core/op.py": "a class that is made says where; a pickle finds a function by where it is",
    "applications/classifier.py": "functions that are made say where",
    "features/space.py": "TensorFlow's tensors, without importing it",
}


def classes_below(*roots):
    found = {*roots}
    for root in roots:
        found |= classes_below(*root.__subclasses__())
    return found


def _stands_in_file(cls):
    """Whether a class, or the function of an op, stands in a file of plait's: examples of docstrings and tests make some too."""
    made = getattr(cls, "function", cls)
    if cls.__module__ not in modules() or made.__module__ not in modules():
        return False
    text = modules()[made.__module__].read_text()
    return not re.search(rf"(>>>|\.\.\.) ((class|def) {re.escape(made.__name__)}\b|.*name=\"{cls.__name__}\")", text)


def test_every_class_of_plait_is_declared():
    for module in modules():
        if not module.startswith(("plait.compat", "plait.__main__")):
            importlib.import_module(module)
    classes = {cls for cls in classes_below(Operation, Holder) if _stands_in_file(cls)}
    assert len(classes) > 500
    assert {f"{cls.__module__}.{cls.__name__}" for cls in classes if not is_of_plait(cls)} == set()


@pytest.mark.parametrize("path", sorted(modules().values()), ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_no_module_or_class_is_told_by_its_name(path):
    found = []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute) and node.attr == "__module__":
            found.append(f"line {node.lineno}: __module__")
        if isinstance(node, ast.Compare):
            sides = (node.left, *node.comparators)
            if any(isinstance(side, ast.Attribute) and side.attr in ("__name__", "__qualname__") for side in sides):
                found.append(f"line {node.lineno}: a comparison of names")
    assert path.relative_to(SOURCE).as_posix() in NAMING or found == []
