"""Where a model's time goes: each layer by itself, forward and gradient, beside what the machine could do.

    profile -> _calls (one row a layer's call) -> _measure

The machine's limit is measured in the same minute: how many operations a second a large matrix product gets. A layer
whose share of it is small is bound by memory, or by code that is slower than it need be.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from rich.console import Console
from rich.table import Table

from plait.common.tree import map_structure_in_order
from plait.core.graph import graph_of
from plait.core.pure import pure
from plait.errors import ArgumentError

_SIDE = 1024  # of the matrices that tell the limit


class Row(NamedTuple):
    """What one call of a layer costs.

    Attributes:
        name: the layer's.
        kind: its class's name.
        forward: seconds for the outputs.
        backward: seconds for outputs and gradients together, less `forward`; 0 where nothing has a gradient.
        operations: floating-point operations of the outputs, as XLA counts them; 0 where it doesn't say.
        share: the part of the machine's limit that the forward run reaches.
    """

    name: str
    kind: str
    forward: float
    backward: float
    operations: float
    share: float


class Profile(NamedTuple):
    """The rows of `profile`, in the order of the calls, and the limit.

    Attributes:
        rows: one for each call of a layer.
        limit: operations a second that a large matrix product gets.
        whole: seconds for the whole model's outputs, as one program; less than the sum, since XLA joins layers.
    """

    rows: list[Row]
    limit: float
    whole: float

    def __str__(self) -> str:
        console = Console(width=110, color_system=None)
        with console.capture() as captured:
            console.print(self.__rich__())
        return captured.get()

    def __rich__(self) -> Table:
        total = sum(row.forward + row.backward for row in self.rows) or 1.0
        table = Table("Layer", "Kind", "Forward, ms", "Gradient, ms", "Time", "MFLOP", "Of the limit")
        table.title = f"One program: {self.whole * 1e3:.2f} ms forward; limit {self.limit / 1e9:.0f} GFLOP/s"
        for row in self.rows:
            table.add_row(
                row.name,
                row.kind,
                f"{row.forward * 1e3:.3f}",
                f"{row.backward * 1e3:.3f}",
                f"{(row.forward + row.backward) / total:.0%}",
                f"{row.operations / 1e6:.1f}",
                f"{row.share:.0%}",
            )
        return table


def profile(model: Any, data: Any, rounds: int = 5, print_fn: Callable[[Any], Any] | None = None) -> Profile:
    """Times each layer of a functional model, and prints a table.

    Args:
        model: a model that is made of a graph: functional or Sequential.
        data: one batch of inputs, as the model takes them.
        rounds: how often each is run; the median counts.
        print_fn: gets the table's text, in place of printing it.

    Returns:
        The rows, for reading by program.

    Raises:
        ArgumentError: a model whose `call` is Python, so that nothing is known of its layers.

    >>> import numpy as np, plait
    >>> model = plait.Sequential([plait.Input((8,)), plait.layers.Dense(4), plait.layers.ReLU()])
    >>> found = profile(model, np.ones((32, 8), "float32"), print_fn=lambda text: None)
    >>> [row.kind for row in found.rows]
    ['Dense', 'ReLU']
    """
    if graph_of(model) is None:
        raise ArgumentError(
            f"profile: the layers of {model.name!r} are known only if it is functional or a Sequential that has been "
            "built. Profile the functional models inside it, or build it first."
        )
    data = map_structure_in_order(jnp.asarray, data)
    limit = _limit(rounds)
    found = Profile(_rows(model, data, rounds, limit), limit, _seconds(model, (data,), rounds))
    if print_fn is None:
        Console().print(found.__rich__())
    else:
        print_fn(str(found))
    return found


def _rows(model: Any, data: Any, rounds: int, limit: float) -> list[Row]:
    rows: list[Row] = []

    def call(operation: Any, *args: Any, **kwargs: Any) -> Any:
        result = operation(*args, **kwargs)
        if args or kwargs:
            rows.append(_measure(operation, args, kwargs, rounds, limit))
        return result

    model._graph.run(model.ordered_inputs(data), call)
    return rows


def _measure(operation: Any, args: tuple, kwargs: dict, rounds: int, limit: float) -> Row:
    variables = list(getattr(operation, "variables", []))
    leaves, structure = jax.tree.flatten((args, kwargs))
    places = [index for index, leaf in enumerate(leaves) if isinstance(leaf, (jax.Array, np.ndarray))]

    def run(weights: list, arrays: list) -> Any:
        filled = dict(zip(places, arrays, strict=True))
        given, named = jax.tree.unflatten(structure, [filled.get(i, leaf) for i, leaf in enumerate(leaves)])
        return pure(operation, variables, carries=False)(weights, *given, **named)[0]

    operands = [variable.value for variable in variables], [leaves[place] for place in places]
    forward, operations = _compiled(run, operands, rounds)
    backward = max(0.0, _gradient_seconds(run, operands, rounds) - forward)
    share = operations / forward / limit if forward else 0.0
    return Row(operation.name, type(operation).__name__, forward, backward, operations, share)


def _gradient_seconds(run: Callable, operands: tuple, rounds: int) -> float:
    """Seconds for outputs and the gradients of all that has some."""
    leaves, structure = jax.tree.flatten(operands)
    smooth = [index for index, leaf in enumerate(leaves) if jnp.issubdtype(leaf.dtype, jnp.floating)]

    def loss(chosen: list, rest: list) -> Any:
        filled = dict(zip(smooth, chosen, strict=True))
        outputs = run(*jax.tree.unflatten(structure, [filled.get(i, leaf) for i, leaf in enumerate(rest)]))
        exact = [leaf for leaf in jax.tree.leaves(outputs) if jnp.issubdtype(leaf.dtype, jnp.floating)]
        return sum((jnp.sum(leaf.astype("float32")) for leaf in exact), start=jnp.zeros(()))

    return _seconds(jax.jit(jax.grad(loss)), ([leaves[index] for index in smooth], leaves), rounds) if smooth else 0.0


def _compiled(run: Callable, operands: tuple, rounds: int) -> tuple[float, float]:
    """Seconds and operations of a program."""
    program = jax.jit(run).lower(*operands).compile()
    costs = program.cost_analysis() or {}
    costs = costs[0] if isinstance(costs, list) else costs
    return _seconds(program, operands, rounds), max(0.0, float(costs.get("flops", 0.0)))


def _seconds(function: Callable, operands: tuple, rounds: int) -> float:
    jax.block_until_ready(function(*operands))
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        jax.block_until_ready(function(*operands))
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def _limit(rounds: int) -> float:
    """Operations a second of a large matrix product in float32."""
    matrix = jnp.ones((_SIDE, _SIDE), "float32")
    return 2 * _SIDE**3 / _seconds(jax.jit(jnp.matmul), (matrix, matrix), rounds)
