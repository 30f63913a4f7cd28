"""Layers that hold another layer: once for each time step, or in both directions."""

import inspect
from typing import Any, Unpack

import jax.numpy as jnp

from plait.common.messages import describe
from plait.common.registry import builtin
from plait.common.serialization import deserialize, plain, serialize_object
from plait.common.traits import is_of_plait
from plait.errors import ArgumentError, ShapeError
from plait.layers.argument_types import LayerOptions
from plait.layers.base import Layer
from plait.layers.input_spec import InputSpec


@builtin("layers")
class Wrapper(Layer):
    """The parent of layers that hold another.

    Args:
        layer: the other layer.

    Raises:
        ArgumentError: not a layer.
    """

    def __init__(self, layer: Any, **kwargs: Unpack[LayerOptions]):
        super().__init__(**kwargs)
        layer = deserialize(layer, None, "layers") if isinstance(layer, dict) else layer
        if not isinstance(layer, Layer):
            raise ArgumentError(
                f"Layer {describe(layer)} supplied to {type(self).__name__} isn't a supported layer type. Please ensure wrapped "
                "layer is a valid Keras layer."
            )
        self.layer = layer

    def build(self, input_shape: Any = None) -> None:
        if not self.layer.built:
            self.layer.build(input_shape)


@builtin("layers")
class TimeDistributed(Wrapper):
    """Applies a layer to each time step.

    Args:
        layer: the layer.

    Shapes: (B, T, ...) becomes (B, T, what the layer makes of ...).

    >>> import numpy as np
    >>> from plait.layers.core import Dense
    >>> TimeDistributed(Dense(2))(np.ones((3, 4, 5))).shape
    (3, 4, 2)
    """

    def __init__(self, layer: Any, **kwargs: Unpack[LayerOptions]):
        super().__init__(layer, **kwargs)
        self.supports_masking = True

    def build(self, input_shape: tuple) -> None:
        if not isinstance(input_shape, (list, tuple)) or len(input_shape) < 3:
            raise ArgumentError(
                f"TimeDistributed {self.name!r}: the input must have a batch axis, a time axis and more, but its shape is {input_shape}."
            )
        super().build((input_shape[0], *input_shape[2:]))

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        rows = jnp.reshape(inputs, (-1, *inputs.shape[2:]))
        options = {}
        if mask is not None:
            self._check_mask(mask, inputs)
            if self._mask_goes_in():
                options["mask"] = jnp.reshape(mask, (-1, *mask.shape[2:]))
        out = self.layer(rows, **options)
        out = jnp.reshape(out, (inputs.shape[0], inputs.shape[1], *out.shape[1:]))
        return out

    def _check_mask(self, mask: Any, inputs: Any) -> None:
        if mask.ndim < 2 or mask.shape[:2] != inputs.shape[:2]:
            raise ShapeError(
                f"TimeDistributed {self.name!r}: The `mask` passed to the `TimeDistributed` layer has a shape {mask.shape} that "
                f"doesn't fit the inputs' {inputs.shape}. Give one for each time step: (B, T)."
            )

    def _mask_goes_in(self) -> bool:
        """Whether the layer is the user's own and takes a mask: plait's own take one along time, which is gone here."""
        cls = type(self.layer)
        return "mask" in inspect.signature(cls.call).parameters and not is_of_plait(cls)


