"""Arguments of layers, checked: whole numbers, one number or one an axis, names of layouts and paddings."""

from typing import Any

from plait.common.messages import did_you_mean
from plait.common.numbers import is_whole
from plait.common.settings import settings
from plait.errors import ArgumentError, ArgumentTypeError, NameUnknownError, ShapeError


def positive_integer(
    value: Any, who: str, name: str, text: str = "the argument `{name}` must be a positive integer, but got {value!r}."
) -> int:
    """The value, if it is a whole number from 1 up.

    Args:
        value: the argument's.
        who: the class, for the message.
        name: the argument's name.
        text: the message, where programs know another one.

    Raises:
        ArgumentError: it isn't.
    """
    if not is_whole(value, 1):
        raise ArgumentTypeError(f"{who}: {text.format(name=name, value=value)}")
    return value.__index__()


def last_axis(shape: tuple | None, layer: Any) -> int:
    """The size of the last axis of a shape.

    Raises:
        ShapeError: it isn't known.
    """
    if not shape or shape[-1] is None:
        raise ShapeError(
            f"{type(layer).__name__} {layer.name!r}: the last axis of the input must be known, but got shape {shape}. Give "
            "Input(shape=(...)) a number there."
        )
    return shape[-1]


def numbers(value: Any, count: int, who: str, name: str, least: int = 1) -> tuple[int, ...]:
    """A number for each of some axes, from one for all or a sequence.

    Raises:
        ArgumentError: another count, or numbers that are too small.
    """
    try:
        values = (value.__index__(),) * count
    except (AttributeError, TypeError):
        try:
            values = tuple(item.__index__() for item in value)
        except (AttributeError, TypeError):
            values = ()
    if len(values) != count or any(item < least for item in values):
        kind = f"a tuple of {count} integers" if count > 1 else "an integer or tuple of 1 integer"
        small = {item for item in values if item < least}
        told = f", including values {small} that do not satisfy `value > {least - 1}`" if small else ""
        raise ArgumentError(f"{who}: The `{name}` argument must be {kind}. Received {name}={value!r}{told}.")
    return values


def data_format_name(value: str | None, who: str) -> str:
    """A data format by name; None is the setting of the program.

    Raises:
        NameUnknownError: no such format.
    """
    name = settings().image_data_format if value is None else str(value).lower()
    options = ("channels_last", "channels_first")
    if name not in options:
        raise NameUnknownError(
            f"{who}: The `data_format` argument must be one of 'channels_first', 'channels_last', but got {value!r}."
            f"{did_you_mean(name, options)}"
        )
    return name


def padding_name(value: Any, options: tuple[str, ...], who: str) -> str:
    """A padding by name.

    Raises:
        NameUnknownError: no such padding.
    """
    name = str(value).lower()
    if name not in options:
        raise NameUnknownError(
            f"{who}: The `padding` argument must be one of {', '.join(map(repr, options))}, but got {value!r}."
            f"{did_you_mean(name, options)}"
        )
    return name
