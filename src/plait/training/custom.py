"""Custom steps: a Model subclass that defines `train_step`, `test_step` or `predict_step`, as on Keras with JAX.

The functions here are the methods of Model that do the usual thing, so a subclass overrides some and calls others. They
are pure: state comes in as lists of arrays and goes out as such, in the order of the model's properties.

    train_step(state, data) -> (logs, state)    state: trainable, non-trainable, optimizer's and metrics' variables
    test_step(state, data) -> (logs, state)     state: trainable, non-trainable and metrics' variables
    predict_step(state, data) -> (outputs, non-trainable variables)    state: trainable and non-trainable variables

A step that takes `data` alone, as one writes it for TensorFlow or PyTorch, reads and assigns the variables themselves, and returns
its logs or outputs alone. So do these methods where they are given the data alone.

Life under jit: the step (training/step.py) runs them inside its one program, so the loop is as fast as with the usual
step, whatever is defined here; what they print or append is seen once, when they are traced.
"""

import inspect
from collections.abc import Sequence
from typing import Any

from plait.common.scope import scope
from plait.common.traits import default, read_once
from plait.common.tree import flatten
from plait.core.pure import pure
from plait.training.data.source import unpack
from plait.training.protocols import TrainedModel

_ALONE: Any = object()  # stands for the data where a step was given the data alone

PARTS = ("trainable", "non-trainable", "optimizer's", "metrics'")


@read_once
def steps_taking_data(cls: type) -> frozenset[str]:
    """Which steps of a class take the data alone, and so read and assign variables themselves.

    >>> class Model:
    ...     def train_step(self, data): ...
    ...
    ...     def test_step(self, state, data): ...
    >>> sorted(steps_taking_data(Model))
    ['train_step']
    """
    return frozenset(
        name for name in ("train_step", "test_step", "predict_step") if _takes_one(getattr(cls, name, None))
    )


def _takes_one(step: Any) -> bool:
    if step is None or getattr(step, "is_default", False):
        return False
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = [p for p in inspect.signature(step).parameters.values() if p.kind in kinds and p.default is p.empty]
    return len(needed) == 2


@default
def train_step(model: TrainedModel, state: Any, data: Any = _ALONE) -> Any:
    """One step of training on a batch, as a pure function; given the data alone, one on the variables.

    Args:
        model: a compiled model.
        state: the values of its trainable, non-trainable, optimizer's and metrics' variables: four lists.
        data: `x`, `(x, y)` or `(x, y, sample_weight)`.

    Returns:
        the logs by name, and the state after the step; given the data alone, the logs.
    """
    trainer = model._trainer
    if data is _ALONE:
        return trainer.on_variables(trainer.train_one, state)
    after = trainer.train_one(trainer.joined(state), unpack(data))
    return trainer.logs(after), trainer.parted(after)


@default
def test_step(model: TrainedModel, state: Any, data: Any = _ALONE) -> Any:
    """One step of evaluation on a batch, as a pure function; given the data alone, one on the variables.

    Args:
        model: a compiled model.
        state: the values of its trainable, non-trainable and metrics' variables: three lists.
        data: `x`, `(x, y)` or `(x, y, sample_weight)`.

    Returns:
        the logs by name, and the state after the step; given the data alone, the logs.
    """
    trainer = model._trainer
    if data is _ALONE:
        return trainer.on_variables(trainer.test_one, state)
    after = trainer.test_one(trainer.joined((state[0], state[1], [], state[2])), unpack(data))
    trainable, rest, _, metrics = trainer.parted(after)
    return trainer.logs(after), (trainable, rest, metrics)


@default
def predict_step(model: TrainedModel, state: Any, data: Any = _ALONE) -> Any:
    """The outputs for a batch, as a pure function; given the data alone, with the variables as they are.

    Args:
        model: a built model.
        state: the values of its trainable and non-trainable variables.
        data: `x`, or a batch whose first part is x.

    Returns:
        the outputs, and the non-trainable variables' values after the call; given the data alone, the outputs.
    """
    if data is _ALONE:
        return model(unpack(state)[0], training=False)
    outputs, rest = model.stateless_call(state[0], state[1], unpack(data)[0], training=False)
    return outputs, rest


