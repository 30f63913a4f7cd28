"""Dtypes by name, and the policy that says which dtype a layer computes in and which its variables have.

A dtype is its canonical name, a string (`"float32"`), everywhere in plait; JAX's own dtype objects come and go at the
edges. `"string"` exists for inputs that are handled on the host.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax.dtypes import canonicalize_dtype

from plait._errors import ArgumentError, ArgumentTypeError, NameUnknownError, PlaitError, did_you_mean
from plait._settings import change_settings, settings

FLOATS = ("bfloat16", "float16", "float32", "float64", "float8_e4m3fn", "float8_e5m2")
INTEGERS = ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64")
COMPLEXES = ("complex64", "complex128")
NAMES = (*FLOATS, *INTEGERS, *COMPLEXES, "bool", "string")

_PYTHON = {bool: "bool", int: "int32", float: "float32", str: "string", complex: "complex64"}
_ALIASES = {"int": "int32", "float": "float32", "str": "string", "object": "string"}
_known: dict[Any, str] = {}


def dtype_name(dtype: Any = None) -> str:
    """The canonical name of a dtype given in any way: a name, a Python type, a NumPy or JAX dtype; None is `floatx`.

    >>> import numpy as np
    >>> dtype_name(np.float32), dtype_name(int), dtype_name("bfloat16")
    ('float32', 'int32', 'bfloat16')

    Raises:
        NameUnknownError: no such dtype.
    """
    if dtype is None:
        return settings().floatx
    try:
        known = _known.get(dtype)
    except TypeError:
        raise ArgumentError(f"A dtype must be a name or a dtype object, but got {dtype!r}.") from None
    if known is None:
        known = _known[dtype] = _resolve(dtype)
    return known


def _resolve(dtype: Any) -> str:
    if isinstance(dtype, type) and dtype in _PYTHON:
        return _PYTHON[dtype]
    name = dtype if isinstance(dtype, str) else getattr(dtype, "name", None)
    if name is None:
        try:
            name = jnp.dtype(dtype).name
        except TypeError:
            name = str(dtype).rpartition(".")[2]
    name = _ALIASES.get(name, name)
    if name.startswith(("str", "bytes", "<U", "object")):
        name = "string"
    if name not in NAMES:
        raise NameUnknownError(
            f"No dtype is called {name!r}.{did_you_mean(name, NAMES)} plait knows {', '.join(NAMES)}."
        )
    return name


def is_float(dtype: Any) -> bool:
    """Whether a dtype is one of the floating ones."""
    return dtype_name(dtype) in FLOATS


def is_integer(dtype: Any) -> bool:
    """Whether a dtype counts: any signed or unsigned integer."""
    return dtype_name(dtype) in INTEGERS


def narrow(dtype: Any) -> str:
    """The dtype that JAX gives when one is asked for: 64 bits become 32 unless `jax_enable_x64` is on.

    >>> narrow("int64")
    'int32'
    """
    name = dtype_name(dtype)
    return name if name == "string" else canonicalize_dtype(jnp.dtype(name)).name


def result_type(*dtypes: Any) -> str:
    """The dtype of arithmetic between tensors of these dtypes (Python types count as weak), as in JAX.

    >>> result_type("int32", "float32"), result_type("bfloat16", float)
    ('float32', 'bfloat16')
    """
    weak = {bool: False, int: 0, float: 0.0, complex: 0j}
    operands = [weak[d] if isinstance(d, type) and d in weak else jnp.dtype(dtype_name(d)) for d in dtypes]
    if not operands:
        return settings().floatx
    if not any(getattr(operand, "itemsize", 0) == 8 for operand in operands):
        return jnp.result_type(*operands).name
    with jax.enable_x64(True):  # as if there were 64 bits: int8 and uint64 have no common integers
        found = jnp.result_type(*operands).name
    return narrow(found)


class DTypePolicy:
    """What a layer computes in, and what its variables are: `float32`, or `mixed_bfloat16` (bfloat16 over float32).

    Args:
        name: a dtype, `"mixed_float16"` or `"mixed_bfloat16"`; None is the policy of the program.

    >>> DTypePolicy("mixed_bfloat16").compute_dtype, DTypePolicy("mixed_bfloat16").variable_dtype
    ('bfloat16', 'float32')
    """

    def __init__(self, name: str | None = None):
        if name is not None and not isinstance(name, str):
            raise ArgumentTypeError(
                f"DTypePolicy: 'name' must be a string, such as 'mixed_float16'. Received: {name!r}"
            )
        self.name = policy_name() if name is None else name
        if self.name in ("mixed_float16", "mixed_bfloat16"):
            self.compute_dtype, self.variable_dtype = self.name.removeprefix("mixed_"), "float32"
            return
        try:
            self.compute_dtype = self.variable_dtype = dtype_name(self.name)
        except ArgumentError as error:
            options = [*NAMES, "mixed_float16", "mixed_bfloat16"]
            raise NameUnknownError(
                f"Cannot convert {name!r} to a dtype policy: none is called that.{did_you_mean(name, options)}"
                " Give a dtype's name, 'mixed_float16' or 'mixed_bfloat16'."
            ) from error

    @property
    def quantization_mode(self) -> None:
        """None: plait's policies do not quantise (`plait.surgery` does, from outside)."""
        return None

    def convert_input(self, x: Any, autocast: bool, dtype: str) -> Any:
        """Casts a floating tensor to a dtype where autocasting is on, and leaves all else as it is."""
        return x.astype(dtype) if autocast and hasattr(x, "dtype") and is_float(x.dtype) else x

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {"name": self.name}

    @classmethod
    def from_config(cls, config: dict) -> "DTypePolicy":
        """A policy from its config."""
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicy) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self.name}">'


class FloatDTypePolicy(DTypePolicy):
    """A policy whose dtypes are floating: another name of `DTypePolicy`, as Keras has it."""


def policy_name() -> str:
    """The name of the policy of layers that have none of their own."""
    return settings().dtype_policy or settings().floatx


_policies: dict[str, DTypePolicy] = {}


def policy(identifier: Any = None) -> DTypePolicy:
    """A policy from None, a name, a dtype, a config or a policy. Policies by name are shared.

    Raises:
        NameUnknownError: neither a dtype nor a policy.
    """
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, dict):
        config = identifier.get("config", identifier)
        if "name" not in config:
            raise ArgumentError(f"A dtype policy's config must have a 'name', but got {identifier!r}.")
        return policy(config["name"])
    name = policy_name() if identifier is None else identifier
    try:
        name = name if isinstance(name, str) else dtype_name(name)
    except PlaitError as error:
        raise NameUnknownError(
            f"Cannot interpret `dtype` argument. Expected a dtype or a policy. Received: {name!r}"
        ) from error
    if name not in _policies:
        _policies[name] = DTypePolicy(name)
    return _policies[name]


def set_policy(identifier: Any) -> None:
    """Sets the policy of all layers made from now on."""
    if not isinstance(identifier, (str, DTypePolicy, dict)):
        raise ArgumentError(
            f"Invalid `policy` argument. Expected the name of a policy, or one. Received: {identifier!r}"
        )
    change_settings(dtype_policy=policy(identifier).name)
