"""The arguments of `compile` in the files of Keras 1, 2 and tf.keras, in the words of today.

Verbs: `modern_compile_config` for all of it, `modern_optimizer` for the optimizer alone.

What changes: a loss or metric in object form names a function that its class has anyway (`fn`), a reduction `auto`, which is
the mean over the batch, and options that today's class doesn't have; metrics carry the names of their outputs. How steps
were run stays behind.
"""

from collections.abc import Callable, Sequence
from typing import Any

from plait.common.constructors import constructor_parameters
from plait.common.registry import builtins_of, place_of

_WRAPPERS = {"MeanMetricWrapper", "SumOverBatchSizeMetricWrapper", "LossFunctionWrapper"}
_KEYS = ("loss", "metrics", "weighted_metrics", "loss_weights")


def modern_compile_config(config: Any, outputs: Sequence[str] = ()) -> dict:
    """The arguments of `compile`, in the words of today.

    Args:
        config: the arguments as a file holds them.
        outputs: the names of the model's outputs, which names of metrics begin with where there are several.
    """
    config = config if isinstance(config, dict) else {}
    kept = {key: _objects(config[key], place_of(key)) for key in _KEYS if config.get(key)}
    for key in ("metrics", "weighted_metrics"):
        if len(outputs) > 1 and isinstance(kept.get(key), list) and len(kept[key]) == len(outputs):
            kept[key] = [_without(f"{name}_", value) for name, value in zip(outputs, kept[key], strict=True)]
    return {**kept, "optimizer": modern_optimizer(config.get("optimizer"))}


def _objects(value: Any, place: str | None) -> Any:
    if isinstance(value, list):
        return [_objects(item, place) for item in value]
    if not isinstance(value, dict):
        return value
    name, config = value.get("class_name"), value.get("config")
    if not isinstance(name, str) or not isinstance(config, dict):
        return value if "class_name" in value else {key: _objects(item, place) for key, item in value.items()}
    config = dict(config)
    function = config.pop("fn", None)
    if name in _WRAPPERS:
        named = {"class_name": "function", "config": function} if isinstance(function, str) else function
        config["fn"] = named
        name = "MeanMetricWrapper" if place == "metrics" else name
    if config.get("reduction") == "auto":
        config["reduction"] = "sum_over_batch_size"
    cls: Any = builtins_of(place or "").get(name)
    if cls is not None and name not in _WRAPPERS:
        known = {key for parent in cls.__mro__ for key in constructor_parameters(parent)}
        config = {key: item for key, item in config.items() if key in known}
    return {**value, "class_name": name, "config": config}


def _without(start: str, value: Any) -> Any:
    """Metrics without the name of their output in front of their own."""
    if isinstance(value, list):
        return [_without(start, item) for item in value]
    config = value.get("config") if isinstance(value, dict) else None
    if not isinstance(config, dict) or not str(config.get("name")).startswith(start):
        return value
    return {**value, "config": {**config, "name": config["name"].removeprefix(start)}}


def modern_optimizer(data: Any) -> Any:
    """An optimizer in object form, as old files hold it, in the words of today."""
    if not isinstance(data, dict) or not isinstance(data.get("config"), dict):
        return data
    config, name = dict(data["config"]), str(data.get("class_name"))
    own = name.removeprefix("Custom>")  # how Keras 2.11 to 2.15 called its own optimizers in HDF5 files
    if own.startswith("LossScaleOptimizer"):
        return _loss_scale(config)
    cls: Callable | None = builtins_of("optimizers").get(own)
    name = own if cls is not None else name
    if "lr" in config:
        config["learning_rate"] = config.pop("lr")
    decay = config.pop("decay", 0.0)
    if decay and isinstance(config.get("learning_rate"), (int, float)):
        schedule = {"initial_learning_rate": config["learning_rate"], "decay_steps": 1, "decay_rate": decay}
        config["learning_rate"] = {
            "module": "keras.optimizers.schedules",
            "class_name": "InverseTimeDecay",
            "config": schedule,
        }
    if config.get("epsilon", 0) is None:
        del config["epsilon"]
    if cls is not None:
        known = {key for parent in cls.__mro__ for key in constructor_parameters(parent)}  # type: ignore[attr-defined]
        config = {key: value for key, value in config.items() if key in known}
        return {"module": "keras.optimizers", "class_name": name, "config": config, "registered_name": None}
    return {**data, "class_name": name, "config": config}


def _loss_scale(config: dict) -> Any:
    """An optimizer with a scaled loss: one that finds the scale, or the inner one with a fixed scale."""
    inner = modern_optimizer(config.get("inner_optimizer") or config.get("optimizer"))
    older = config.get("loss_scale") if isinstance(config.get("loss_scale"), dict) else {}
    options = {**(older or {}).get("config", {}), **config}
    scale = options.get("initial_scale", options.get("initial_loss_scale"))
    if config.get("dynamic") is False and isinstance(inner, dict):
        return {**inner, "config": {**inner["config"], "loss_scale_factor": scale}}
    steps = options.get("dynamic_growth_steps", options.get("increment_period"))
    given = {"initial_scale": scale, "dynamic_growth_steps": steps}
    own = {"inner_optimizer": inner, **{key: value for key, value in given.items() if value is not None}}
    return {"module": "keras.optimizers", "class_name": "LossScaleOptimizer", "config": own, "registered_name": None}
