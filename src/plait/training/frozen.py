"""What part of a model is frozen and repeats itself, so that it need be computed once for each sample.

In transfer learning most of a model is a trunk that doesn't train. As long as nothing in it draws at random or keeps
statistics, its tensors are the same in each epoch. So `fit` computes them once, keeps them, and trains what is left: the
result is the same, and an epoch costs what the head costs.

A node of the graph repeats itself if all that feeds it does, it has no weights that train, and a trace of its call in
training mode assigns no variable (moving statistics, random states, recurrent states) and adds no loss. The tensors on
the border, between nodes that repeat themselves and nodes that don't, are what is kept. That rows of a batch don't
depend on each other is tried out on the data, as is that the same data gives the same numbers.

Verbs: `find_trunk` looks at a model, `Trunk.features` computes, `keep_features` makes a data source of them.

What it is not: a change of the model. The step runs the rest of the graph on the kept tensors (`Features` in place of x).
"""

import os
import shutil
import tempfile
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from plait.common.scope import scope
from plait.common.traits import is_usual
from plait.common.tree import flatten
from plait.core.graph import Graph, Node
from plait.core.infer import infer
from plait.core.program import Program
from plait.core.tensor import KerasTensor
from plait.errors import ArgumentError
from plait.layers.base import Layer
from plait.layers.ownership import unique
from plait.random import global_states
from plait.training.data.arrays import ArraySource
from plait.training.divided import Divided, Features
from plait.training.protocols import TrainedModel

MOST_IN_MEMORY = 2 << 30  # bytes of features; more go to a file
_ROWS_AT_ONCE = 32


class Trunk(Divided):
    """The part of a graph that is computed once.

    Attributes:
        layers: the layers in it.
        weights: how many numbers they hold.
    """

    def __init__(self, model: TrainedModel, graph: Graph, first: Callable[[KerasTensor], bool]):
        super().__init__(graph, first, model.name)
        self.model = model
        operations = [] if self.body is None else self.body.operations
        self.layers = [operation for operation in operations if isinstance(operation, Layer)]
        self.variables = unique(v for layer in self.layers for v in layer.variables)
        self.weights = sum(v.size for v in self.variables)
        self._programs: dict[bool, Program] = {}

    def features(self, inputs: list, rows: slice | np.ndarray, training: bool) -> list:
        """The kept tensors for some rows of the model's inputs."""
        values = [_cast(inputs[place][rows], self.graph.inputs[place]) for place in self.starts()]
        if training not in self._programs:
            computation = self._computation(training)
            self._programs[training] = Program(computation, self.variables, owner="The frozen part of the model")
        return self._programs[training](values)

    def _computation(self, training: bool) -> Callable:
        def run(values: list) -> list:
            with scope(training=training, losses=[]):
                return flatten(self.body.run(values)) if self.body is not None else []

        return run

    def fingerprint(self) -> tuple:
        """Numbers that tell whether its weights are what they were."""
        return tuple(float(n) for n in jax.device_get(_sums([v.value for v in self.variables if _is_number(v)])))


@jax.jit
def _sums(values: list) -> list:
    return [s for value in values for s in (jnp.sum(value, dtype="float32"), jnp.sum(jnp.square(value * 1.0)))]


def _is_number(variable: Any) -> bool:
    return not variable.dtype.startswith(("uint", "bool", "string"))


def _cast(value: Any, tensor: KerasTensor) -> Any:
    return jnp.asarray(value, tensor.dtype)


def find_trunk(model: TrainedModel) -> Trunk | None:
    """The part of a model that `fit` may compute once; None if there is none worth it."""
    if model._graph is None or not any(_is_frozen(layer) for layer in model._flatten_layers()):
        return None
    graph = model.opened_graph()
    repeating: set[int] = {id(tensor) for tensor in graph.inputs}
    for node in graph.nodes:
        if node.inputs and all(id(tensor) in repeating for tensor in node.inputs) and _repeats(node):
            repeating.update(map(id, node.outputs))
    trunk = Trunk(model, graph, lambda tensor: id(tensor) in repeating)
    if not trunk.kept or not all(tensor.shape and tensor.shape[0] is None for tensor in trunk.kept):
        return None
    if any(size is None for tensor in trunk.kept for size in tensor.shape[1:]):
        return None  # rows of different sizes cannot be kept in one array
    return trunk if any(_is_frozen(layer) for layer in trunk.layers) else None


