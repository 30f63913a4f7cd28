"""What a batch looks like, before a step is traced: shapes and dtypes in the place of arrays, and numbers, not text."""

from typing import Any

import jax

from plait.common.tree import leaves_with_paths, map_structure, path_name
from plait.core.tensor import KerasTensor
from plait.errors import DataError


def host_spec(value: Any) -> Any:
    """An array's shape and dtype; what else there is, as it is."""
    return jax.ShapeDtypeStruct(value.shape, value.dtype) if hasattr(value, "shape") else value


def check_numbers(values: Any, what: str, advice: str, owner: str) -> None:
    """Refuses text.

    Raises:
        DataError: some of the values are text.
    """
    texts = [
        f"{what} {path_name(path)!r}" if path else f"the {what}" for path, v in leaves_with_paths(values) if _is_text(v)
    ]
    if texts:
        raise DataError(f"{owner}: {what} must be numbers, but {' and '.join(texts)} are text. {advice}")


def specs(values: Any) -> Any:
    """Symbolic tensors in the place of arrays, the batch axis unknown."""

    def spec(value: Any) -> Any:
        if not hasattr(value, "shape"):
            return value
        return KerasTensor((None, *value.shape[1:]) if value.shape else (), value.dtype)

    return map_structure(spec, values) if values is not None else None


def _is_text(value: Any) -> bool:
    return getattr(getattr(value, "dtype", None), "kind", "") in ("O", "S", "U", "T")
