"""Policies: the dtype that a layer computes in, the one of its variables, and whether its kernel is kept in few bits.

Names of quantising policies are "<mode>_from_<name of another policy>": `"int8_from_mixed_bfloat16"`.
"""

import re
from collections.abc import Iterator, MutableMapping, Sequence
from typing import Any

from plait.common.dtypes import NAMES, dtype_name, is_float, is_tensor
from plait.common.messages import describe, did_you_mean, listing
from plait.common.settings import change_settings, settings
from plait.errors import ArgumentError, ArgumentTypeError, NameUnknownError, PlaitError, UnsafeFileError

QUANTIZATION_MODES = ("int8", "float8", "int4")


def unknown_mode(mode: object, modes: Sequence[str] = QUANTIZATION_MODES) -> str:
    """The words for a mode of quantisation that isn't one of some modes.

    >>> unknown_mode("int7", ("int8", "int4"))
    "Invalid quantization mode. Expected one of ('int8', 'int4'), but got mode='int7'."
    """
    return f"Invalid quantization mode. Expected one of {modes}, but got mode={mode!r}."


class DTypePolicy:
    """What a layer computes in, and what its variables are: `float32`, or `mixed_bfloat16` (bfloat16 over float32).

    Args:
        name: a dtype, `"mixed_float16"` or `"mixed_bfloat16"`; None is the policy of the program.

    >>> DTypePolicy("mixed_bfloat16").compute_dtype, DTypePolicy("mixed_bfloat16").variable_dtype
    ('bfloat16', 'float32')
    """

    _is_constant = True  # a policy is replaced, never changed

    def __init__(self, name: str | None = None):
        if name is not None and not isinstance(name, str):
            raise ArgumentTypeError(f"DTypePolicy: 'name' must be a string, such as 'mixed_float16', but got {name!r}.")
        self.name = policy_name() if name is None else name
        if self.name in ("mixed_float16", "mixed_bfloat16"):
            self.compute_dtype, self.variable_dtype = self.name.removeprefix("mixed_"), "float32"
            return
        try:
            self.compute_dtype = self.variable_dtype = dtype_name(self.name)
        except ArgumentError as error:
            options = [*NAMES, "mixed_float16", "mixed_bfloat16"]
            raise NameUnknownError(
                f"Cannot convert {name!r} to a dtype policy.{did_you_mean(name, options)}"
                " Give a dtype's name, 'mixed_float16' or 'mixed_bfloat16'."
            ) from error

    @property
    def quantization_mode(self) -> str | None:
        """How weights are kept in few bits: `"int8"`, `"int4"`, `"float8"`, or None."""
        return None

    def convert_input(self, x: Any, autocast: bool, dtype: str) -> Any:
        """Casts a floating tensor to a dtype where autocasting is on, and leaves all else as it is."""
        return x.astype(dtype) if autocast and is_tensor(x) and is_float(x.dtype) else x

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


class QuantizedDTypePolicy(DTypePolicy):
    """A policy under which a layer keeps its kernel in few bits.

    Args:
        mode: `"int8"`, `"int4"` or `"float8"`.
        source_name: the policy that says what the layer computes in; None is the policy of the program.

    Raises:
        ArgumentError: another mode; `"int8"` with float16, whose range is too small for the products.

    >>> policy = QuantizedDTypePolicy("int8", "mixed_bfloat16")
    >>> policy.name, policy.compute_dtype, policy.quantization_mode
    ('int8_from_mixed_bfloat16', 'bfloat16', 'int8')
    """

    def __init__(self, mode: str, source_name: str | None = None):
        super().__init__(source_name)
        self._check_mode(mode)
        self._source_name, self._quantization_mode = self.name, mode
        self.name = f"{mode}_from_{self.name}"

    def _check_mode(self, mode: Any) -> None:
        if mode not in QUANTIZATION_MODES:
            raise ArgumentError(unknown_mode(mode))
        if mode == "int8" and self.compute_dtype == "float16":
            raise ArgumentError(
                "Quantization mode='int8' doesn't work well with compute_dtype='float16': use 'mixed_bfloat16' or 'float32'."
            )

    @property
    def quantization_mode(self) -> str:
        """How the kernel is kept."""
        return self._quantization_mode

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {"mode": self._quantization_mode, "source_name": self._source_name}

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.get_config() == self.get_config()  # type: ignore[attr-defined]

    __hash__ = DTypePolicy.__hash__

    def __repr__(self) -> str:
        return f'<{type(self).__name__} "{self.name}">'


