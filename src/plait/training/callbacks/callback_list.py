"""Several callbacks as one."""

from collections.abc import Iterable
from typing import Any

from plait.common.messages import describe
from plait.common.registry import builtin
from plait.common.tree import flatten
from plait.distribution import is_first
from plait.errors import ArgumentError
from plait.training.callbacks.base import Callback, History
from plait.training.callbacks.progress import ProgbarLogger
from plait.training.callbacks.progress_plot import ProgressPlot
from plait.training.protocols import TrainedModel
from plait.training.run import Run

_BATCH_METHODS = {
    "train": ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end"),
    "test": ("on_test_batch_begin", "on_test_batch_end"),
    "predict": ("on_predict_batch_begin", "on_predict_batch_end"),
}


def calls(method: str) -> Any:
    """A method that calls the method of that name on each callback of the list."""

    def call(self: "CallbackList", *args: Any) -> None:
        *place, logs = args if len(args) > (method.count("epoch") or method.count("batch")) else (*args, None)
        logs = {} if logs is None else logs
        for callback in self.callbacks:
            getattr(callback, method)(*place, logs)

    call.__doc__ = f"Calls `{method}` of each callback, in order."
    call.__name__ = method
    return call


@builtin("callbacks")
class CallbackList:
    """Several callbacks as one, in order; the history and the progress come last.

    Args:
        callbacks: callbacks, in any nesting.
        add_history: whether to add a History, if there is none.
        add_progbar: whether to show progress.
        model: the model that is trained.
        progress: how it is shown: "bar", or "plot" for curves in the terminal.
        run: the `fit` under way.
        params: of the run: `verbose`, `epochs`, `steps`, and whether a training `validates`.

    Raises:
        ArgumentError: something that isn't a callback.
    """

    def __init__(
        self,
        callbacks: Any = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: TrainedModel | None = None,
        progress: str = "bar",
        run: Run | None = None,
        **params: Any,
    ):
        given = [
            callback
            for callback in flatten(list(callbacks) if _is_iterable(callbacks) else callbacks)
            if callback is not None
        ]
        for callback in given:
            if isinstance(callback, type):
                name = callback.__name__
                raise ArgumentError(
                    f"callbacks must be Callback objects, but got the class {name}. Make one: {name}()."
                )
            if not hasattr(callback, "on_epoch_end"):
                raise ArgumentError(f"callbacks must be Callback objects, but got {describe(callback)}.")
        if not is_first():  # of several processes one prints
            add_progbar, params = False, params | {"verbose": 0}
        self.callbacks: list[Any] = given
        self.history = next((callback for callback in given if isinstance(callback, History)), None)
        if self.history is None and add_history:
            self.history = History()
            self.callbacks.append(self.history)
        self.progress_bar = next((callback for callback in given if isinstance(callback, ProgbarLogger)), None)
        if self.progress_bar is None and add_progbar:
            self.progress_bar = ProgressPlot() if progress == "plot" else ProgbarLogger()
            self.callbacks.append(self.progress_bar)
        self.model: Any = model  # None until `set_model`
        self.params = params
        if model is not None:
            self.set_model(model)
        self.set_params(params)
        for callback in self.callbacks:
            if isinstance(callback, Callback):
                callback.run = run

    def append(self, callback: Any) -> None:
        """Puts a callback at the end."""
        self.callbacks.append(callback)

    def set_params(self, params: dict) -> None:
        """Gives all callbacks the parameters of the run."""
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)

    def set_model(self, model: TrainedModel) -> None:
        """Gives all callbacks the model."""
        self.model = model
        for callback in self.callbacks:
            callback.set_model(model)

    def watches_batches(self, phase: str) -> bool:
        """Whether a callback looks at the batches of a phase: "train", "test" or "predict"."""
        return any(_watches(callback, phase) for callback in self.callbacks)

    def progress(self, done: int, logs: Any) -> None:
        """Updates the progress bar with the steps that are done; the logs may still be on the device."""
        if self.progress_bar is not None:
            self.progress_bar.advance(done, logs)

    def close(self) -> None:
        """Gives the terminal back when a run has ended, well or not."""
        if self.progress_bar is not None:
            self.progress_bar.close()

    on_train_begin = calls("on_train_begin")
    on_train_end = calls("on_train_end")
    on_test_begin = calls("on_test_begin")
    on_test_end = calls("on_test_end")
    on_predict_begin = calls("on_predict_begin")
    on_predict_end = calls("on_predict_end")
    on_epoch_begin = calls("on_epoch_begin")
    on_epoch_end = calls("on_epoch_end")
    on_train_batch_begin = calls("on_train_batch_begin")
    on_train_batch_end = calls("on_train_batch_end")
    on_test_batch_begin = calls("on_test_batch_begin")
    on_test_batch_end = calls("on_test_batch_end")
    on_predict_batch_begin = calls("on_predict_batch_begin")
    on_predict_batch_end = calls("on_predict_batch_end")
    on_batch_begin = on_train_batch_begin
    on_batch_end = on_train_batch_end


def _is_iterable(value: Any) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, dict)


def _watches(callback: Any, phase: str) -> bool:
    own = getattr(callback, "watches_batches", None)
    if own is not None:
        return own(phase)
    methods = (getattr(callback, name, None) for name in _BATCH_METHODS[phase])  # also those set on the object itself
    return any(method is not None and not getattr(method, "is_default", False) for method in methods)