@builtin("layers")
class Bidirectional(Layer):
    """Runs a recurrent layer forwards and another backwards, and merges what they give.

    Args:
        layer: the recurrent layer.
        merge_mode: "concat", "sum", "mul", "ave", or None for both.
        weights: values to begin with.
        backward_layer: the layer that runs backwards; by default made from the first one's config.

    Raises:
        ArgumentError: an unknown mode; layers that don't fit.
    """

    def __init__(
        self,
        layer: Any,
        merge_mode: str | None = "concat",
        weights: Any = None,
        backward_layer: Any = None,
        **kwargs: Unpack[LayerOptions],
    ):
        layer = deserialize(layer, None, "layers") if isinstance(layer, dict) else layer
        recurrent: Any = layer
        if not isinstance(layer, Layer):
            raise ArgumentError(f"Bidirectional: `layer` must be a layer, but got {describe(layer)}.")
        if merge_mode not in ("sum", "mul", "ave", "concat", None):
            raise ArgumentError(
                f"Bidirectional: `merge_mode` must be 'sum', 'mul', 'ave', 'concat' or None, but got {merge_mode!r}."
            )
        kwargs.setdefault("dtype", layer.dtype_policy)
        super().__init__(**kwargs)
        self.merge_mode = merge_mode
        config = serialize_object(layer)
        self.forward_layer = deserialize({**config, "config": dict(config["config"])}, None, "layers")
        if backward_layer is None:
            turned = {**config["config"], "go_backwards": not recurrent.go_backwards}
            backward = deserialize({**config, "config": turned}, None, "layers")
            backward.name = "backward_" + layer.name
        else:
            backward = (
                deserialize(backward_layer, None, "layers") if isinstance(backward_layer, dict) else backward_layer
            )
        if not isinstance(backward, Layer):
            raise ArgumentError(f"Bidirectional: `backward_layer` must be a layer, but got {describe(backward_layer)}.")
        self.backward_layer: Any = backward
        self.forward_layer.name = "forward_" + layer.name.removeprefix("forward_")
        self._check()
        self.return_sequences, self.return_state, self.stateful = (
            recurrent.return_sequences,
            recurrent.return_state,
            recurrent.stateful,
        )
        for inner in (self.forward_layer, self.backward_layer):
            inner.zero_output_for_mask = self.return_sequences
        self._first_weights = weights
        self.supports_masking = True
        self.input_spec = InputSpec(min_ndim=3)

    def _check(self) -> None:
        if self.forward_layer.go_backwards == self.backward_layer.go_backwards:
            raise ArgumentError(
                "Bidirectional: one of the two layers must have go_backwards=True, and the other False, but both have "
                f"{self.forward_layer.go_backwards}."
            )
        for name in ("stateful", "return_sequences", "return_state"):
            one, other = getattr(self.forward_layer, name), getattr(self.backward_layer, name)
            if one != other:
                raise ArgumentError(
                    f"Bidirectional: both layers must have the same `{name}`, but the forward layer has {one!r} and the "
                    f"backward layer {other!r}."
                )

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        for layer in (self.forward_layer, self.backward_layer):
            if not layer.built:
                layer.build(sequences_shape)
        if self._first_weights is not None:
            self.set_weights(self._first_weights)

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool | None = None) -> Any:
        options = {"mask": mask} if mask is not None else {}
        states: list = [None, None]
        if initial_state is not None:
            half = len(initial_state) // 2
            states = [initial_state[:half], initial_state[half:]]
        forward = self.forward_layer(sequences, initial_state=states[0], **options)
        backward = self.backward_layer(sequences, initial_state=states[1], **options)
        ends: list = []
        if self.return_state:
            ends = [*forward[1:], *backward[1:]]
            forward, backward = forward[0], backward[0]
        if self.return_sequences:
            backward = jnp.flip(backward, axis=1)
        output = self._merge(forward, backward)
        if not self.return_state:
            return output
        return (*output, *ends) if self.merge_mode is None else (output, *ends)

    def _merge(self, forward: Any, backward: Any) -> Any:
        if self.merge_mode == "concat":
            return jnp.concatenate([forward, backward], axis=-1)
        if self.merge_mode == "sum":
            return forward + backward
        if self.merge_mode == "ave":
            return (forward + backward) / 2
        return forward * backward if self.merge_mode == "mul" else (forward, backward)

    @property
    def states(self) -> list | None:
        """The states that both directions keep, those of the forward one first; None where they keep none."""
        kept = [*(self.forward_layer.states or []), *(self.backward_layer.states or [])]
        return kept or None

    def reset_states(self) -> None:
        """Starts the states of both directions afresh."""
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    reset_state = reset_states

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """The input's, where sequences come out."""
        mask = previous_mask[0] if isinstance(previous_mask, list) else previous_mask
        output = [mask, mask] if self.merge_mode is None else mask
        if not self.return_sequences:
            output = [None, None] if self.merge_mode is None else None
        if not self.return_state:
            return output
        states = [None] * (2 * len(self.forward_layer.states or [None]))
        return [*(output if isinstance(output, list) else [output]), *states]

    def get_config(self) -> dict:
        """The constructor's arguments."""
        inner = {"layer": plain(self.forward_layer), "backward_layer": plain(self.backward_layer)}
        return {**super().get_config(), "merge_mode": self.merge_mode, **inner}
