"""The layers that everything else is made with: Dense, EinsumDense, Embedding, Activation, Masking, Lambda, Identity."""

from collections.abc import Callable, Mapping
from typing import Any, Unpack

import jax.numpy as jnp
import numpy as np

from plait import activations, constraints, initializers, ops, regularizers
from plait.common.messages import describe
from plait.common.registry import builtin, custom_named, find
from plait.common.serialization import deserialize, is_code, plain
from plait.errors import ArgumentError, DataError, UnsafeFileError
from plait.layers.argument_checks import last_axis, positive_integer
from plait.layers.argument_types import LayerOptions, OptionsBesidesActivity
from plait.layers.base import Layer
from plait.layers.input_spec import InputSpec
from plait.layers.layer_config import RECENT_ARGUMENTS
from plait.layers.quantized import Layout, Quantizable, rows_of
from plait.layers.shapes import as_shapes
from plait.lowering.products import product
from plait.ops import masks as _rules_of_masks  # noqa: F401  (has ops hand on the masks that layers make)


@builtin("layers")
class Dense(Quantizable):
    """Every output sees every input: `activation(x @ kernel + bias)`.

    Args:
        units: how many outputs.
        activation: a function of the result, by name or itself.
        use_bias: whether a bias is added.
        kernel_initializer: for the kernel.
        bias_initializer: for the bias.
        kernel_regularizer: a penalty on the kernel.
        bias_regularizer: a penalty on the bias.
        activity_regularizer: a penalty on the output.
        kernel_constraint: what the kernel is mapped to after an update.
        bias_constraint: the same for the bias.
        lora_rank: the inner size of low-rank adapters, which then train in the kernel's place (`enable_lora`).
        lora_alpha: they are scaled by lora_alpha / lora_rank; None is `lora_rank`.
        quantization_config: how the kernel is kept in few bits, where `dtype` says that it is (`quantize`).

    Shapes: (B, ..., D) becomes (B, ..., units). Several tensors (B, ..., Di) have a kernel each, and one bias; they give what
    their concatenation would give, and one with fewer axes is the same along those it lacks.

    Attributes:
        kernel: (D, units); of several tensors that of the first.
        kernels: the kernels of all tensors.
        bias: (units,), or None.

    Raises:
        ShapeError: the last axis isn't known, or isn't what the layer was built for.

    Differs: Keras takes one tensor only.

    >>> import numpy as np
    >>> Dense(3, activation="relu")(np.ones((2, 4))).shape
    (2, 3)
    """

    _family = "dense"

    _equation = "...a,ab->...b"

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: Any = None,
        **kwargs: Unpack[OptionsBesidesActivity],
    ):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.units = positive_integer(units, "Dense", "units")
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self._take_lora(lora_rank, lora_alpha)
        self._take_quantization(quantization_config)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        input_shape = as_shapes(input_shape)
        shapes = input_shape if isinstance(input_shape, list) else [input_shape]
        self.sizes = tuple(last_axis(shape, self) for shape in shapes)
        specs = [InputSpec(min_ndim=2, axes={-1: size}) for size in self.sizes]
        self.input_spec = specs if isinstance(input_shape, list) else specs[0]
        self.kernels = tuple(
            self._add_kernel((size, self.units), initializer, f"kernel_{index}" if index else "kernel")
            for index, (size, initializer) in enumerate(zip(self.sizes, self._initializers(), strict=True))
        )
        self.kernel: Any = self.kernels[0]
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(self.units,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        if self.lora_rank:
            self.enable_lora(self.lora_rank, self.lora_alpha)

    def call(self, inputs: Any) -> Any:
        x = self._combine(inputs) if isinstance(inputs, (list, tuple)) else product(inputs, self.kernel.value)
        if self.bias is not None:
            x = x + self.bias.value
        return x if self.activation is None else self.activation(x)

    def _combine(self, inputs: Any) -> Any:
        rank = max(x.ndim for x in inputs)
        products = (product(x, kernel.value) for x, kernel in zip(inputs, self.kernels, strict=True))
        return sum(jnp.expand_dims(product, tuple(range(1, 1 + rank - product.ndim))) for product in products)

    def _layout(self, shape: tuple) -> Layout:
        return Layout(shape, (0,), (0, 1), shape[1:])

    def _initializers(self) -> list:
        """For each kernel its rows of one draw, so that several start as the kernel of the concatenation would."""
        if len(self.sizes) == 1:
            return [self.kernel_initializer]
        whole = self.kernel_initializer((sum(self.sizes), self.units), dtype=self.variable_dtype)
        ends = np.cumsum(self.sizes)
        return [whole[end - size : end] for size, end in zip(self.sizes, ends, strict=True)]


@builtin("layers")
class Embedding(Quantizable):
    """A table of vectors, looked up by whole numbers.

    Args:
        input_dim: how many vectors: one more than the largest number that comes in.
        output_dim: how long each is.
        embeddings_initializer: for the table.
        embeddings_regularizer: a penalty on the table.
        embeddings_constraint: what the table is mapped to after an update.
        mask_zero: whether 0 stands for padding, which later layers then leave out.
        weights: a table to begin with.
        lora_rank: the inner size of low-rank adapters, which then train in the table's place (`enable_lora`).
        lora_alpha: they are scaled by lora_alpha / lora_rank; None is `lora_rank`.
        quantization_config: how the table is kept in few bits, where `dtype` says that it is (`quantize`).

    Shapes: (B, ...) of integers becomes (B, ..., output_dim).

    >>> import numpy as np
    >>> Embedding(10, 4)(np.array([[1, 2, 3]])).shape
    (1, 3, 4)
    """

    _needs_integers = True

    _family = "dense"

    _usual_input_dtype = "int32"

    _kernel_name, _modes = "embeddings", ("int8", "int4")

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        weights: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ):
        kwargs.pop("input_length", None)
        super().__init__(**kwargs)
        self.input_dim = positive_integer(input_dim, "Embedding", "input_dim")
        self.output_dim = positive_integer(output_dim, "Embedding", "output_dim")
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.embeddings_constraint = constraints.get(embeddings_constraint)
        self.mask_zero = mask_zero
        self.supports_masking = mask_zero
        self.autocast = False
        self._take_lora(lora_rank, lora_alpha)
        self._take_quantization(quantization_config)
        self._first_table = weights
        if weights is not None:
            self.build()

    def check_ids(self, ids: np.ndarray, who: str) -> None:
        """Refuses numbers that are no rows of the table.

        Args:
            ids: the numbers, on the host.
            who: whose they are, for the error.

        Raises:
            DataError: some are below 0, beyond the last row, or not a number.
        """
        if ids.dtype.kind not in "iuf" or not ids.size or (ids.min() >= 0 and ids.max() < self.input_dim):
            return
        wrong = np.argwhere(~((ids >= 0) & (ids < self.input_dim)))
        place = tuple(int(index) for index in wrong[0])
        raise DataError(
            f"{who}: {len(wrong)} of {ids.size} ids are no rows of the table of Embedding {self.name!r}, which go from 0 to "
            f"{self.input_dim - 1}; the first is {ids[place]}, at {list(place)}. Give the Embedding a larger `input_dim`, or number "
            "the ids anew."
        )

    def looks_up(self, kwargs: Mapping) -> bool:
        """Whether a call with these keyword arguments takes ids."""
        return not kwargs.get("reverse")  # ReversibleEmbedding takes vectors then

    def _convert_inputs(self, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        if args and isinstance(args[0], np.ndarray) and len(args) == 1 and self.looks_up(kwargs):
            self.check_ids(args[0], f"{type(self).__name__} {self.name!r}")
        return super()._convert_inputs(args, kwargs)

    def build(self, input_shape: Any = None) -> None:
        self.embeddings = self._add_kernel((self.input_dim, self.output_dim), self.embeddings_initializer)
        if self._first_table is not None:
            table = self._first_table
            self.embeddings.assign(table[0] if isinstance(table, (list, tuple)) else table)
        if self.lora_rank:
            self.enable_lora(self.lora_rank, self.lora_alpha)

    def build_from_config(self, config: dict | None) -> None:
        """Builds it, whatever it was built for: its weights don't depend on what comes in."""
        self.build()

    def call(self, inputs: Any) -> Any:
        rows = inputs if jnp.issubdtype(inputs.dtype, jnp.integer) else inputs.astype("int32")
        return jnp.take(self.embeddings.value, rows, axis=0).astype(self.compute_dtype)

    def quantized_call(self, inputs: Any) -> Any:
        """What `call` computes, with the table in few bits."""
        rows = inputs if jnp.issubdtype(inputs.dtype, jnp.integer) else inputs.astype("int32")
        return rows_of(self.embeddings, rows, self.compute_dtype)

    def _layout(self, shape: tuple) -> Layout:
        return Layout(shape, (1,), (0, 1), shape[:1], sums_rows=False)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Where the number isn't 0, if 0 stands for padding."""
        return ops.not_equal(inputs, 0) if self.mask_zero else None

    def get_config(self) -> dict:
        """The constructor's arguments."""
        own = ("input_dim", "output_dim", "embeddings_initializer", "embeddings_regularizer", "embeddings_constraint")
        said = (*own, "mask_zero", *(name for name in RECENT_ARGUMENTS if getattr(self, name) is not None))
        return {**super().get_config(), **{name: plain(getattr(self, name)) for name in said}}


@builtin("layers")
class Activation(Layer):
    """A function of each element.

    Args:
        activation: the function, by name or itself.

    >>> import numpy as np
    >>> Activation("relu")(np.array([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """

    _family = "dense"

    def __init__(self, activation: Any, **kwargs: Unpack[LayerOptions]):
        super().__init__(**kwargs)
        self.activation = activations.get(activation)
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        return self.activation(inputs)


@builtin("layers")
class Identity(Layer):
    """Gives back what it gets."""

    _family = "dense"

    def __init__(self, **kwargs: Unpack[LayerOptions]):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        return inputs


@builtin("layers")
class Masking(Layer):
    """Marks the time steps of which all features have a certain value as padding, which later layers leave out.

    Args:
        mask_value: the value.

    Shapes: (B, T, ...) stays the same, zeros where masked.
    """

    _family = "dense"

    def __init__(self, mask_value: Any = 0.0, **kwargs: Unpack[LayerOptions]):
        super().__init__(**kwargs)
        self.mask_value = mask_value
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        counts = jnp.any(inputs != jnp.asarray(self.mask_value, inputs.dtype), axis=-1, keepdims=True)
        return inputs * counts.astype(inputs.dtype)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Where a feature has another value."""
        return ops.any(ops.not_equal(inputs, self.mask_value), axis=-1)


@builtin("layers")
class Lambda(Layer):
    """A function as a layer.

    Args:
        function: a function of the input.
        output_shape: the shape of one sample of the output, if the function cannot be traced.
        mask: the mask of the output, or a function of `(inputs, mask)`.
        arguments: more keyword arguments for the function.

    Raises:
        ArgumentError: what is given isn't callable.

    Differs: files never hold code. A named function is saved by its registered name; a lambda can't be saved.
    """

    _takes_structures = True

    _family = "dense"

    def __init__(
        self,
        function: Callable,
        output_shape: Any = None,
        mask: Any = None,
        arguments: dict | None = None,
        **kwargs: Unpack[LayerOptions],
    ):
        super().__init__(**kwargs)
        function = find("activations", function) if isinstance(function, str) else function
        if not callable(function):
            raise ArgumentError(f"Lambda: `function` must be a function, but got {describe(function)}.")
        self.function, self.output_shape, self.mask = function, output_shape, mask
        self.arguments = arguments or {}
        self.supports_masking = mask is not None

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        given = dict(self.arguments)
        names = getattr(getattr(self.function, "__code__", None), "co_varnames", ())
        given.update(
            {"mask": mask} if "mask" in names else {}, **({"training": training} if "training" in names else {})
        )
        return self.function(inputs, **given)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """The mask that was given, or what its function gives."""
        return self.mask(inputs, previous_mask) if callable(self.mask) else self.mask

    @classmethod
    def from_config(cls, config: dict, safe_mode: bool | None = None) -> "Lambda":
        """A layer from its config; `safe_mode` has no effect: code in a config is never run.

        The function comes from `custom_objects`, by the layer's name or by its own; or it is a named one that is known.

        Raises:
            UnsafeFileError: code, and no function in its place.
        """
        name, function = config.get("name"), custom_named(config.get("name")) or config.get("function")
        if is_code(function) or is_code(config.get("mask")):
            raise UnsafeFileError(
                f"Lambda {name!r}: its function is Python code as bytecode, and plait never runs code from a file. Write it in "
                f"your program, and pass custom_objects={{{name!r}: function}}."
            )
        shape = config.get("output_shape")
        kept = {key: value for key, value in config.items() if key not in _ONLY_IN_FILES}
        if is_code(shape) or isinstance(shape, str):  # a trace finds the shapes of the function's results
            kept["output_shape"] = None
        if isinstance(config.get("arguments"), dict):
            kept["arguments"] = {key: _array_of_keras_2(value) for key, value in config["arguments"].items()}
        if isinstance(function, str):
            function = deserialize({"class_name": "function", "config": function}, None, "activations")
        return super().from_config({**kept, "function": function})  # type: ignore[return-value]


def _array_of_keras_2(value: Any) -> Any:
    """An argument; an array where it is one in the form of Keras 2."""
    is_array = isinstance(value, dict) and value.get("type") == "ndarray" and "value" in value
    return np.asarray(value["value"]) if is_array else value


# Arguments of Keras 1 and 2 that describe functions written as code.
_ONLY_IN_FILES = {"function_type", "module", "output_shape_type", "output_shape_module", "mask_type", "mask_module"}
