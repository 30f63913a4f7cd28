"""What stands in for `tensorflow.GradientTape`: it records what JAX does in a block, and derives it afterwards.

Inside the block, every operation of JAX goes through a trace of our own (`jax.core.Trace`), whichever way it was asked for:
by a layer, an op, an operator between arrays, a function of `jax.numpy`. The trace does the operation at once, and where a
watched value goes in, notes it down. So all values are numbers, and Python may look at them. `gradient` runs what was noted,
from the sources to the target, once more under `jax.vjp`. Nothing that was random is drawn again: draws come from keys,
and keys are numbers that were noted.

What is watched are trainable variables, when they are read (`core/variable` reports it), and what `watch` is given. What
leaves JAX for NumPy comes back as a constant, as in TensorFlow; where plait itself would do that in the block, it is an
error. A functional model with one output is noted as one operation, and stays compiled.

What it is not: fast. What was noted runs twice. `fit`, a `train_step` and `jax.grad` of `plait.functional(model)` compile a
whole step.

Differs from TensorFlow: complex numbers are refused; `jacobian` and `batch_jacobian` aren't there.
"""

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Trace, Tracer
from jax.extend.core import jaxpr_as_fun, set_current_trace, take_current_trace

from plait.common.messages import describe
from plait.common.scope import current
from plait.common.tree import flatten, pack_as
from plait.core.variable import Variable, observe
from plait.errors import ArgumentError, StateError


class Recorded(Tracer):
    """A number that a tape knows about: an array for everyone who asks for its value.

    Attributes:
        recorded: the array.
    """

    __slots__ = ("_value",)

    def __init__(self, trace: "_Recorder", value: Any):
        super().__init__(trace, jax.typeof(value))
        self._value = value

    @property
    def recorded(self) -> jax.Array:
        """The array; of a number that several tapes know about, too."""
        return getattr(self._value, "recorded", self._value)

    def full_lower(self) -> Any:
        """What an operation outside of the block sees."""
        return self._value

    @property
    def dimension_as_value(self) -> Callable:
        """What a program that is being traced around the block takes in its place: JAX asks for it under this name.

        A trace inside of the block keeps the number itself, so that the tape sees what is computed with it.
        """
        if self._trace.tape.is_recording:
            raise AttributeError("dimension_as_value")
        return lambda: self._value

    def numpy(self) -> np.ndarray:
        """The value as a NumPy array, a constant for the tape."""
        return np.asarray(self._seen())

    def _seen(self) -> jax.Array:
        """The array for who leaves JAX. plait's own code must not in the block: a gradient would miss that way."""
        module = sys._getframe(2).f_globals.get("__name__", "")
        if self._trace.tape.is_recording and module.startswith("plait.") and not module.startswith(_MAY_LOOK):
            raise StateError(
                f"tf.GradientTape: {module} computes with NumPy, so no gradient would go through it. Do that outside of the "
                "block, or put what the block computes into a function and use jax.grad."
            )
        return self.recorded

    def __array__(self, *args: Any, **kwargs: Any) -> np.ndarray:
        return np.asarray(self._seen(), *args, **kwargs)

    def __bool__(self) -> bool:
        return bool(self.recorded)

    def __int__(self) -> int:
        return int(self._seen())

    def __float__(self) -> float:
        return float(self._seen())

    def __complex__(self) -> complex:
        return complex(self._seen())

    def __index__(self) -> int:
        return self.recorded.__index__()

    def __format__(self, spec: str) -> str:
        return format(self.recorded, spec)

    def __repr__(self) -> str:
        return repr(self.recorded)

    def __str__(self) -> str:
        return str(self.recorded)

    def __reduce__(self) -> tuple:
        return jnp.asarray, (np.asarray(self.recorded),)

    def item(self, *args: int) -> Any:
        """One element as a number of Python's."""
        return self._seen().item(*args)

    def tolist(self) -> Any:
        """Lists of numbers of Python's."""
        return self._seen().tolist()

    def block_until_ready(self) -> "Recorded":
        """Itself, when it has been computed."""
        self.recorded.block_until_ready()
        return self

    @property
    def sharding(self) -> Any:
        """Where the array lies."""
        return self.recorded.sharding

    @property
    def committed(self) -> bool:
        """Whether it has to stay there."""
        return self.recorded.committed


