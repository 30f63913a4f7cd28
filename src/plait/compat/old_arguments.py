"""Arguments and methods of Keras 1 and 2, read in the words of Keras 3; at its end, a program is told in one line what was.

The constructors of plait's classes are wrapped while the hook is in: arguments of today go through at once.
"""

import atexit
import functools
import inspect
import itertools
import re
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from plait import callbacks, layers, models, optimizers
from plait.common.traits import definer, own_of_plait
from plait.common.tree import flatten
from plait.compat.tensors import lend
from plait.errors import ArgumentError
from plait.saving.legacy_config import INITIALIZERS, RENAMED_ARGUMENTS, RENAMED_IN, WITH_UNITS

_translated: dict[str, None] = {}

# Arguments that said how something was computed, and say nothing any more.
_IDLE = {"consume_less", "implementation", "mode", "input_dtype", "dim_ordering", "nb_row", "nb_col", "nb_depth"}
_KERAS_1 = {*RENAMED_ARGUMENTS, *_IDLE, "nb_row", "border_mode", "output_dim", "p"} - {
    "stride",
    "sigma",
    "theta",
    "implementation",
}
_ORDERS = {"tf": "channels_last", "th": "channels_first"}
_FIT = {
    "nb_epoch": "epochs",
    "nb_val_samples": "validation_steps",
    "val_samples": "steps",
    "samples_per_epoch": "steps_per_epoch",
}
_QUEUES = {
    "max_q_size",
    "max_queue_size",
    "nb_worker",
    "workers",
    "pickle_safe",
    "use_multiprocessing",
    "show_accuracy",
}


def note(what: str) -> None:
    """Notes what was translated; a line at the end of the program says it all."""
    if not _translated:
        atexit.register(lambda: print(line(), file=sys.stderr))
    _translated[what] = None


def line() -> str:
    """What was translated so far, in a line."""
    return f"plait: written for an older Keras, and read as today's: {', '.join(_translated)}."


