"""How a layer is to be quantised: the mode, and who turns kernels and activations into integers."""

from typing import Any

from plait.common.messages import describe
from plait.common.policies import QUANTIZATION_MODES, unknown_mode
from plait.common.registry import builtin
from plait.common.serialization import deserialize, plain
from plait.errors import ArgumentError
from plait.quantizers.integers import AbsMaxQuantizer, Quantizer


@builtin("quantizers", "quantization_config")
class QuantizationConfig:
    """The parent of these.

    Args:
        weight_quantizer: for kernels; None takes the mode's own.
        activation_quantizer: for what comes in; None multiplies it as it is.
    """

    def __init__(self, weight_quantizer: Any = None, activation_quantizer: Any = None):
        self.weight_quantizer, self.activation_quantizer = weight_quantizer, activation_quantizer

    @property
    def mode(self) -> str:
        """The mode: `"int8"`, `"int4"` or `"float8"`.

        Raises:
            NotImplementedError: the class has none.
        """
        raise NotImplementedError(f"{type(self).__name__}: a config for quantisation has a `mode`. Take one that has.")

    @staticmethod
    def weight_quantizer_or_default(config: "QuantizationConfig | None", default: Any) -> Any:
        """The quantizer for kernels that a config states, or the default."""
        return default if config is None or config.weight_quantizer is None else config.weight_quantizer

    @staticmethod
    def activation_quantizer_or_default(config: "QuantizationConfig | None", default: Any) -> Any:
        """The quantizer for what comes in: the config's, also None; without a config the default."""
        return default if config is None else config.activation_quantizer

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {name: plain(getattr(self, name)) for name in ("weight_quantizer", "activation_quantizer")}

    @classmethod
    def from_config(cls, config: dict) -> "QuantizationConfig":
        """A config from its config.

        Raises:
            ArgumentError: something else than a quantizer in its place.
        """
        read = {name: deserialize(value) for name, value in config.items()}
        for name in ("weight_quantizer", "activation_quantizer"):
            if not isinstance(read.get(name), (Quantizer, type(None))):
                raise ArgumentError(
                    f"{cls.__name__}: `{name}` must be a quantizer or None, but got {describe(read[name])}."
                )
        return cls(**read)


@builtin("quantizers", "int8_quantization_config")
class Int8QuantizationConfig(QuantizationConfig):
    """Integers of 8 bits: kernels with a scale for each output, what comes in with a scale for each row.

    Args:
        weight_quantizer: for kernels; None takes the absolute maximum.
        activation_quantizer: for what comes in; None multiplies it as it is, `"default"` takes the absolute maximum.

    Raises:
        ArgumentError: a quantizer of kernels that returns something else than int8.

    >>> Int8QuantizationConfig(activation_quantizer=None).mode
    'int8'
    """

    def __init__(self, weight_quantizer: Any = None, activation_quantizer: Any = "default"):
        if isinstance(activation_quantizer, str) and activation_quantizer == "default":
            activation_quantizer = AbsMaxQuantizer()
        super().__init__(weight_quantizer, activation_quantizer)
        _check_weights(self, None)

    @property
    def mode(self) -> str:
        """The mode."""
        return "int8"


@builtin("quantizers", "int4_quantization_config")
class Int4QuantizationConfig(QuantizationConfig):
    """Integers of 4 bits for kernels: a scale for each output and each block of rows. What comes in stays as it is.

    Args:
        weight_quantizer: for kernels; None takes the mode's own.
        activation_quantizer: for what comes in; `"default"` leaves it as it is.
        block_size: the rows in a block; None or -1 has one scale for a whole column.

    Raises:
        ArgumentError: a block size below 1; a quantizer together with blocks, or one that doesn't give -8 to 7 as int8.

    >>> Int4QuantizationConfig(block_size=64).get_config()["block_size"]
    64
    """

    def __init__(
        self, weight_quantizer: Any = None, activation_quantizer: Any = "default", block_size: int | None = 128
    ):
        if isinstance(activation_quantizer, str) and activation_quantizer == "default":
            activation_quantizer = None
        super().__init__(weight_quantizer, activation_quantizer)
        if block_size is not None and block_size != -1 and block_size <= 0:
            raise ArgumentError(f"block_size must be None, -1, or a positive integer, but got block_size={block_size}.")
        self.block_size = block_size
        if block_size not in (None, -1) and (weight_quantizer is not None or activation_quantizer is not None):
            raise ArgumentError(
                "Int4 sub-channel quantization (block_size > 0) does not support custom quantizers. Either set block_size to "
                f"None or -1, or remove the custom quantizer arguments, but got block_size={block_size}."
            )
        _check_weights(self, (-8, 7))

    @property
    def mode(self) -> str:
        """The mode."""
        return "int4"

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {**super().get_config(), "block_size": self.block_size}

    @classmethod
    def from_config(cls, config: dict) -> "Int4QuantizationConfig":
        """A config from its config; one without a block size is of the time before blocks."""
        return super().from_config({"block_size": None, **config})  # type: ignore[return-value]


@builtin("quantizers", "float8_quantization_config")
class Float8QuantizationConfig(QuantizationConfig):
    """Products of numbers of 8 bits, in training too. There is nothing to choose."""

    def __init__(self):
        super().__init__(None, None)

    @property
    def mode(self) -> str:
        """The mode."""
        return "float8"

    def get_config(self) -> dict:
        """Nothing."""
        return {}


def _check_weights(config: QuantizationConfig, value_range: tuple | None) -> None:
    quantizer, who = config.weight_quantizer, type(config).__name__
    if quantizer is None:
        return
    if value_range is not None and tuple(quantizer.value_range) != value_range:
        raise ArgumentError(
            f"{who} requires a weight_quantizer with value_range={value_range}, but got value_range={quantizer.value_range}."
        )
    if quantizer.output_dtype != "int8":
        raise ArgumentError(
            f"{who} requires a weight_quantizer with output_dtype='int8', but got output_dtype={quantizer.output_dtype}."
        )


_OF_MODE = {"int8": Int8QuantizationConfig, "int4": Int4QuantizationConfig, "float8": Float8QuantizationConfig}


def resolve(mode: Any, config: Any) -> QuantizationConfig:
    """The config that a mode, a config, or both stand for.

    Raises:
        ArgumentError: neither; no such mode; two that contradict each other.

    >>> resolve("int4", None).block_size
    128
    """
    if isinstance(config, str):
        mode, config = config, None
    if mode is not None and mode not in QUANTIZATION_MODES:
        raise ArgumentError(unknown_mode(mode))
    if config is None:
        if mode is None:
            raise ArgumentError("You must provide either `mode` or `config` to `quantize`.")
        return _OF_MODE[mode]()
    if not isinstance(config, QuantizationConfig):
        raise ArgumentError(
            f"Argument `config` must be an instance of `QuantizationConfig`, but got config={describe(config)}."
        )
    if mode is not None and config.mode != mode:
        raise ArgumentError(
            f"quantize: `mode` and `config` must agree, but got mode={mode!r} and config.mode={config.mode!r}."
        )
    return config
