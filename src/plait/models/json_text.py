"""Models from text."""

import json
from collections.abc import Mapping
from typing import Any

from plait._errors import ArgumentError, describe
from plait._registry import deserialize
from plait.models.model import Model


def model_from_json(json_string: str, custom_objects: Mapping[str, Any] | None = None) -> Model:
    """A model from the text that `model.to_json()` gave, with new weights.

    Args:
        json_string: the text.
        custom_objects: names that the text may use besides the registered ones.

    Raises:
        ArgumentError: no JSON, or not of a model.
        FileError: a class that isn't known here.
    """
    try:
        config = json.loads(json_string)
    except ValueError as error:
        raise ArgumentError(f"model_from_json: this is no JSON ({error}): {describe(json_string)}.") from error
    model = deserialize(config, custom_objects)
    if not isinstance(model, Model):
        raise ArgumentError(f"model_from_json: this is no model, but {describe(model)}.")
    return model
