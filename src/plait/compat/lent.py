"""Methods that plait's classes have while Keras programs run: those of TensorFlow, and of Keras before its third version."""

from collections.abc import Callable, Iterable
from typing import Any

import jax

from plait.compat import old_arguments, tensorflow_variable
from plait.compat.tensorflow_data import element_spec
from plait.compat.tensors import is_lent, lend, presented
from plait.core.pure import pure
from plait.core.variable import Variable
from plait.errors import ArgumentError
from plait.metrics import Metric
from plait.models import Model
from plait.optimizers import Optimizer
from plait.training.callbacks.callback_list import CallbackList
from plait.utils.dataset import Dataset


class _NoMetrics:
    """What `compiled_metrics` is where `compile` was told none."""

    def update_state(self, *_: Any, **options: Any) -> None:
        """Nothing to do."""

    def result(self) -> dict:
        """None."""
        return {}


def compiled_metrics(model: Any) -> Any:
    """The metrics of `compile` as one."""
    return model._needs_compile().compile_metrics or _NoMetrics()


def compiled_loss(model: Any) -> Callable:
    """The loss of `compile` as a function that a step of Keras 2 calls: it also updates the loss that is told."""

    def loss(y_true: Any, y_pred: Any, sample_weight: Any = None, regularization_losses: Iterable | None = None) -> Any:
        compiled = model._needs_compile()
        value = compiled.loss(y_true, y_pred, sample_weight, list(regularization_losses or ()))
        compiled.loss_tracker.update_state(value)
        return value

    return loss


def minimize(optimizer: Any, loss: Any, var_list: Any, tape: Any = None, **_: Any) -> Any:
    """One step of the optimizer on a loss: a function of no arguments, or what a tape has recorded.

    Raises:
        ArgumentError: a number without a tape.
    """
    variables: list = list(var_list() if callable(var_list) else var_list)  # type: ignore[call-overload]
    if tape is not None:
        value = loss() if callable(loss) else loss
        return optimizer.apply_gradients(zip(tape.gradient(value, variables), variables, strict=True))
    if not callable(loss):
        raise ArgumentError(
            f"{optimizer.name}.minimize: a loss that is a tensor needs the tape that recorded it: tape=tape."
        )
    run = pure(loss, variables)
    gradients = jax.grad(lambda values: run(values)[0].sum())([variable.value for variable in variables])
    return optimizer.apply_gradients(zip(gradients, variables, strict=True))


def reset_states(metric: Any) -> None:
    """Starts afresh."""
    metric.reset_state()


def lend_all() -> None:
    """Lends them, once; `tensors.take_back` takes them back."""
    if is_lent(Variable, "read_value"):
        return
    tables: list[tuple[type, dict[str, Any]]] = [
        (Variable, tensorflow_variable.METHODS),
        (Dataset, {"_present": staticmethod(presented), "element_spec": property(element_spec)}),
        (Metric, {"reset_states": reset_states}),
        (Model, {"compiled_metrics": property(compiled_metrics), "compiled_loss": property(compiled_loss)}),
        (Model, {**old_arguments.MODEL_METHODS, "fit": old_arguments.wrapped_fit(Model.fit)}),
        (Optimizer, {"minimize": minimize}),
        (CallbackList, {"on_epoch_end": old_arguments.told_of_epoch(CallbackList.on_epoch_end)}),
    ]
    for cls, methods in tables:
        for name, method in methods.items():
            lend(cls, name, method)
    old_arguments.lend_constructors()
