"""Averaged weights in the right places at the right times."""

from plait.common.registry import builtin
from plait.errors import ArgumentError
from plait.training.callbacks.base import Callback
from plait.training.protocols import TrainedModel


@builtin("callbacks")
class SwapEMAWeights(Callback):
    """Evaluates, predicts and saves with the optimizer's averages of the weights (`use_ema=True`), and trains without.

    Args:
        swap_on_epoch: whether they are swapped at the end of each epoch too, so that checkpoints hold the averages.

    Raises:
        ArgumentError: an optimizer without averages.
    """

    def __init__(self, swap_on_epoch: bool = False):
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        self._plain: list | None = None  # the weights themselves, while the averages are in their place

    def set_model(self, model: TrainedModel) -> None:
        super().set_model(model)
        if not any(optimizer.use_ema for optimizer in self._optimizers()):
            raise ArgumentError(
                "SwapEMAWeights must be used when `use_ema=True` is set on the optimizer: this one keeps no averages to swap in."
            )

    def _optimizers(self) -> list:
        optimizer = getattr(self.model, "optimizer", None)
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        return list(getattr(optimizer, "optimizers", [optimizer]))

    def _swap(self, averaged: bool) -> None:
        if averaged == (self._plain is not None):
            return
        variables = self.model.trainable_variables
        if not averaged:
            for variable, value in zip(variables, self._plain or [], strict=True):
                variable.assign(value)
            self._plain = None
            return
        self._plain = [variable.numpy() for variable in variables]
        for variable in variables:
            found = [average for o in self._optimizers() if (average := o.average_of(variable)) is not None]
            if found:
                variable.assign(found[0].value)

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        if self.swap_on_epoch:
            self._swap(False)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if self.swap_on_epoch:
            self._swap(True)

    def on_train_end(self, logs: dict | None = None) -> None:
        self._plain = None  # `fit` has put the averages in the weights' place for good

    def on_test_begin(self, logs: dict | None = None) -> None:
        self._swap(True)

    def on_test_end(self, logs: dict | None = None) -> None:
        self._swap(False)

    def on_predict_begin(self, logs: dict | None = None) -> None:
        self._swap(True)

    def on_predict_end(self, logs: dict | None = None) -> None:
        self._swap(False)
