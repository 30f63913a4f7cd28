"""Functions and modules of the JAX world as layers: JaxLayer for pure functions, FlaxLayer for modules of Flax.

For a function without weights, `plait.op` is simpler: it makes any JAX function symbolic and named.
"""

import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from plait import random
from plait.common.messages import describe, listing
from plait.common.registry import builtin
from plait.core.variable import Variable
from plait.errors import ArgumentError
from plait.layers.base import Layer

_CALL_ARGUMENTS = ("params", "state", "rng", "inputs", "training")
_INIT_ARGUMENTS = ("rng", "inputs", "training")


@builtin("layers")
class JaxLayer(Layer):
    """A pure JAX function with weights, as a layer.

    Args:
        call_fn: what a call computes. Its arguments are any of `params`, `state`, `rng`, `inputs` and `training`, by these
            names, with `inputs` among them. With `state` it gives `(outputs, new_state)`.
        init_fn: what makes the weights: a function of `inputs` and perhaps `rng` and `training` that returns `params`, or
            `(params, state)` where `call_fn` takes `state`. `inputs` are ones, of the shape of the first call.
        params: the weights that training changes, any pytree, where there is no `init_fn`.
        state: the ones that the function itself changes, any pytree.
        seed: for `rng`.
        native_serialization_platforms: has no effect.

    Raises:
        ArgumentError: what isn't a function, or takes other arguments; neither `init_fn` nor weights for one that takes any.

    Differs: Keras needs TensorFlow installed for this layer. To be saved, the layer needs `init_fn`, and both functions
    registered: files hold their names, never code.

    >>> import jax, numpy as np
    >>> def init(rng, inputs):
    ...     return {"w": jax.random.normal(rng, (inputs.shape[-1], 3))}
    >>> def call(params, inputs):
    ...     return inputs @ params["w"]
    >>> JaxLayer(call, init)(np.ones((2, 4))).shape
    (2, 3)
    """

    _takes_structures = True

    def __init__(
        self,
        call_fn: Callable,
        init_fn: Callable | None = None,
        params: Any = None,
        state: Any = None,
        seed: int | None = None,
        native_serialization_platforms: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.call_fn, self.init_fn, self.seed = call_fn, init_fn, seed
        self.native_serialization_platforms = native_serialization_platforms
        self._call_names = _names(call_fn, "call_fn", _CALL_ARGUMENTS)
        self._init_names = () if init_fn is None else _names(init_fn, "init_fn", _INIT_ARGUMENTS)
        needs_weights = "params" in self._call_names or "state" in self._call_names
        if needs_weights and init_fn is None and params is None and state is None:
            raise ArgumentError(
                f"{type(self).__name__}: `init_fn`, `params` and `state` cannot all be None where `call_fn` takes `params` or "
                "`state`. Give `init_fn`, which makes the weights, or the weights themselves."
            )
        self.seed_generator = random.SeedGenerator(seed)
        self.tracked_params: list[Any] = []
        self.tracked_state: list[Any] = []
        self._params_form = self._state_form = jax.tree.structure(None)
        if params is not None or state is not None or not needs_weights:
            self._keep(params, state)
            self.built = True

    def build(self, input_shape: Any) -> None:
        if self.tracked_params or self.tracked_state:
            return
        given = {"rng": self._init_rng(), "inputs": _ones(input_shape), "training": True}
        made: Any = self.init_fn(*(given[name] for name in self._init_names))  # type: ignore[misc]
        params, state = made if "state" in self._call_names else (made, None)
        self._keep(params, state)

    def _keep(self, params: Any, state: Any) -> None:
        """Makes a variable of each leaf of the two trees; a string stays itself."""
        leaves, self._params_form = jax.tree.flatten(params)
        self.tracked_params = [self._variable(leaf, f"params_{i}", True) for i, leaf in enumerate(leaves)]
        leaves, self._state_form = jax.tree.flatten(state)
        self.tracked_state = [self._variable(leaf, f"state_{i}", False) for i, leaf in enumerate(leaves)]

    def _variable(self, leaf: Any, name: str, trainable: bool) -> Any:
        if isinstance(leaf, (str, bytes)):
            return leaf
        value = jnp.asarray(leaf)
        floating = jnp.issubdtype(value.dtype, jnp.floating)
        return self.add_weight(
            shape=value.shape,
            dtype=value.dtype.name,
            initializer=lambda shape, dtype=None: value,
            trainable=trainable and bool(floating),
            name=name,
        )

    @property
    def params(self) -> Any:
        """The weights that training changes, in the form in which `init_fn` made them."""
        return jax.tree.unflatten(self._params_form, map(_value, self.tracked_params))

    @property
    def state(self) -> Any:
        """The weights that the function changes, in the form in which `init_fn` made them."""
        return jax.tree.unflatten(self._state_form, map(_value, self.tracked_state))

    def _init_rng(self) -> Any:
        return self.seed_generator.next()

    def _call_rng(self, training: bool) -> Any:
        return self.seed_generator.next()

    def call(self, inputs: Any, training: bool = False) -> Any:
        given: dict[str, Any] = {"params": self.params, "state": self.state, "inputs": inputs, "training": training}
        if "rng" in self._call_names:
            given["rng"] = self._call_rng(training)
        outputs = self.call_fn(*(given[name] for name in self._call_names))
        if "state" not in self._call_names:
            return outputs
        outputs, state = outputs
        if jax.tree.structure(state) != self._state_form:
            raise ArgumentError(
                f"{type(self).__name__} {self.name!r}: the state that `call_fn` gives must have the form of the one it got, but "
                f"{jax.tree.structure(state)} isn't {self._state_form}."
            )
        for leaf, value in zip(self.tracked_state, jax.tree.leaves(state), strict=True):
            if isinstance(leaf, Variable):
                leaf.assign(value)
        return outputs

    def get_config(self) -> dict:
        """The constructor's arguments; weights are no part of it."""
        own = ("call_fn", "init_fn", "seed", "native_serialization_platforms")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}


