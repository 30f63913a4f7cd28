"""Parts of a form that only models have: how one was compiled, and the graph that any class of model can open."""

from collections.abc import Mapping
from typing import Any

from plait.common.messages import warn
from plait.common.traits import is_usual
from plait.errors import PlaitError


def left_uncompiled(model: Any, error: PlaitError) -> dict:
    """The compile config of a model whose own no file can hold: none, with a warning."""
    warn(
        f"Model {model.name!r} is saved without what `compile` was told, because no file can hold it: {error} Compile the "
        "model again after loading."
    )
    return {}


def compile_again(model: Any, config: dict) -> None:
    """Compiles a model as it was; one whose class takes other arguments has to be compiled by the program."""
    cls = type(model)
    if not is_usual(cls, "compile") and is_usual(cls, "compile_from_config"):
        warn(
            f"{cls.__name__} {model.name!r}: `compile()` was not called as part of model loading because the model's `compile()` "
            "method is custom. Compile it after loading, or define `get_compile_config` and `compile_from_config`."
        )
        return
    model.compile_from_config(config)


def opens_as_plain_model(form: Mapping[str, Any]) -> bool:
    """Whether a form of an unknown class holds a whole graph: then the plain model can do all but what the class adds."""
    config = form.get("config")
    if not isinstance(config, Mapping) or not {"layers", "input_layers", "output_layers"} <= config.keys():
        return False
    warn(
        f"The class {form['class_name']!r} isn't known here, so the model is opened as a plain one: its graph and weights are "
        "whole, but methods that the class adds are missing. Pass custom_objects={...} to get them."
    )
    return True
