"""predict on small models: many batches in one program, since a dispatch costs more than their few products.

    batches_together (how many) -> dispatches_of_many (their inputs, stacked) -> one loop over the model's own program

One batch a dispatch is as good, and stays, where there are few batches, where data doesn't lie in memory, and where a
model is more than products of flat rows: convolutions and loops over time take longer than their dispatch.

Life under jit: the loop runs the program that `model(x)` runs, so both compute the same; what a call changes goes from
batch to batch.
"""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from plait.common.scope import current, scope
from plait.common.traits import is_of_plait
from plait.common.tree import flatten
from plait.core.graph import Graph, graph_of
from plait.core.program import repeat
from plait.core.variable import is_observed
from plait.layers.core import Lambda
from plait.training.data import ArraySource
from plait.training.data.arrays import map_arrays
from plait.training.pace import begins_looped
from plait.training.protocols import TrainedModel

_MOST = 64  # batches in a dispatch
_LEAST = 16  # fewer aren't worth a program of their own
_SMALL = 100_000_000  # operations a batch; what a dispatch costs is as long as some millions take
_BYTES = 16 << 20  # of inputs in a dispatch, and of outputs


def batches_together(model: TrainedModel, source: Any) -> int:
    """How many batches of a source may go into one dispatch: 1 where more wouldn't help."""
    if not isinstance(source, ArraySource) or source.full < _LEAST or not source.resident or not _is_flat(model):
        return 1
    assert model._graph is not None  # as _is_flat says
    if source.steps != source.full + bool(source.rest):
        return 1  # some batches only
    leaves = [leaf for leaf in flatten(source.arrays[0]) if leaf is not None]
    operations = 2 * source.batch_size * sum(variable.size for variable in model.variables)
    if operations > _SMALL or not all(isinstance(leaf, np.ndarray) for leaf in leaves):
        return 1
    row = sum(leaf.nbytes // len(leaf) for leaf in leaves) + sum(
        4 * output.shape[-1] for output in model._graph.outputs
    )
    return max(1, min(_MOST, source.full, _BYTES // (row * source.batch_size)))


def _is_flat(model: TrainedModel) -> bool:
    """Whether a model is a graph of plait's layers, and all its tensors are rows of numbers."""
    if model._graph is None or not is_of_plait(type(model)) or not begins_looped(model):
        return False
    if model.run_eagerly or model._part_on_host is not None or is_observed():
        return False
    layers = [layer for layer in model._flatten_layers() if layer is not model]
    graphs = [graph for graph in (model._graph, *(graph_of(layer) for layer in layers)) if isinstance(graph, Graph)]
    tensors = [tensor for graph in graphs for node in graph.nodes for tensor in node.outputs]
    flat = all(len(tensor.shape) == 2 and tensor.shape[0] is None is not tensor.shape[1] for tensor in tensors)
    return flat and not any(isinstance(layer, Lambda) for layer in layers)


def dispatches_of_many(
    model: TrainedModel, function: Callable, source: ArraySource, together: int
) -> Iterator[tuple[Callable, int, int]]:
    """All batches of a source: what gives the outputs of some, joined, how many these are, and for how many is room.

    Args:
        model: the model.
        function: returns the outputs of one batch: of a smaller one at the end.
        source: the data.
        together: how many batches go into one dispatch.
    """
    size = source.batch_size
    for first in range(0, source.full, together):
        count = min(together, source.full - first)

        def send(first: int = first, count: int = count) -> Any:
            rows = slice(first * size, (first + count) * size)
            return _run(model, map_arrays(lambda array: _stacked(array[rows], together, size), source.arrays[0]), count)

        yield send, count, together
    if source.rest:
        rest = map_arrays(lambda array: array[source.full * size :], source.arrays[0])
        yield (lambda: function((rest, None, None))), 1, 1


def _stacked(rows: np.ndarray, together: int, size: int) -> np.ndarray:
    """Rows as (together, size, ...); those that are missing are zeros, which nothing is computed from."""
    if len(rows) < together * size:
        rows = np.concatenate([rows, np.zeros((together * size - len(rows), *rows.shape[1:]), rows.dtype)])
    return rows.reshape(together, size, *rows.shape[1:])


def _run(model: TrainedModel, x: Any, count: int) -> Any:
    """The outputs of batches, joined; those after the first `count` are zeros."""
    call = model._calls.program(False)
    program = model._calls.kept("together", lambda: _loop(call.function))
    return program(x, np.int32(count))


def _loop(call: Callable) -> Callable:
    """A model's call for one batch, made into one for several."""

    def run(x: Any, count: Any) -> Any:
        def one(index: Any) -> Any:
            batch = jax.tree.map(lambda array: lax.dynamic_index_in_dim(array, index, keepdims=False), x)
            return call(batch)[0]

        def body(index: Any, wholes: Any) -> Any:
            keep = lambda whole, part: lax.dynamic_update_index_in_dim(whole, part, index, 0)  # noqa: E731
            return jax.tree.map(keep, wholes, one(index))

        with scope(bindings=dict(current().bindings or {})):
            specs = jax.eval_shape(one, 0)
        together = len(jax.tree.leaves(x)[0])
        wholes = jax.tree.map(lambda spec: jnp.zeros((together, *spec.shape), spec.dtype), specs)
        outputs = repeat(0, count, body, wholes)
        return jax.tree.map(lambda whole: whole.reshape(-1, *whole.shape[2:]), outputs)

    return run
