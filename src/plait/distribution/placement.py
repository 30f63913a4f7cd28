"""How arrays get to their places: variables, batches, and data that lies on the devices whole.

    lay_out_variable      a variable, as the distribution in force says
    on_devices            data whose rows a step picks: whole on every device
    split_rows            a batch on its way to the devices: each gets its rows, and no process sends those of others
    lay_out_batch         inside of a program: the batch, split, the last device's rows fewer where they don't come out even

A batch that its devices don't divide travels filled up with zeros (`Split`), which the program cuts off again: nothing is
computed from them, so sums and statistics are those of the rows that are there.

Life under jit: `lay_out_batch`, `lay_out_whole` and `lay_out_as` are constraints on what XLA chooses.

What it is not: a choice. Which axis goes where is `distribution/layouts`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.sharding import NamedSharding, PartitionSpec, Sharding

from plait.core.cell import lay_out, placed
from plait.distribution.layouts import FullySharded, TensorLayout, distribution


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Split:
    """Rows on several devices, the last ones filled up with zeros.

    Attributes:
        array: as many rows on each device.
        rows: how many of them are there.
    """

    array: Any
    rows: int = field(metadata={"static": True})


def distribute_tensor(tensor: Any, layout: TensorLayout | Sharding) -> Any:
    """An array laid out so, also inside a traced function."""
    sharding = layout.backend_layout if isinstance(layout, TensorLayout) else layout
    if isinstance(tensor, Tracer):
        return jax.lax.with_sharding_constraint(tensor, sharding)
    return placed(tensor, sharding)


def lay_out_variable(variable: Any) -> None:
    """Lays a variable's value out as the distribution in force says, if there is one and it doesn't lie so yet."""
    chosen = distribution()
    if chosen is not None:
        mesh = chosen.device_mesh.backend_mesh
        lay_out(variable, mesh.devices.flat, chosen.get_variable_layout(variable).backend_layout)


def on_all(structure: Any) -> Any:
    """Arrays whole on each device, where a distribution is in force."""
    chosen = distribution()
    if chosen is None:
        return structure
    sharding = _whole(chosen)
    return jax.tree.map(lambda array: placed(array, sharding), structure)


def on_devices(structure: Any) -> Any:
    """Arrays as a program needs them that picks their rows: on the device, or whole on each."""
    return jax.device_put(structure) if distribution() is None else on_all(structure)


def split_rows(batch: Any) -> Any:
    """A batch from the host, each device's rows on it."""
    chosen = distribution()
    return batch if chosen is None else jax.tree.map(lambda array: _split(array, chosen), batch)


