"""Batches on their way to the device."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from plait.common.tree import map_structure_in_order
from plait.distribution import distribution
from plait.distribution.placement import Split


def to_device(batch: Any) -> Any:
    """A copy of a batch on the default device; ready when this returns, so its host memory may be used again.

    Where a distribution splits batches, the copy stays on the host until it is sent: then each device gets its rows.

    Strings stay on the host, copied. Dtypes are kept: an image of bytes travels as bytes, and is cast by the model.
    """
    return jax.block_until_ready(map_structure_in_order(_put, batch))


def _put(array: Any) -> Any:
    if array is None or isinstance(array, (jax.Array, Split)):
        return array
    private = np.array(array)  # JAX takes a large array's memory over on a CPU, whatever `may_alias` says
    stays = array.dtype.kind in "OUS" or distribution() is not None
    return private if stays else jax.device_put(private)


def same_device(function: Callable) -> Callable:
    """The function, computing on the device that is this thread's default wherever it is called."""
    device = jax.config.jax_default_device  # type: ignore[attr-defined]
    if device is None:
        return function

    def run(*args: Any) -> Any:
        with jax.default_device(device):
            return function(*args)

    return run
