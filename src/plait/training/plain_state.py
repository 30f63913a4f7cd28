"""State of objects as plain data and arrays: what a callback or a data set must have back to go on where it was.

`state_of` gathers the attributes of an object that are plain (numbers, texts, arrays, lists, tuples and dicts of these) and
the states of NumPy's generators among them; `put_back` sets them on another object of the same kind. An object that knows
better has `state_dict()` and `load_state_dict(state)`, PyTorch's names, whose state must be plain as well.

What it is not: pickling. No class is named and no code is run; what isn't plain (files, models, functions) stays as the
new object has it.
"""

import sys
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from plait.errors import StateError

# What an object came with it has again when the program starts again; larger things than these aren't looked into.
_MOST_BYTES = 1 << 20
_MOST_ITEMS = 10_000


class _NotPlain(Exception):
    """A value that no file of state can hold."""


def encode(value: Any, arrays: list[np.ndarray]) -> Any:
    """A value as JSON can hold it; its arrays are added to a list, as bytes.

    >>> arrays = []
    >>> decode(encode({"best": np.float32(0.5), 3: (1, [None])}, arrays), arrays)
    {'best': np.float32(0.5), 3: (1, [None])}
    """
    if value is None or isinstance(value, (bool, str)) or type(value) in (int, float):
        return value
    if isinstance(value, (np.ndarray, np.generic, jax.Array)):
        array = np.asarray(value)
        if array.dtype.hasobject:
            raise _NotPlain
        arrays.append(np.frombuffer(np.ascontiguousarray(array).tobytes(), np.uint8))
        kind = "scalar" if isinstance(value, np.generic) else "array"
        return {"kind": kind, "at": len(arrays) - 1, "dtype": str(array.dtype), "shape": list(array.shape)}
    if type(value) is bytes:
        arrays.append(np.frombuffer(value, np.uint8))
        return {"kind": "bytes", "at": len(arrays) - 1}
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        return {"kind": "torch", "array": encode(value.numpy(), arrays)}
    if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
        items = [encode(item, arrays) for item in value]
        return items if isinstance(value, list) else {"kind": "tuple", "items": items}
    if isinstance(value, Mapping):
        return {"kind": "dict", "items": [[encode(k, arrays), encode(item, arrays)] for k, item in value.items()]}
    raise _NotPlain


def decode(value: Any, arrays: list[np.ndarray]) -> Any:
    """The value that `encode` made plain."""
    if isinstance(value, list):
        return [decode(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    if value["kind"] == "tuple":
        return tuple(decode(item, arrays) for item in value["items"])
    if value["kind"] == "dict":
        return {decode(key, arrays): decode(item, arrays) for key, item in value["items"]}
    if value["kind"] == "bytes":
        return arrays[value["at"]].tobytes()
    if value["kind"] == "torch":
        return sys.modules["torch"].from_numpy(decode(value["array"], arrays))
    array = np.frombuffer(arrays[value["at"]].tobytes(), np.dtype(value["dtype"])).reshape(value["shape"])
    return array[()] if value["kind"] == "scalar" else array.copy()


def encode_own(thing: Any, state: Any, arrays: list[np.ndarray]) -> Any:
    """What an object says of its own state, as JSON can hold it.

    Raises:
        StateError: it has something else than plain values.
    """
    try:
        return encode(state, arrays)
    except _NotPlain:
        raise StateError(
            f"{type(thing).__name__}: its state can't be backed up: give numbers, text, bytes and arrays alone, in "
            f"lists, tuples and dicts. It is {str(state)[:200]}."
        ) from None


def state_of(thing: Any, arrays: list[np.ndarray], came_with: Mapping[str, Any] | None = None) -> dict:
    """The state of an object, as JSON can hold it.

    Args:
        thing: the object.
        arrays: a list that its arrays are added to.
        came_with: its attributes when the run began. Those that are as they were are left out.
    """
    if hasattr(thing, "state_dict") and hasattr(thing, "load_state_dict"):
        return {"own": encode_own(thing, thing.state_dict(), arrays)}
    left_out, plain, generators = getattr(type(thing), "_stateless", ()), {}, {}
    held = vars(thing) if hasattr(thing, "__dict__") and "*" not in left_out else {}
    for name, value in held.items():
        if isinstance(value, np.random.Generator):
            generators[name] = encode(value.bit_generator.state, arrays)
            continue
        if name in left_out or (came_with is not None and name in came_with and _is_as_before(value, came_with[name])):
            continue
        before = len(arrays)
        try:
            plain[name] = encode(value, arrays)
        except _NotPlain:
            del arrays[before:]
    return {"plain": plain, "generators": generators}


def _is_as_before(value: Any, before: Any) -> bool:
    """Whether an object that is made anew has a value again, which may be an option that the program has changed since.

    Containers and arrays may have been changed in place; larger ones than a state should hold are taken to be as before.
    """
    if type(value) is type(before) is tuple and len(value) == len(before) <= _MOST_ITEMS:
        return all(_is_as_before(*pair) for pair in zip(value, before, strict=True))
    if isinstance(value, (list, tuple, Mapping)):
        return value is before and len(value) > _MOST_ITEMS
    if hasattr(value, "nbytes") and np.ndim(value):
        return value is before and value.nbytes > _MOST_BYTES
    return value is before or (type(value) is type(before) and isinstance(value, (int, float, str)) and value == before)


def put_back(thing: Any, state: dict, arrays: list[np.ndarray]) -> None:
    """Gives an object the state of one of its kind."""
    if "own" in state:
        thing.load_state_dict(decode(state["own"], arrays))
        return
    for name, value in state["plain"].items():
        vars(thing)[name] = decode(value, arrays)
    for name, value in state["generators"].items():
        generator = getattr(thing, name, None)
        if isinstance(generator, np.random.Generator):
            generator.bit_generator.state = decode(value, arrays)
