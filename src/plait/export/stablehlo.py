"""A model as one file of StableHLO, by `jax.export`: program and weights, for any size of batch, for CPU, GPU and TPU.

The file is what `jax.export.deserialize` reads; JAX keeps it readable for six months of releases. It holds a program for XLA
and no Python. `load` gives it back as a function.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from jax import export

from plait.common.messages import describe
from plait.errors import FileError
from plait.export.endpoint import Endpoint
from plait.saving.archive import open_regular
from plait.saving.atomic import atomic_write

PLATFORMS = ("cpu", "cuda", "rocm", "tpu")


def write_stablehlo(endpoint: Endpoint, path: Path, platforms: Sequence[str] = PLATFORMS) -> None:
    """Writes an endpoint as one file.

    Args:
        endpoint: what is exported.
        path: where to.
        platforms: where it is to run.

    Raises:
        ImportError: flatbuffers isn't installed.
    """
    check_installed()
    exported = export.export(jax.jit(endpoint.__call__), platforms=tuple(platforms))(*endpoint.specs)
    with atomic_write(path) as file:
        file.write(exported.serialize())


def check_installed() -> None:
    """Makes sure that what JAX needs for such files is there.

    Raises:
        ImportError: it isn't; says how to install it.
    """
    try:
        import flatbuffers  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "StableHLO files are written and read with flatbuffers: pip install plait[export]."
        ) from error


class Artifact:
    """An exported program, to be called like the model.

    Attributes:
        exported: the `jax.export.Exported`, for its `mlir_module()`, `in_avals` and the like.
    """

    def __init__(self, exported: export.Exported):
        self.exported = exported
        self._program = jax.jit(exported.call)

    def __call__(self, *args: Any) -> Any:
        """The outputs for arrays in the structure that the model takes."""
        leaves, structure = jax.tree.flatten(args)
        specs = self.exported.in_avals
        if len(leaves) == len(specs):
            leaves = [jnp.asarray(leaf, spec.dtype) for leaf, spec in zip(leaves, specs)]
        return self._program(*jax.tree.unflatten(structure, leaves))

    serve = __call__

    def __repr__(self) -> str:
        return f"<Artifact of {describe(list(self.exported.in_avals))} for {', '.join(self.exported.platforms)}>"


def load(filepath: Any) -> Artifact:
    """Reads what `model.export(path, format="stablehlo")` wrote, or any file of a `jax.export.Exported`.

    Raises:
        FileError: no such file, or another kind of file.
        ImportError: flatbuffers isn't installed.
    """
    check_installed()
    with open_regular(Path(filepath)) as file:
        data = file.read()
    try:
        return Artifact(export.deserialize(bytearray(data)))
    except Exception as error:
        raise FileError(
            f"'{filepath}' cannot be read as a file of jax.export: {type(error).__name__}: {error}"
        ) from error