def split_of(read: Callable[[slice], np.ndarray], shape: Sequence[int], dtype: Any) -> Split:
    """Rows on their devices, of which each process reads its own only.

    Args:
        read: returns some of the rows.
        shape: of all of them.
        dtype: of the array.
    """
    chosen = distribution()
    rows, parts = shape[0], chosen.num_model_replicas
    padded = -(-rows // parts) * parts

    def part(index: Any) -> np.ndarray:
        start, stop, _ = index[0].indices(padded)
        found = read(slice(min(start, rows), min(stop, rows)))
        missing = stop - start - len(found)
        if missing:
            found = np.concatenate([found, np.zeros((missing, *shape[1:]), found.dtype)])
        return found.astype(dtype, copy=False)

    layout = chosen.get_data_layout(shape).backend_layout
    dtype = jax.dtypes.canonicalize_dtype(dtype)
    return Split(jax.make_array_from_callback((padded, *shape[1:]), layout, part), rows)


def _split(array: Any, chosen: Any) -> Any:
    if not np.ndim(array) or getattr(array.dtype, "kind", "") in "OUS":
        return array
    if isinstance(array, jax.Array) and not array.is_fully_addressable:
        return array  # somebody has laid it out
    host = np.asarray(array)
    return split_of(lambda rows: host[rows], host.shape, host.dtype)


def lay_out_batch(batch: Any) -> Any:
    """A batch, split over the devices."""
    chosen = distribution()
    if chosen is None:
        return batch

    def split(array: Any) -> Any:
        if isinstance(array, Split):
            array = array.array if array.rows == len(array.array) else array.array[: array.rows]
        if not isinstance(array, Tracer) or not array.ndim:
            return array
        return distribute_tensor(array, chosen.get_data_layout(array.shape))

    return jax.tree.map(split, batch, is_leaf=lambda leaf: isinstance(leaf, Split))


def lay_out_rows(rows: Any) -> Any:
    """The row numbers of a batch, split as the batch is, so that each device picks its own."""
    chosen = distribution()
    return rows if chosen is None else distribute_tensor(rows, chosen.get_data_layout(rows.shape))


def lay_out_whole(structure: Any) -> Any:
    """Results of a program, whole on each device."""
    chosen = distribution()
    if chosen is None:
        return structure
    sharding = _whole(chosen)
    return jax.tree.map(lambda leaf: distribute_tensor(leaf, sharding) if isinstance(leaf, Tracer) else leaf, structure)


def lay_out_filled(structure: Any) -> Any:
    """Results by rows, split over the devices; filled up with zeros, so that each has as many."""
    chosen = distribution()

    def filled(array: Any) -> Any:
        missing = -array.shape[0] % chosen.num_model_replicas
        array = jnp.pad(array, [(0, missing), *[(0, 0)] * (array.ndim - 1)]) if missing else array
        return distribute_tensor(array, chosen.get_data_layout(array.shape))

    return jax.tree.map(filled, structure)


class Own:
    """Results by rows that lie on several devices, filled up; this process's are what it can look at.

    Args:
        arrays: the results, in any structure.
        rows: how many rows there are in all.
    """

    def __init__(self, arrays: Any, rows: int):
        self.arrays, self.rows = arrays, rows

    def on_host(self) -> Any:
        """The rows of this process, in their order."""
        return jax.tree.map(self._own, self.arrays)

    def _own(self, array: Any) -> np.ndarray:
        parts = {shard.index[0].start or 0: shard.data for shard in array.addressable_shards}
        return np.concatenate([np.asarray(parts[start])[: max(0, self.rows - start)] for start in sorted(parts)])


def put_together(values: list, variables: Iterable[Any]) -> list:
    """Values for use in a step: whole where a variable is split over the devices that its batch is split over.

    The gradient of each goes back in parts: every device sums its own.
    """
    chosen = distribution()
    if not isinstance(chosen, FullySharded) or chosen.num_model_replicas == 1:
        return values
    layouts = [chosen.get_variable_layout(variable).backend_layout for variable in variables]
    return [_whole_for_use(value, layout) for value, layout in zip(values, layouts, strict=True)]


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def _whole_for_use(value: Any, sharding: NamedSharding) -> Any:
    return distribute_tensor(value, NamedSharding(sharding.mesh, PartitionSpec()))


def _whole_forward(value: Any, sharding: NamedSharding) -> tuple[Any, None]:
    return _whole_for_use(value, sharding), None


def _whole_backward(sharding: NamedSharding, _: None, gradient: Any) -> tuple[Any]:
    return (distribute_tensor(gradient, sharding),)


_whole_for_use.defvjp(_whole_forward, _whole_backward)


def lay_out_as(values: list, variables: Iterable[Any]) -> list:
    """New values of variables, laid out as these are, so that the next step finds them where it found the ones before."""
    if distribution() is None:
        return values

    def as_it_is(value: Any, variable: Any) -> Any:
        held = variable._cell.tree[variable._index]
        several = isinstance(held, jax.Array) and len(held.sharding.device_set) > 1
        return distribute_tensor(jnp.asarray(value), held.sharding) if several else value

    return [as_it_is(value, variable) for value, variable in zip(values, variables, strict=True)]


def _whole(chosen: Any) -> NamedSharding:
    return NamedSharding(chosen.device_mesh.backend_mesh, PartitionSpec())
