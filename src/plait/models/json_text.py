"""Models from text."""

from collections.abc import Mapping
from typing import Any

from plait import saving
from plait.common.messages import describe
from plait.errors import ArgumentError
from plait.models.model import Model


def model_from_json(json_string: str, custom_objects: Mapping[str, Any] | None = None) -> Model:
    """A model from the text that `model.to_json()` gave, with new weights.

    Args:
        json_string: the text.
        custom_objects: names that the text may use besides the registered ones.

    Raises:
        FileError: no JSON, or not of a model; a class that isn't known here.
    """
    model = saving.model_from_json(json_string, custom_objects)
    if not isinstance(model, Model):
        raise ArgumentError(f"model_from_json: this is no model, but {describe(model)}.")
    return model
