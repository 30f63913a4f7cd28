"""How each family wants its pixels: the `preprocess_input` of the modules here."""

from collections.abc import Callable
from typing import Any

from plait.applications.imagenet_utils import preprocess_input as in_mode


def _mode(mode: str, seen: str) -> Callable[..., Any]:
    def preprocess_input(x: Any, data_format: str | None = None) -> Any:
        return in_mode(x, data_format, mode)

    preprocess_input.__doc__ = f"Pixels from 0 to 255, {seen}: `imagenet_utils.preprocess_input(mode={mode!r})`."
    return preprocess_input


to_one = _mode("tf", "scaled to [-1, 1]")
by_deviation = _mode("torch", "scaled by ImageNet's means and deviations")
blue_first = _mode("caffe", "as blue, green, red without ImageNet's means")


def unchanged(x: Any, data_format: str | None = None) -> Any:
    """The pixels as they are, 0 to 255: the model scales them itself."""
    return x
