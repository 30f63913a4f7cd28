"""The plain way to train: functions of `(state, batch)`, for several models and optimizers at once.

A `Learner` is a model and its optimizer as pure functions of one state. A step is any function of yours

    step(state, batch) -> (state, logs)

where `state` is whatever you like, made of learners' states, keys and arrays; `run` runs it over data, compiled.

    call      what a model computes, and the state with what the call changed (moving statistics, random states)
    descend   one step of the optimizer on a loss
    keep      puts a state's values into the model's variables

Life under jit: all of it is pure, so a step may be jitted, scanned, vmapped over ensembles. What it is not: a replacement of
`fit`, which knows losses, metrics, callbacks and validation.

Source: the form of the step is that of Optax and Flax; Keras has none, and asks for a subclass with `train_step`.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from plait import optimizers
from plait.common.messages import describe
from plait.core.program import Program
from plait.errors import ArgumentError, StateError
from plait.training.callbacks.progress import say, shown
from plait.training.data import closing_sources, pack, source_of
from plait.training.protocols import TrainedModel
from plait.training.repeat import begin_epoch, own_randomness


class LearnerState(NamedTuple):
    """What training changes: the values of the weights that train, of the other variables, and of the optimizer's."""

    weights: list
    rest: list
    optimizer: list


class Learner:
    """A model and its optimizer as pure functions of one state.

    Args:
        model: a built model.
        optimizer: an optimizer, its name, or an Optax transformation.

    Raises:
        StateError: the model has no weights yet.

    Attributes:
        state: the values as they are now: where training starts.

    >>> import plait
    >>> x = plait.Input((2,))
    >>> learner = Learner(plait.Model(x, plait.layers.Dense(1)(x)), plait.optimizers.SGD(0.1))
    >>> inputs, targets = jnp.ones((4, 2)), jnp.ones((4, 1))
    >>> def error(state):
    ...     outputs, state = learner.call(state, inputs)
    ...     return jnp.mean((outputs - targets) ** 2), state
    >>> first, state = learner.descend(learner.state, error)
    >>> bool(error(state)[0] < first)
    True
    """

    def __init__(self, model: TrainedModel, optimizer: Any = "adam"):
        if not model.built:
            raise StateError(f"{model.name}: it has no weights yet. Call it on data first, or give it an Input.")
        self.model, self.optimizer = model, optimizers.get(optimizer)
        self.optimizer.build_for(model.trainable_variables)

    @property
    def state(self) -> LearnerState:
        """The values as they are now, as copies, so that a step may reuse their memory."""
        parts = self.model.trainable_variables, self.model.non_trainable_variables, self.optimizer.variables
        return LearnerState(*([jnp.array(variable.value) for variable in part] for part in parts))

    def call(
        self, state: LearnerState, *inputs: Any, training: bool = True, **options: Any
    ) -> tuple[Any, LearnerState]:
        """What the model computes.

        Args:
            state: the values to compute with.
            *inputs: the model's.
            training: whether layers are to act as in training.
            **options: what else the model's `call` takes.

        Returns:
            the outputs, and the state with what the call changed.
        """
        outputs, rest = self.model.stateless_call(state.weights, state.rest, *inputs, training=training, **options)
        return outputs, state._replace(rest=rest)

    def descend(self, state: LearnerState, loss: Callable) -> tuple[Any, LearnerState]:
        """One step of the optimizer.

        Args:
            state: the values to start from.
            loss: from such a state to `(number, state)`: the number to lower, and the state as the calls in it left it.

        Returns:
            the number, and the state after the step.
        """

        def compute(weights: list) -> tuple[Any, tuple]:
            value, after = loss(state._replace(weights=weights))
            return value, (value, after.rest)

        gradients, (value, rest) = jax.grad(compute, has_aux=True)(state.weights)
        weights, held = self.optimizer.update(state.optimizer, gradients, state.weights)
        return value, LearnerState(weights, rest, held)

    def keep(self, state: LearnerState) -> None:
        """Puts the values into the model's and the optimizer's variables."""
        parts = self.model.trainable_variables, self.model.non_trainable_variables, self.optimizer.variables
        for variables, values in zip(parts, state, strict=True):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)


def run(
    step: Callable,
    state: Any,
    x: Any,
    y: Any = None,
    batch_size: int | None = None,
    epochs: int = 1,
    shuffle: bool = True,
    seed: int | None = None,
    verbose: int = 0,
) -> tuple[Any, dict[str, list[float]]]:
    """Runs a step over data. Variables that the step reads besides its state are inputs too, whoever owns them.

    Args:
        step: `step(state, batch) -> (state, logs)`, a pure function; `batch` is x, or `(x, y)` where there is a y; `logs` are
            numbers by name.
        state: where it starts: any tree of arrays.
        x: arrays in any structure, or anything that yields batches, as in `fit`.
        y: likewise, with arrays only.
        batch_size: rows in a batch, for arrays; 32 if it isn't given.
        epochs: how often the data is gone through.
        shuffle: whether rows are drawn in a new order each epoch.
        seed: makes the order of the data a function of (seed, epoch).
        verbose: 0 says nothing, 1 a line an epoch.

    Returns:
        the state at the end, and the means of the logs by name, a number an epoch.

    Raises:
        ArgumentError: a step that returns something else.

    >>> def count(state, batch):
    ...     return state + len(batch), {"largest": batch.max()}
    >>> state, history = run(count, 0, np.arange(10.0), batch_size=5, shuffle=False)
    >>> int(state), history
    (10, {'largest': [6.5]})
    """
    program = Program(_checked(step), donates=True, owner="run", kind="step")
    state = jax.tree.map(jnp.array, state)
    history: dict[str, list[float]] = {}
    source = source_of(x, y, None, batch_size, None, shuffle)
    with own_randomness(seed), closing_sources(source):
        for epoch in range(epochs):
            begin_epoch(seed, epoch, [])
            told = []
            for batch in source.batches(epoch):
                state, logs = program(state, pack(*batch[:2]) if batch[1] is not None else batch[0])
                told.append(logs)
            means = {
                name: float(np.mean([np.asarray(logs[name]) for logs in told])) for name in (told[0] if told else {})
            }
            for name, value in means.items():
                history.setdefault(name, []).append(value)
            if verbose:
                say(f"Epoch {epoch + 1}/{epochs} - {shown(means)}")
    return state, history


def _checked(step: Callable) -> Callable:
    def checked(state: Any, batch: Any) -> tuple[Any, dict]:
        result = step(state, batch)
        if not isinstance(result, tuple) or len(result) != 2 or not isinstance(result[1], dict):
            raise ArgumentError(
                f"run: a step returns (state, logs), logs a dict, but this one returned {describe(result)}."
            )
        return result

    return checked
