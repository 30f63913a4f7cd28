"""The source of plait as data: its files, their names as modules, their syntax trees. Nothing here imports plait."""

import ast
import tomllib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "plait"

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def modules() -> dict[str, Path]:
    """Every module of plait by its dotted name: {"plait.core.graph": Path(".../core/graph.py")}."""
    return {module_name(path): path for path in sorted(SOURCE.rglob("*.py"))}


def module_name(path: Path) -> str:
    """The dotted name that a file has under src, a package that of its folder; an example's is its file's name."""
    if not path.is_relative_to(SOURCE):
        return path.stem
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_package(module: str) -> bool:
    """Whether a module of plait is a folder's `__init__.py`."""
    return modules()[module].name == "__init__.py"


@cache
def tree(path: Path) -> ast.Module:
    """A file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def is_public(name: str) -> bool:
    """Whether no part of a dotted name starts with an underscore."""
    return not any(part.startswith("_") for part in name.split("."))


def declared_names(path: Path) -> list[str] | None:
    """What `__all__` lists in a file, or None where there is no `__all__` written out as a list or tuple of strings."""
    for statement in tree(path).body:
        if isinstance(statement, ast.Assign | ast.AnnAssign) and "__all__" in assigned_names(statement):
            try:
                return list(ast.literal_eval(statement.value)) if statement.value else None
            except ValueError:
                return None
    return None


def assigned_names(statement: ast.stmt) -> list[str]:
    """The names that a statement assigns to: ["a", "b"] for `a = b = 1`."""
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    else:
        return []
    return [node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)]


def is_face_statement(statement: ast.stmt) -> bool:
    """Whether a statement only documents, imports, or lists names in `__all__`."""
    if isinstance(statement, ast.Assign):
        return assigned_names(statement) == ["__all__"]
    return isinstance(statement, ast.Import | ast.ImportFrom) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


@cache
def project() -> dict:
    """The contents of pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