def _value(leaf: Any) -> Any:
    return leaf.value if isinstance(leaf, Variable) else leaf


def _names(function: Any, who: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """The names of a function's arguments.

    Raises:
        ArgumentError: no function, other arguments than the known ones, or no `inputs`.
    """
    if not callable(function):
        raise ArgumentError(f"JaxLayer: `{who}` must be a function, but got {describe(function)}.")
    parameters = inspect.signature(function).parameters.values()
    names = tuple(p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD))
    problems = [f"`{name}` is not one of them" for name in names if name not in known]
    problems += [] if "inputs" in names else ["`inputs` is missing"]
    if problems:
        raise ArgumentError(f"JaxLayer: `{who}` takes arguments named {listing(known)}; {'; '.join(problems)}.")
    return names


def _ones(shape: Any) -> Any:
    """Ones of a shape, or of each in a structure of shapes, with 1 for unknown sizes."""
    if isinstance(shape, dict):
        return {key: _ones(item) for key, item in shape.items()}
    if all(size is None or isinstance(size, int) for size in shape):
        return jnp.ones([1 if size is None else size for size in shape])
    return [_ones(item) for item in shape]


@builtin("layers")
class FlaxLayer(JaxLayer):
    """A module of Flax (`flax.linen`) as a layer.

    Args:
        module: the module: what has `init(rngs, inputs)` and `apply(variables, inputs)`.
        method: what to call on it instead of `__call__`: a function of `(module, inputs)` and perhaps `training`.
        variables: the module's variables, `{"params": ..., "batch_stats": ...}`; by default the module makes them.

    In training, random numbers come as the stream "dropout", and what the module changes of its other collections is kept.

    Raises:
        ArgumentError: no such module.

    Differs: needs neither Flax nor TensorFlow to be importable here: any object with those two methods will do.
    """

    def __init__(self, module: Any, method: Any = None, variables: Any = None, **kwargs: Any):
        if not callable(getattr(module, "init", None)) or not callable(getattr(module, "apply", None)):
            raise ArgumentError(f"FlaxLayer: `module` must have `init` and `apply`, but got {describe(module)}.")
        self.module, self.method = module, method
        target = (
            type(module).__call__ if method is None else getattr(module, method) if isinstance(method, str) else method
        )
        self._tells_training = "training" in inspect.signature(target).parameters
        params, state = (None, None) if variables is None else _split(variables)
        super().__init__(self._apply, self._init, params, state, **kwargs)

    def _options(self, training: bool) -> dict:
        options: dict[str, Any] = {"training": training} if self._tells_training else {}
        return {**options, "method": self.method} if self.method is not None else options

    def _init(self, rng: Any, inputs: Any, training: bool) -> Any:
        return _split(self.module.init(rng, inputs, **self._options(training)))

    def _apply(self, params: Any, state: Any, rng: Any, inputs: Any, training: bool) -> Any:
        variables = {"params": params, **state} if params else dict(state)
        changing = list(state) if training else []
        options = {"rngs": rng, "mutable": changing, **self._options(training)}
        outputs, changed = self.module.apply(variables, inputs, **options)
        return outputs, {**state, **changed}

    def _init_rng(self) -> Any:
        return {"params": self.seed_generator.next()}

    def _call_rng(self, training: bool) -> Any:
        return {"dropout": self.seed_generator.next()} if training else {}

    @property
    def variables_of_module(self) -> dict:
        """The values of the module's variables, by collection."""
        return {"params": self.params, **self.state}

    def get_config(self) -> dict:
        """The constructor's arguments; weights are no part of it."""
        return {**Layer.get_config(self), "module": self.module, "method": self.method, "seed": self.seed}


def _split(variables: Any) -> tuple[Any, dict]:
    """Variables by collection as the part that training changes, and the rest."""
    rest = dict(variables)
    return rest.pop("params", {}), rest