def compute_loss_and_updates(
    model: TrainedModel,
    trainable_variables: Sequence,
    non_trainable_variables: Sequence,
    metrics_variables: Sequence,
    x: Any,
    y: Any,
    sample_weight: Any,
    training: bool = False,
    optimizer_variables: Sequence | None = None,
) -> tuple[Any, tuple]:
    """The loss of a batch and all that its computation changes: what `jax.value_and_grad(..., has_aux=True)` takes.

    Returns:
        `(loss, (unscaled loss, outputs, non-trainable variables, metrics' variables))`; the loss is scaled where the
        optimizer asks for it and its variables are given.
    """
    outputs, rest, losses = model.stateless_call(
        trainable_variables, non_trainable_variables, x, return_losses=True, training=training
    )
    loss, (_, rest, metrics) = stateless_compute_loss(
        model, trainable_variables, rest, metrics_variables, x, y, outputs, sample_weight, training, losses
    )
    unscaled = loss
    if training and model.optimizer is not None and optimizer_variables is not None:
        bindings = dict(zip(model.optimizer.variables, optimizer_variables, strict=True))
        with scope(bindings=bindings):
            loss = model.optimizer.scale_loss(loss)
    return loss, (unscaled, outputs, rest, metrics)


def stateless_compute_loss(
    model: TrainedModel,
    trainable_variables: Sequence,
    non_trainable_variables: Sequence,
    metrics_variables: Sequence,
    x: Any = None,
    y: Any = None,
    y_pred: Any = None,
    sample_weight: Any = None,
    training: bool = True,
    losses: Sequence | None = None,
) -> tuple[Any, tuple]:
    """`model.compute_loss` as a pure function.

    Args:
        model: a compiled model.
        trainable_variables: values.
        non_trainable_variables: values.
        metrics_variables: values.
        x: inputs.
        y: labels.
        y_pred: outputs.
        sample_weight: weights of the samples.
        training: whether it is for training.
        losses: what `stateless_call(..., return_losses=True)` gave; None computes the regularisation anew.

    Returns:
        `(loss, (trainable variables, non-trainable variables, metrics' variables))`.
    """
    parts = [model.trainable_variables, model.non_trainable_variables, model.metrics_variables]
    values = [*trainable_variables, *non_trainable_variables, *metrics_variables]

    def compute() -> Any:
        with scope(losses=[] if losses is None else _without_regularization(model, losses)):
            return loss_of(model, x, y, y_pred, sample_weight, training)

    loss, after = pure(compute, [variable for part in parts for variable in part])(values)
    first, second = len(parts[0]), len(parts[0]) + len(parts[1])
    return loss, (after[:first], after[first:second], after[second:])


def loss_of(model: TrainedModel, x: Any, y: Any, y_pred: Any, sample_weight: Any, training: bool) -> Any:
    """The result of `compute_loss`; one of the model's own, written before Keras 3.3, takes no `training`."""
    parameters = inspect.signature(model.compute_loss).parameters
    takes = "training" in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    options = {"training": training} if takes else {}
    return model.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, **options)


def _without_regularization(model: TrainedModel, losses: Sequence) -> list:
    """What layers added themselves: `model.losses` puts the regularisation behind it anew."""
    return list(losses)[: len(losses) - len(model.regularization_losses())]


@default
def compute_metrics(model: TrainedModel, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict:
    """Updates the metrics with one batch, and returns the results; a subclass may define its own, and add to them."""
    model._needs_compile().update_metrics(y, y_pred, sample_weight)
    return model.get_metrics_result()


def batch_size(x: Any) -> Any:
    """The rows of a batch."""
    leaves = [leaf for leaf in flatten(x) if getattr(leaf, "shape", ())]
    return leaves[0].shape[0] if leaves else 1
