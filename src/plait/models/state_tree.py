"""A model's state as one nested dict, for checkpoints by other libraries (Orbax) and for looking at."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from plait.core.variable import Variable
from plait.errors import ArgumentError


def get_state_tree(model: Any, value_format: str = "backend_tensor") -> dict[str, dict]:
    """The values of all variables, nested by the parts of their paths, in four groups.

    Args:
        model: a built model.
        value_format: "backend_tensor" for JAX arrays, "numpy_array" for NumPy's.

    Raises:
        ArgumentError: another format, or two variables of one path.
    """
    if value_format not in ("backend_tensor", "numpy_array"):
        raise ArgumentError(
            f"get_state_tree: value_format must be 'backend_tensor' or 'numpy_array', but got {value_format!r}."
        )
    return {
        group: _nested(variables, [v.numpy() if value_format == "numpy_array" else v.value for v in variables])
        for group, variables in _groups(model).items()
    }


def set_state_tree(model: Any, state_tree: Mapping[str, Mapping]) -> None:
    """Assigns the values of a tree that `get_state_tree` gave; what the model doesn't have is left out."""
    for group, variables in _groups(model).items():
        values = dict(_leaves(state_tree.get(group, {})))
        for variable in variables:
            if variable.path in values:
                variable.assign(values[variable.path])


def _groups(model: Any) -> dict[str, list[Variable]]:
    optimizer = getattr(model, "optimizer", None)
    return {
        "trainable_variables": model.trainable_variables,
        "non_trainable_variables": model.non_trainable_variables,
        "optimizer_variables": list(optimizer.variables) if optimizer is not None else [],
        "metrics_variables": model.metrics_variables,
    }


def _nested(variables: Sequence[Variable], values: Sequence[Any]) -> dict:
    tree: dict = {}
    for variable, value in zip(variables, values, strict=True):
        *parents, name = variable.path.split("/")
        inner = tree
        for part in parents:
            inner = inner.setdefault(part, {})
        if name in inner:
            raise ArgumentError(
                f"get_state_tree: The following variable path is found twice in the model: {variable.path!r}. Give its layers names."
            )
        inner[name] = value
    return tree


def _leaves(tree: Mapping, before: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{before}{key}/")
        else:
            yield f"{before}{key}", value