class QuantizedFloat8DTypePolicy(QuantizedDTypePolicy):
    """A policy under which a layer multiplies numbers of 8 bits, with scales that follow the largest ones seen.

    Args:
        mode: `"float8"`.
        source_name: the policy that says what the layer computes in; None is the policy of the program.
        amax_history_length: over how many steps the largest number is kept in mind.

    Raises:
        ArgumentTypeError: a length that is no whole number.
    """

    default_amax_history_length = 1024

    def __init__(self, mode: str, source_name: str | None = None, amax_history_length: int = 1024):
        super().__init__(mode, source_name)
        if not isinstance(amax_history_length, int):
            raise ArgumentTypeError(
                f"`amax_history_length` must be an integer, but got amax_history_length={amax_history_length!r}."
            )
        self.amax_history_length = amax_history_length

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {**super().get_config(), "amax_history_length": self.amax_history_length}


class Int4DTypePolicy(QuantizedDTypePolicy):
    """A policy under which a layer keeps its kernel in 4 bits, with a scale for each block of its rows.

    Args:
        mode: `"int4/<rows in a block>"`; `"int4/-1"` has one scale for a whole column.
        source_name: the policy that says what the layer computes in; None is the policy of the program.

    Raises:
        ArgumentError: a mode of another form.

    >>> Int4DTypePolicy("int4/128", "float32").block_size
    128
    """

    def __init__(self, mode: str, source_name: str | None = None):
        form = re.fullmatch(r"int4/(-?\w+)", mode)
        if form is None:
            raise ArgumentError(f"Int4DTypePolicy: the mode must be 'int4/<block_size>', but got {mode!r}.")
        try:
            self.block_size = int(form[1])
        except ValueError:
            raise ArgumentError(
                f"Int4DTypePolicy: the mode must be 'int4/<block_size>' with a whole number, but got {mode!r}."
            ) from None
        if self.block_size < -1 or self.block_size == 0:
            raise ArgumentError(
                "Int4DTypePolicy: the block size must be -1, which is one block a channel, or a whole number from 1 up, but got "
                f"{self.block_size} in {mode!r}."
            )
        super().__init__("int4", source_name)
        self.mode = "int4"
        self.name = f"{mode}_from_{self._source_name}"

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {**super().get_config(), "mode": f"int4/{self.block_size}"}