# What hands values to the program that asks for them as numbers: `variable.numpy()`, `predict`, logs.
_MAY_LOOK = ("plait.core.variable", "plait.compat", "plait.training", "plait.common.tree")


class _Operation(NamedTuple):
    """What was done: the same function of the same inputs gives the same outputs."""

    function: Callable
    inputs: Sequence[Any]
    outputs: Sequence[Any]
    many: bool  # whether the function gives a list


class _Recorder(Trace):
    """Does each operation at once, and notes those down that a watched value goes into."""

    def __init__(self, tape: "GradientTape", around: Any):
        super().__init__()
        self.tape, self.around = tape, around

    def stage_value(self, val: Any) -> Any:
        return val

    def process_primitive(self, primitive: Any, tracers: Any, params: dict, /) -> Any:
        if primitive.name == "stop_gradient":
            return self._unrecorded(_elsewhere, tracers, {})
        return self._do(partial(primitive.bind, **params), tracers, primitive.multiple_results)

    def process_call(self, call_primitive: Any, f: Any, tracers: Any, params: dict, /) -> Any:
        return self._do_once(call_primitive, (f,), tracers, params)

    def process_custom_jvp_call(self, primitive: Any, fun: Any, jvp: Any, tracers: Any, /, **params: Any) -> Any:
        return self._do_once(primitive, (fun, jvp), tracers, params)

    def process_custom_vjp_call(
        self, primitive: Any, fun: Any, fwd: Any, bwd: Any, tracers: Any, /, **params: Any
    ) -> Any:
        return self._do_once(primitive, (fun, fwd, bwd), tracers, params)

    def _do_once(self, primitive: Any, functions: tuple, tracers: Any, params: dict) -> Any:
        """An operation that is given functions, which may be called only once: its program is noted instead."""
        bind = partial(primitive.bind, subfuns=functions, **params)
        program = self._unrecorded(jax.make_jaxpr(bind), tracers, {})
        if any(isinstance(value, Recorded) and value._trace is self for value in program.consts):
            raise StateError(
                "tf.GradientTape: a function with a derivative of its own (jax.custom_jvp, jax.custom_vjp) uses a watched value "
                "that isn't among its arguments. Pass it as an argument."
            )
        return self._do(jaxpr_as_fun(program), tracers, True)

    def _do(self, function: Callable, values: Sequence[Any], many: bool) -> Any:
        inputs = [self._input(value) for value in values]
        outputs = self._unrecorded(function, inputs, {})
        if not any(isinstance(value, Recorded) and value._trace is self for value in inputs):
            return outputs
        noted = [self._output(value) for value in (outputs if many else [outputs])]
        self.tape.operations.append(_Operation(function, [_kept(value) for value in inputs], noted, many))
        return noted if many else noted[0]

    def _unrecorded(self, function: Callable, values: Sequence[Any], params: dict) -> Any:
        with set_current_trace(self.around):
            return function(*[self._value(value) for value in values], **params)

    def _input(self, value: Any) -> Any:
        return self.tape.watched.get(id(value), (value,))[-1]

    def _value(self, value: Any) -> Any:
        return value._value if isinstance(value, Recorded) and value._trace is self else value

    def _output(self, value: Any) -> Any:
        return Recorded(self, value) if jnp.issubdtype(value.dtype, np.inexact) else value


def _kept(value: Any) -> Any:
    """A value that stays what it is, although its owner may write into it later."""
    is_array = isinstance(value, jax.Array) or not isinstance(value, np.ndarray)
    return value if is_array or getattr(value, "weak_type", False) else np.array(value)


def _elsewhere(value: jax.Array) -> jax.Array:
    """The same numbers in an array that no tape knows: arrays are known by identity."""
    return jnp.array(value, copy=True)