def _is_frozen(layer: Any) -> bool:
    return any(v.born_trainable for v in layer._own_variables()) and not layer.trainable_variables


def _repeats(node: Node) -> bool:
    """Whether a call has the same result each time while training, and leaves nothing behind."""
    operation: Any = node.operation
    if isinstance(operation, Layer) and operation.trainable_variables:
        return False
    if any(hasattr(value, "next") for value in vars(operation).get("config", {}).values()):
        return False  # an operation that draws from a generator of its own
    variables = [*getattr(operation, "variables", []), *global_states()]
    found = {"changed": True}

    def probe(*args: Any, **kwargs: Any) -> Any:
        bindings = {variable: variable.value for variable in variables}
        before, losses = dict(bindings), []  # type: ignore[var-annotated]
        with scope(bindings=bindings, training=True, losses=losses):
            out = operation(*args, **kwargs)
        found["changed"] = (
            bool(losses) or any(bindings[v] is not before[v] for v in before) or len(bindings) > len(before)
        )
        return out

    infer(probe, node.args, node.kwargs)
    return not found["changed"]


def keep_features(
    trunk: Trunk, source: ArraySource, training: bool, memory: int = MOST_IN_MEMORY
) -> ArraySource | None:
    """A source of the same rows, labels and weights, whose inputs are the kept tensors.

    Args:
        trunk: what is computed.
        source: the rows.
        training: whether they are to be trained on, or to evaluate.
        memory: from how many bytes on they go to a file that is mapped into memory; it may take half of what is free there.

    Returns:
        None where the rows of a batch depend on each other, or the features would be too large.
    """
    x, y, sample_weight = source.arrays
    inputs = trunk.model.ordered_inputs(x)
    size = source.rows * sum(_bytes_a_row(tensor) for tensor in trunk.kept)
    if (size > memory and size > _free() // 2) or not _rows_are_independent(trunk, inputs, source.rows, training):
        return None
    kept = [_room(source.rows, tensor, size <= memory) for tensor in trunk.kept]
    step = min(_ROWS_AT_ONCE, source.rows)
    for start in range(0, source.rows, step):
        first = min(start, source.rows - step)  # the last rows come with some before, so that one program does for all
        found = trunk.features(inputs, slice(first, first + step), training)
        for room, value in zip(kept, found, strict=True):
            room[first : first + step] = np.asarray(value)
    features = Features(kept, [inputs[place] for place in trunk.besides])
    steps = source.steps if source.steps != source.full + bool(source.rest) else None
    kept = ArraySource(features, y, sample_weight, source.batch_size, source.shuffle, steps, source.goes_on)
    kept.check = source.check
    return kept


def _rows_are_independent(trunk: Trunk, inputs: list, rows: int, training: bool) -> bool:
    """Whether rows give the same beside other rows, and the same again."""
    count = min(_ROWS_AT_ONCE, rows)
    straight = np.arange(count)
    mixed = straight.copy()
    mixed[: count // 2] = straight[: count // 2][::-1]
    if count > 1:
        mixed[0] = straight[-1]
    one, other = (trunk.features(inputs, order, training) for order in (straight, mixed))
    for first, second in zip(one, other, strict=True):
        first, second = np.asarray(first), np.asarray(second)
        if first.dtype.kind != "b" and first.dtype.kind not in "iu":
            first, second = first.astype("float32"), second.astype("float32")
        if not np.allclose(first[mixed], second, rtol=1e-4, atol=1e-5):
            return False
    return True


def _bytes_a_row(tensor: KerasTensor) -> int:
    return int(np.prod(tensor.shape[1:], dtype=np.int64)) * jnp.dtype(tensor.dtype).itemsize


def _free() -> int:
    return shutil.disk_usage(tempfile.gettempdir()).free


def _room(rows: int, tensor: KerasTensor, in_memory: bool) -> np.ndarray:
    """An array for features: in memory, or in a file that goes away with it."""
    shape, dtype = (rows, *tensor.shape[1:]), jnp.dtype(tensor.dtype)
    if in_memory:
        return np.empty(shape, dtype)
    handle, path = tempfile.mkstemp(prefix="plait-features-")
    os.close(handle)
    room = np.memmap(path, dtype=dtype, mode="w+", shape=shape)
    os.unlink(path)  # the mapping keeps it until it is let go
    return room


def what_is_kept(trunk: Trunk, rows: int) -> str:
    """A line for people: what was found, and what it saves."""
    total = sum(v.size for v in trunk.model.weights)
    megabytes = rows * sum(_bytes_a_row(tensor) for tensor in trunk.kept) / 1e6
    return (
        f"Frozen: {len(trunk.layers)} layers with {trunk.weights:,} of {total:,} weights are computed once for each of "
        f"{rows:,} rows and kept ({megabytes:,.1f} MB). cache_frozen=False turns this off."
    )


class FeatureCache:
    """For one `fit`: the data sources with features in place of inputs, as long as the trunk is what it was.

    Args:
        model: a compiled model.
        choice: "auto" keeps features where several epochs use them, True always, False never; a number is True with so many
            bytes in memory, and what is more in a file.
        epochs: how many epochs there will be.
        say: gets a line for people; None says nothing.

    Raises:
        ArgumentError: another choice.
    """

    def __init__(self, model: TrainedModel, choice: Any, epochs: int, say: Callable[[str], Any] | None):
        if not (isinstance(choice, (bool, int)) and choice >= 0) and choice != "auto":
            raise ArgumentError(f'`cache_frozen` must be True, False, "auto" or a number of bytes, but got {choice!r}.')
        usual = is_usual(type(model), *_STEPS)
        self.model, self._say = model, say
        self._active = usual and choice is not False and (choice != "auto" or epochs > 1)
        self._memory = MOST_IN_MEMORY if choice == "auto" or isinstance(choice, bool) else choice
        self._trunk: Trunk | None = None
        self._flags: tuple | None = None
        self._fingerprint: tuple = ()
        self._sources: dict[tuple, Any] = {}

    def source(self, original: Any, training: bool) -> Any:
        """The source to use in this epoch: with features where there are any, else the original."""
        if not self._active or type(original) is not ArraySource or not _can_be_kept(original.arrays[0]):
            return original
        trunk = self._current_trunk()
        if trunk is None:
            return original
        key = id(original), training
        if key not in self._sources:
            self._sources[key] = keep_features(trunk, original, training, self._memory) or original
            if self._sources[key] is not original and training and self._say is not None:
                self._say(what_is_kept(trunk, original.rows))
        return self._sources[key]

    def _current_trunk(self) -> Trunk | None:
        flags = tuple(layer.trainable for layer in self.model._flatten_layers())
        if flags != self._flags:
            self._flags, self._trunk = flags, find_trunk(self.model)
            self._sources.clear()
        if self._trunk is not None:
            fingerprint = self._trunk.fingerprint()
            if fingerprint != self._fingerprint:
                self._fingerprint = fingerprint
                self._sources.clear()
        self.model._trainer.trunk = self._trunk
        return self._trunk


_STEPS = ("call", "train_step", "test_step", "compute_loss", "compute_metrics")


def _can_be_kept(x: Any) -> bool:
    return not isinstance(x, Features) and all(
        getattr(getattr(leaf, "dtype", None), "kind", "V") in "fiub" or _is_narrow(leaf) for leaf in flatten(x)
    )


def _is_narrow(leaf: Any) -> bool:
    return str(getattr(leaf, "dtype", "")) == "bfloat16"