def _layer_arguments(cls: type, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
    name, parameters = cls.__name__, inspect.signature(cls.__init__).parameters
    rows = [kwargs.pop(key) for key in ("nb_row", "nb_col") if key in kwargs]
    if name == "Conv2D" and len(args) >= 3 and not _KERAS_1.isdisjoint(kwargs):
        rows, args = list(args[1:3]), (args[0], *args[3:])
    new: dict[str, Any] = {}
    for key, value in kwargs.items():
        wanted: Any = RENAMED_IN.get((name, key), RENAMED_ARGUMENTS.get(key, key))
        if key == "output_dim" and name in WITH_UNITS:
            wanted = "units"
        if key == "dim_ordering":
            wanted, value = "data_format", _ORDERS.get(value)
        if key in ("p", "init", "bias") and wanted == key:
            wanted = {"p": "rate", "init": "kernel_initializer", "bias": "use_bias"}[key]
        if key == wanted or (key in parameters and wanted not in parameters):
            if key in _IDLE and key not in parameters:
                note(f"{name}({key}) left out")
            else:
                new[key] = value
            continue
        note(f"{name}({key} as {wanted})")
        new[wanted] = (
            INITIALIZERS.get(value, value) if isinstance(value, str) and wanted.endswith("initializer") else value
        )
    if rows:
        note(f"{name}(nb_row, nb_col as kernel_size)")
        new["kernel_size"] = tuple(rows)
    return args, {key: value for key, value in new.items() if key != "data_format" or value is not None}


def _optimizer_arguments(cls: type, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
    new: dict[str, Any] = dict(kwargs)
    if "lr" in new:
        note(f"{cls.__name__}(lr as learning_rate)")
        new["learning_rate"] = new.pop("lr")
    for idle in [key for key in ("schedule_decay", "epsilon") if key in new and (key != "epsilon" or new[key] is None)]:
        del new[idle]
    decay = new.pop("decay", 0)
    if decay:
        note(f"{cls.__name__}(decay as InverseTimeDecay)")
        default = inspect.signature(cls.__init__).parameters["learning_rate"].default
        rate = float(np.asarray(args[0] if args else new.pop("learning_rate", default)))
        args = args[1:]
        new["learning_rate"] = optimizers.schedules.InverseTimeDecay(rate, 1, decay)
    given: Any = new.get("learning_rate")
    if isinstance(given, int):
        new["learning_rate"] = float(given)
    return args, new


def _model_arguments(cls: type, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
    for old in {"input", "output"} & kwargs.keys():
        note(f"Model({old} as {old}s)")
    return args, {{"input": "inputs", "output": "outputs"}.get(key, key): value for key, value in kwargs.items()}


def _checkpoint_arguments(cls: type, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
    kwargs = dict(kwargs)
    period = kwargs.pop("period", 1)
    if period != 1:
        raise ArgumentError("ModelCheckpoint: period isn't here any more. Use save_freq, which counts batches.")
    note("ModelCheckpoint(period) left out")
    return args, kwargs


def _wrapped(init: Callable, old: frozenset, translate: Callable) -> Callable:
    @functools.wraps(init)
    def construct(self: Any, *args: Any, **kwargs: Any) -> None:
        if kwargs and not old.isdisjoint(kwargs):
            args, kwargs = translate(own_of_plait(type(self)), args, kwargs)
            if "_constructed_with" in vars(self):
                vars(self)["_constructed_with"] = (args, kwargs)
        init(self, *args, **kwargs)

    return construct


def lend_constructors() -> None:
    """Wraps the constructors of layers, optimizers, models and ModelCheckpoint, each where it is written."""
    of_layers = frozenset({*RENAMED_ARGUMENTS, *_IDLE, "output_dim", *(key for _, key in RENAMED_IN)})
    of_optimizers = frozenset({"lr", "decay", "schedule_decay", "epsilon"})
    wrapped: dict[type, tuple[frozenset, Callable]] = {
        models.Model: (frozenset({"input", "output"}), _model_arguments),
        callbacks.ModelCheckpoint: (frozenset({"period"}), _checkpoint_arguments),
    }
    for module, base, old, translate in (
        (layers, layers.Layer, of_layers, _layer_arguments),
        (optimizers, optimizers.Optimizer, of_optimizers, _optimizer_arguments),
    ):
        for cls in (getattr(module, name) for name in module.__all__):
            writer = definer(cls, "__init__") if isinstance(cls, type) and issubclass(cls, base) else None
            if writer is not None and issubclass(writer, base) and writer is not base:
                own = frozenset(inspect.signature(writer.__init__).parameters) if module is layers else frozenset()
                wrapped.setdefault(writer, (old - own, translate))
    for cls, (old, translate) in wrapped.items():
        lend(cls, "__init__", _wrapped(vars(cls)["__init__"], old, translate))


# ---------------------------------------------------------------------------- methods


def _of_today(kwargs: dict) -> dict:
    new = {}
    for key, value in kwargs.items():
        if key in _QUEUES:
            note(f"{key} left out")
        elif key in _FIT:
            note(f"{key} as {_FIT[key]}")
            new[_FIT[key]] = value
        else:
            new[key] = value
    return new


def wrapped_fit(fit: Callable) -> Callable:
    """`fit` that also takes arguments of Keras 1 and 2."""
    old = frozenset({*_FIT, *_QUEUES})

    @functools.wraps(fit)
    def train(self: Any, *args: Any, **kwargs: Any) -> Any:
        _watch_accuracy(self, kwargs.get("callbacks"))
        history = fit(self, *args, **(kwargs if old.isdisjoint(kwargs) else _of_today(kwargs)))
        history.history = OldLogs(history.history)
        return history

    return train


def _accuracy(name: str) -> str:
    """What a log that Keras called `acc` until 2.2 is called since: `val_acc` is `val_accuracy`."""
    return re.sub(r"(^|_)acc$", r"\1accuracy", name)


class OldLogs(dict):
    """Logs that are also found by the names that they had until Keras 2.2.

    >>> OldLogs({"accuracy": 0.5})["acc"]
    0.5
    """

    def __missing__(self, name: Any) -> Any:
        today = _accuracy(name) if isinstance(name, str) else name
        if today == name or not dict.__contains__(self, today):
            raise KeyError(name)
        note(f"{name} as {today}")
        return self[today]

    def __contains__(self, name: Any) -> bool:
        return dict.__contains__(self, name) or (isinstance(name, str) and dict.__contains__(self, _accuracy(name)))

    def get(self, name: Any, default: Any = None) -> Any:
        """The value under a name of today or of before."""
        try:
            return self[name]
        except KeyError:
            return default


def told_of_epoch(on_epoch_end: Callable) -> Callable:
    """`CallbackList.on_epoch_end` whose callbacks find logs by old names, too."""

    def tell(self: Any, epoch: int, logs: dict | None = None) -> None:
        old = OldLogs(logs or {})
        on_epoch_end(self, epoch, old)
        if logs is not None:
            logs.update(old)

    return tell


def _watch_accuracy(model: Any, watching: Any) -> None:
    """Has callbacks watch `accuracy` that were made for `acc`, where the model calls it so."""
    metrics = (
        {one for one in flatten(model._compilation.given["metrics"]) if isinstance(one, str)} if model.compiled else ()
    )
    if "accuracy" not in metrics or "acc" in metrics:
        return
    for callback in flatten(watching if isinstance(watching, (list, tuple)) else [watching]):
        for name in ("monitor", "filepath"):
            before = getattr(callback, name, None)
            after = re.sub(r"(?<![a-zA-Z])acc(?=$|[:}])", "accuracy", before) if isinstance(before, str) else before
            if after != before:
                note(f"{before} as {after}")
                setattr(callback, name, after)


def fit_generator(model: Any, generator: Any, *args: Any, **kwargs: Any) -> Any:
    """`fit` on batches that a generator yields."""
    note("fit_generator as fit")
    names = ("steps_per_epoch", "epochs", "verbose", "callbacks", "validation_data", "validation_steps")
    kwargs = {**dict(zip(names, args, strict=False)), **kwargs}
    if "samples_per_epoch" in kwargs:  # Keras 1 counts rows, not batches
        first = next(generator)
        rows = len(flatten(first)[0])
        generator = itertools.chain([first], generator)
        kwargs["steps_per_epoch"] = -(-kwargs.pop("samples_per_epoch") // rows)
        if "nb_val_samples" in kwargs:
            kwargs["validation_steps"] = -(-kwargs.pop("nb_val_samples") // rows)
    return model.fit(generator, **_of_today(kwargs))


def evaluate_generator(model: Any, generator: Any, steps: Any = None, *_: Any, **kwargs: Any) -> Any:
    """`evaluate` on batches that a generator yields."""
    note("evaluate_generator as evaluate")
    kwargs = _of_today(kwargs)
    return model.evaluate(generator, steps=kwargs.pop("steps", steps), verbose=kwargs.get("verbose", 0))


def predict_generator(model: Any, generator: Any, steps: Any = None, *_: Any, **kwargs: Any) -> Any:
    """`predict` on batches that a generator yields."""
    note("predict_generator as predict")
    kwargs = _of_today(kwargs)
    return model.predict(generator, steps=kwargs.pop("steps", steps), verbose=kwargs.get("verbose", 0))


def predict_classes(model: Any, x: Any, batch_size: int | None = None, verbose: Any = 0) -> np.ndarray:
    """The classes that a model finds most likely."""
    note("predict_classes as argmax of predict")
    found = model.predict(x, batch_size=batch_size, verbose=verbose)
    return found.argmax(-1) if found.shape[-1] > 1 else (found > 0.5).astype("int32")


def predict_proba(model: Any, x: Any, batch_size: int | None = None, verbose: Any = 0) -> np.ndarray:
    """`predict`."""
    note("predict_proba as predict")
    return model.predict(x, batch_size=batch_size, verbose=verbose)


def merge(
    inputs: list, mode: Any = "sum", dot_axes: Any = -1, concat_axis: int = -1, name: str | None = None, **_: Any
) -> Any:
    """Tensors brought together: `keras.layers.merge` of Keras 1."""
    note(f"merge({mode!r}) as a layer")
    if callable(mode):
        return layers.Lambda(mode, name=name)(inputs)
    if mode in ("dot", "cos"):
        return layers.Dot(dot_axes, normalize=mode == "cos", name=name)(inputs)
    kinds = {"sum": "Add", "mul": "Multiply", "ave": "Average", "max": "Maximum"}
    if mode == "concat":
        return layers.Concatenate(concat_axis, name=name)(inputs)
    if mode not in kinds:
        raise ArgumentError(f"merge: no mode is called {mode!r}. There are {[*kinds, 'concat', 'dot', 'cos']}.")
    return getattr(layers, kinds[mode])(name=name)(inputs)


def reset_states(model: Any) -> None:
    """Has stateful layers of a model begin at zero."""
    note("model.reset_states as that of its layers")
    for layer in model._flatten_layers():
        reset = getattr(layer, "reset_state", None) or getattr(layer, "reset_states", None)
        if reset is not None and layer is not model and getattr(layer, "stateful", False):
            reset()


MODEL_METHODS: dict[str, Callable] = {
    "evaluate_generator": evaluate_generator,
    "fit_generator": fit_generator,
    "predict_classes": predict_classes,
    "predict_generator": predict_generator,
    "predict_proba": predict_proba,
    "reset_states": reset_states,
}