class GradientTape:
    """Records what is computed in a block, for gradients: `with tf.GradientTape() as tape:`.

    Args:
        persistent: whether `gradient` may be called several times.
        watch_accessed_variables: whether trainable variables are watched when they are read.

    >>> from plait import Variable
    >>> x = Variable(3.0)
    >>> with GradientTape() as tape:
    ...     y = x * x
    >>> float(tape.gradient(y, x))
    6.0
    """

    def __init__(self, persistent: bool = False, watch_accessed_variables: bool = True):
        self.persistent = persistent
        self.watch_accessed_variables = watch_accessed_variables
        self.is_recording = False
        self._thread = threading.get_ident()
        self._used = False
        self.reset()

    def reset(self) -> None:
        """Forgets all that was recorded and watched."""
        self.operations: list[_Operation] = []
        self.watched: dict[int, tuple[Any, Any]] = {}  # by id of an array: the array, and what stands for it
        self._variables: dict[Variable, list[Recorded]] = {}  # a leaf for each value that it had
        self._wanted: set[Variable] = set()

    # ------------------------------------------------------------------------ recording

    def __enter__(self) -> "GradientTape":
        if self.is_recording:
            raise StateError("tf.GradientTape: this tape is recording already. Make another one for an inner block.")
        with take_current_trace() as around:
            pass
        self._recorder = _Recorder(self, around)
        self._begin()
        return self

    def __exit__(self, *error: object) -> None:
        if self.is_recording:
            self._end()

    def _begin(self) -> None:
        self._bindings = current().bindings
        self._tracing = set_current_trace(self._recorder)
        self._tracing.__enter__()
        self._outer = observe(self._read)
        self.is_recording = True

    def _end(self) -> None:
        self.is_recording = False
        observe(self._outer)
        self._tracing.__exit__(None, None, None)

    @contextmanager
    def stop_recording(self) -> Iterator[None]:
        """Records nothing in a block inside the block."""
        if not self.is_recording:
            raise StateError("tf.GradientTape: there is nothing to stop, because the tape isn't recording.")
        self._end()
        try:
            yield
        finally:
            self._begin()

    def _read(self, variable: Variable, value: Any) -> Any:
        """What stands for a variable's value in the block."""
        if self._outer is not None:
            value = self._outer(variable, value)
        if threading.get_ident() != self._thread or current().bindings is not self._bindings:
            return value  # a pure function in the block has values of its own, which it was given
        if not (variable in self._wanted or (self.watch_accessed_variables and variable.trainable)):
            return value
        if not jnp.issubdtype(value.dtype, np.inexact):
            return value
        leaves = self._variables.setdefault(variable, [])
        if not leaves or leaves[-1]._value is not value:
            leaves.append(Recorded(self._recorder, value))
        return leaves[-1]

    def watch(self, tensor: Any) -> None:
        """Records what is computed from a tensor or variable, or from several in any structure.

        Raises:
            StateError: outside of the block.
            ArgumentError: not a tensor.
        """
        if not self.is_recording:
            raise StateError("tf.GradientTape.watch: the tape isn't recording. Call it inside of the block.")
        for value in flatten(tensor):
            if isinstance(value, Variable):
                self._wanted.add(value)
            elif not isinstance(value, jax.Array):
                raise ArgumentError(
                    f"tf.GradientTape.watch: expected a tensor or a variable, but got {describe(value)}. "
                    "Make it one with tf.constant or tf.convert_to_tensor, and compute with that."
                )
            elif jnp.issubdtype(value.dtype, np.inexact) and not self._knows(value):
                self.watched[id(value)] = (value, Recorded(self._recorder, value))

    def _knows(self, value: Any) -> bool:
        return isinstance(value, Recorded) and value._trace is self._recorder

    def watched_variables(self) -> tuple[Variable, ...]:
        """The variables that were read while they were watched."""
        return tuple(self._variables)

    # ------------------------------------------------------------------------ gradients

    def gradient(
        self, target: Any, sources: Any, output_gradients: Any = None, unconnected_gradients: Any = "none"
    ) -> Any:
        """The gradients of what was computed in the block.

        Args:
            target: what was computed; several count as their sum, and so do the elements of each.
            sources: variables and watched tensors, or others that were computed on the way, in any structure.
            output_gradients: for each target what its elements are multiplied with before they are summed.
            unconnected_gradients: "none", or "zero" for zeros where a source doesn't lead to the target.

        Returns:
            what `sources` is, with a gradient for each; None where it doesn't lead to the target.

        Raises:
            StateError: a second call, unless the tape is persistent.
        """
        if self._used and not self.persistent:
            raise StateError(
                "A non-persistent GradientTape can only be used to compute one set of gradients. Use tf.GradientTape("
                "persistent=True), or ask for all gradients at once."
            )
        if not hasattr(self, "_recorder"):
            raise StateError("tf.GradientTape.gradient: nothing was recorded. Use the tape in a `with` block first.")
        self._used = True
        targets = [value for value in flatten(target) if self._knows(value)]
        seeds = self._seeds(flatten(target), output_gradients)
        flat = flatten(sources)
        if self.is_recording:
            with set_current_trace(self._recorder.around):
                found = self._gradients(targets, seeds, [self._leaves_of(source) for source in flat])
        else:
            found = self._gradients(targets, seeds, [self._leaves_of(source) for source in flat])
        if str(getattr(unconnected_gradients, "value", unconnected_gradients)).lower() == "zero":
            found = [jnp.zeros(s.shape, s.dtype) if value is None else value for s, value in zip(flat, found)]
        if not self.persistent:
            self.operations = []
        return pack_as(sources, found)

    def jacobian(self, *arguments: Any, **more: Any) -> Any:
        """Refused by name.

        Raises:
            StateError: always, with what to use instead.
        """
        raise StateError("tf.GradientTape.jacobian: plait's tape has gradients only. Use jax.jacobian of a function.")

    batch_jacobian = jacobian

    def _leaves_of(self, source: Any) -> list[Recorded]:
        if isinstance(source, Variable):
            return self._variables.get(source, [])
        if self._knows(source):
            return [source]
        return [self.watched[id(source)][1]] if id(source) in self.watched else []

    def _seeds(self, targets: list, output_gradients: Any) -> list:
        given = [None] * len(targets) if output_gradients is None else flatten(output_gradients)
        if len(given) != len(targets):
            raise ArgumentError(f"tf.GradientTape: {len(targets)} targets, but {len(given)} output_gradients.")
        seeds = []
        for target, seed in zip(targets, given):
            if not self._knows(target):
                continue
            if jnp.issubdtype(target.dtype, np.complexfloating):
                raise ArgumentError("tf.GradientTape: gradients of complex numbers aren't there. Use jax.grad.")
            value = jnp.ones(target.shape) if seed is None else self._recorder._value(seed)
            seeds.append(jnp.broadcast_to(jnp.asarray(value, target.dtype), target.shape))
        return seeds

    def _gradients(self, targets: list, seeds: list, sources: list[list[Recorded]]) -> list:
        """A gradient for each source, of which each is a list of leaves; None where nothing leads to a target."""
        leaves = {id(leaf): leaf for source in sources for leaf in source}
        chosen, reached = self._between(leaves, targets)
        connected = [leaf for key, leaf in leaves.items() if key in reached]
        if not connected:
            return [None] * len(sources)
        made = {id(output) for operation in chosen for output in operation.outputs}

        def run_again(moves: list) -> list:
            moved = {id(leaf): leaf._value + move for leaf, move in zip(connected, moves) if id(leaf) not in made}
            added = {id(leaf): move for leaf, move in zip(connected, moves) if id(leaf) in made}
            return _run(chosen, moved, added, targets)

        _, pull = jax.vjp(run_again, [jnp.zeros(leaf.shape, leaf.dtype) for leaf in connected])
        by_leaf = dict(zip(map(id, connected), pull(seeds)[0]))
        return [_sum([by_leaf[id(leaf)] for leaf in source if id(leaf) in by_leaf]) for source in sources]

    def _between(self, leaves: dict, targets: list) -> tuple[list[_Operation], set[int]]:
        """The operations on the way from the leaves to the targets, in order, and the ids of all that leads there."""
        ahead = set(leaves)
        for operation in self.operations:
            if any(id(value) in ahead for value in operation.inputs):
                ahead.update(id(value) for value in operation.outputs if isinstance(value, Recorded))
        wanted, chosen = {id(target) for target in targets}, []
        for operation in reversed(self.operations):
            inputs = [id(value) for value in operation.inputs if id(value) in ahead]
            if inputs and any(id(value) in wanted for value in operation.outputs):
                chosen.append(operation)
                wanted.update(inputs)
        return chosen[::-1], wanted


def _run(operations: list[_Operation], values: dict[int, Any], added: dict[int, Any], targets: list) -> list:
    """Does operations again: `values` stand for recorded ones, by id, and something is added to others."""
    values = dict(values)
    for operation in operations:
        inputs = [values.get(id(value), getattr(value, "_value", value)) for value in operation.inputs]
        outputs = operation.function(*inputs)
        for noted, output in zip(operation.outputs, outputs if operation.many else [outputs]):
            values[id(noted)] = output + added[id(noted)] if id(noted) in added else output
    return [values.get(id(target), getattr(target, "_value", target)) for target in targets]


def _sum(parts: list) -> Any:
    return sum(parts[1:], parts[0]) if parts else None