class DTypePolicyMap(DTypePolicy, MutableMapping):
    """Policies by the paths of layers: a dict whose keys may be patterns, with one policy for all others.

    Args:
        default_policy: for paths that no key fits; None is the policy of the program.
        policy_map: policies by path.

    A layer takes the map as its `dtype`, hands it to the layers inside, and each takes its own policy from it when it is
    built. A key fits a path that it equals, else one that it matches as a whole as a regular expression.

    Raises:
        ArgumentError: a map as the default; a key that is there already; a path that several keys match.
        ArgumentTypeError: `policy_map` isn't a dict.

    >>> policies = DTypePolicyMap("float32", {"encoder/.*": policy("bfloat16")})
    >>> policies["encoder/attention/query"].name, policies["decoder"].name
    ('bfloat16', 'float32')
    """

    def __init__(self, default_policy: Any = None, policy_map: dict | None = None):
        if isinstance(default_policy, DTypePolicyMap):
            raise ArgumentError("`default_policy` cannot be a `DTypePolicyMap`.")
        if policy_map is not None and not isinstance(policy_map, dict):
            raise ArgumentTypeError(
                f"If specified, `policy_map` must be a dict, but got policy_map={describe(policy_map)}."
            )
        self._default_policy_arg, self._default_policy = default_policy, policy(default_policy)
        self._policy_map = {key: policy(value) for key, value in (policy_map or {}).items()}

    @property
    def default_policy(self) -> DTypePolicy:
        """The policy of paths that no key fits."""
        return self._default_policy

    @property
    def name(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """`map_` and the default's name."""
        return f"map_{self.default_policy.name}"

    @property
    def variable_dtype(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The default's."""
        return self.default_policy.variable_dtype

    @property
    def compute_dtype(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The default's."""
        return self.default_policy.compute_dtype

    @property
    def quantization_mode(self) -> str | None:
        """The default's."""
        return self.default_policy.quantization_mode

    def __getitem__(self, key: str) -> DTypePolicy:
        if key in self._policy_map:
            return self._policy_map[key]
        matching = [pattern for pattern in self._policy_map if _fits(pattern, key)]
        if len(matching) > 1:
            raise ArgumentError(
                f"Path '{key}' matches multiple dtype policy specification keys: {matching}. Make the patterns so that each path "
                "matches at most one."
            )
        return self._policy_map[matching[0]] if matching else self.default_policy

    def __setitem__(self, key: str, value: Any) -> None:
        if key in self._policy_map:
            raise ArgumentError(
                f"DTypePolicyMap: {key!r} is there already, with the policy {self._policy_map[key]}. Delete it first."
            )
        try:
            self._policy_map[key] = policy(value)
        except PlaitError as error:
            raise ArgumentError(
                f"Cannot interpret the assigned value. Expected a policy, its name or its config, but got {describe(value)}."
            ) from error

    def __delitem__(self, key: str) -> None:
        del self._policy_map[key]

    def __contains__(self, key: object) -> bool:
        return key in self._policy_map

    def __len__(self) -> int:
        return len(self._policy_map)

    def __iter__(self) -> Iterator[str]:
        return iter(self._policy_map)

    @classmethod
    def from_config(cls, config: dict) -> "DTypePolicyMap":
        """A map from its config.

        Raises:
            UnsafeFileError: a pattern that may take for ever to match.
        """
        for pattern in config.get("policy_map") or {}:
            if len(re.findall(r"[*+{]", pattern)) > 2 or re.search(r"\)\s*[*+{]", pattern):
                raise UnsafeFileError(
                    f"DTypePolicyMap: the pattern {pattern[:80]!r} repeats groups, or more than two things, and so could take for "
                    "ever to match. Make the map in the program, or with simpler patterns."
                )
        return cls(**config)

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {"default_policy": self._default_policy_arg, "policy_map": dict(self._policy_map)}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicyMap) and other.get_config() == self.get_config()

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        mapping = [(key, value.name) for key, value in self._policy_map.items()]
        return f"<DTypePolicyMap at {hex(id(self))} default_policy={self.default_policy.name}, mapping={mapping}>"


def _fits(pattern: str, path: str) -> bool:
    """Whether a path matches a pattern as a whole; a key that is no pattern is only equal to itself."""
    try:
        return re.fullmatch(pattern, path) is not None
    except re.error:
        return False


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
        return _from_config(identifier)
    name = policy_name() if identifier is None else identifier
    try:
        name = name if isinstance(name, str) else dtype_name(name)
    except PlaitError as error:
        raise NameUnknownError(f"`dtype` must be a dtype, a policy or the name of one, but got {name!r}.") from error
    if name not in _policies:
        _policies[name] = (
            _quantising(name) if name.startswith((*QUANTIZATION_MODES, "gptq", "awq")) else DTypePolicy(name)
        )
    return _policies[name]


def _quantising(name: str) -> DTypePolicy:
    if name in NAMES:
        return DTypePolicy(name)
    mode, found, source = name.partition("_from_")
    if not found or "_from_" in source:
        raise ArgumentError(
            f"The name of a policy of quantised kernels is that of a mode and of a policy, such as 'int8_from_float32', but got {name!r}."
        )
    if mode.startswith("int4/"):
        return Int4DTypePolicy(mode, source)
    return (QuantizedFloat8DTypePolicy if mode == "float8" else QuantizedDTypePolicy)(mode, source)


_BY_CLASS = {
    cls.__name__: cls for cls in (QuantizedDTypePolicy, QuantizedFloat8DTypePolicy, Int4DTypePolicy, DTypePolicyMap)
}


def _from_config(data: dict) -> DTypePolicy:
    """A policy from its config, with the name of its class around or not."""
    config, cls = data.get("config", data), _BY_CLASS.get(data.get("class_name", ""))
    if cls is not None:
        return cls.from_config(config)
    if "name" not in config:
        raise ArgumentError(f"A dtype policy's config must have a 'name', but got {listing(data)}.")
    return policy(config["name"])


def set_policy(identifier: Any) -> None:
    """Sets the policy of all layers made from now on."""
    if not isinstance(identifier, (str, DTypePolicy, dict)):
        raise ArgumentError(
            f"Invalid `policy` argument. Expected a policy, its name or its config, but got {describe(identifier)}."
        )
    chosen = policy(identifier)
    _policies[chosen.name] = chosen  # one that isn't made by its name alone is found by it from now on
    change_settings(dtype_policy=chosen.name)
