"""Random numbers, keyed: a draw is a function of its seed, so it repeats.

A seed is an int (the same numbers at each call), a `SeedGenerator` (new numbers at each call), a JAX key, or None, that
is one global generator which `set_random_seed` starts again.

A generator's state is two uint32 numbers, `[seed, counter]`, and is itself the JAX key of the next draw. It is a
`Variable`, so in programs made by `pure` it comes in and goes out like a weight. In somebody's own `jax.jit` it could
not go out, and drawing from it there is an error instead of a constant that looks random.

The numbers are those of Keras on JAX for the same seed, bit by bit.
"""

import random as python_random
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from plait.common.dtypes import dtype_name, is_float, is_integer, narrow
from plait.common.messages import describe
from plait.common.names import auto_name
from plait.common.registry import builtin
from plait.common.scope import name_scope
from plait.core.variable import Variable, convert_to_tensor
from plait.errors import ArgumentError, StateError

__all__ = [
    "SeedGenerator",
    "beta",
    "binomial",
    "categorical",
    "draw_seed",
    "dropout",
    "forget_global_generator",
    "gamma",
    "generator_of",
    "global_generator",
    "global_states",
    "key_of",
    "make_default_seed",
    "normal",
    "randint",
    "set_random_seed",
    "shuffle",
    "truncated_normal",
    "uniform",
]

_STEP = np.array([0, 1], "uint32")


@builtin("random")
class SeedGenerator:
    """A source of seeds: each draw that gets it sees other numbers.

    Args:
        seed: where it starts, from 0 to 2**32 - 1; None draws one from Python's `random`.
        name: its name; None makes one.

    Attributes:
        state: the Variable `[seed, counter]`, uint32.

    Raises:
        ArgumentError: a seed that is not such a number.

    >>> generator = SeedGenerator(7)
    >>> generator.next().tolist(), generator.next().tolist()
    ([7, 0], [7, 1])
    """

    _held_as = "seed generator"

    def __init__(self, seed: int | None = None, name: str | None = None):
        self.name = auto_name(type(self)) if name is None else name
        self.seed = seed
        start = make_default_seed() if seed is None else _checked_seed(seed, "SeedGenerator")
        with name_scope(self.name):
            self.state = Variable(np.array([start, 0], "uint32"), trainable=False, name="seed_generator_state")

    def next(self, ordered: bool = True) -> Any:
        """The key of the next draw, uint32[2]; the counter goes on.

        Args:
            ordered: whether the counter goes up by one. Otherwise both numbers are mixed, as for the global generator.
        """
        key = self.state.value
        self.state.assign(key + _STEP if ordered else (key + 1) * 5387 % 933199)
        return key

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {"seed": self.seed, "name": self.name}

    @classmethod
    def from_config(cls, config: dict) -> "SeedGenerator":
        """A generator from its config."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<SeedGenerator name={self.name}, seed={self.seed}>"


def generator_of(owner: Any) -> SeedGenerator:
    """The `seed_generator` of a layer, made of its `seed` now if it had nothing to draw until a setting was changed."""
    if not hasattr(owner, "seed_generator"):
        owner.seed_generator = SeedGenerator(owner.seed)
    return owner.seed_generator


_global_generator: SeedGenerator | None = None


def global_generator() -> SeedGenerator:
    """The generator behind draws without a seed, made at its first use."""
    global _global_generator
    if _global_generator is None:
        _global_generator = SeedGenerator()
    return _global_generator


def global_states() -> list:
    """The state of the generator behind draws without a seed, if it has been used: a list of one variable, or none."""
    return [] if _global_generator is None else [_global_generator.state]


def forget_global_generator() -> None:
    """Lets the next draw without a seed start a new global generator."""
    global _global_generator
    _global_generator = None


def set_random_seed(seed: int) -> None:
    """Seeds Python's `random`, NumPy's global generator and plait's: the program draws the same numbers again.

    Raises:
        ArgumentError: not an integer from 0 to 2**32 - 1.
    """
    seed = _checked_seed(seed, "set_random_seed")
    python_random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  (shuffling of data uses it, as in Keras)
    forget_global_generator()


def make_default_seed() -> int:
    """A seed for who got none, drawn from Python's `random`."""
    return python_random.randint(1, int(1e9))


def draw_seed(seed: Any) -> Any:
    """The JAX key, uint32[2], that a seed stands for.

    Args:
        seed: an int, a SeedGenerator (it goes on), a JAX key, or None for the global generator (it goes on).

    Raises:
        ArgumentError: anything else.
        StateError: None inside a function that JAX is tracing and plait didn't make.
    """
    if isinstance(seed, SeedGenerator):
        return seed.next()
    if isinstance(seed, jax.Array):
        return seed
    if seed is None:
        return _draw_global_seed()
    return jax.device_put(key_of(seed))


def key_of(seed: Any) -> np.ndarray:
    """The key of an integer seed: `[seed, 0]`, uint32."""
    return np.array([_checked_seed(seed, "A random draw"), 0], "uint32")


def _draw_global_seed() -> Any:
    try:
        return global_generator().next(ordered=False)
    except StateError:
        raise StateError(
            "In a function that JAX traces you should only use seeded random ops: a draw without a seed would be drawn once, and then "
            "stay the same. Make a plait.random.SeedGenerator, keep it as an attribute of the layer or model, and pass it as `seed`."
        ) from None


def _checked_seed(seed: Any, who: str) -> int:
    if not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**32:
        kinds = "an integer from 0 to 2**32 - 1"
        if "draw" in who:
            kinds = f"either {kinds}, a SeedGenerator, a JAX key or None"
        raise ArgumentError(f"{who}: Argument `seed` must be {kinds}, but got {describe(seed)}.")
    return int(seed)


def _float_dtype(dtype: Any, who: str) -> str:
    name = narrow(dtype)
    if not is_float(name):
        raise ArgumentError(f"`plait.random.{who}` requires a floating point `dtype`, but got {dtype!r}.")
    return name


def normal(shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None) -> jax.Array:
    """Numbers from the normal distribution.

    Args:
        shape: the shape of the result.
        mean: the mean.
        stddev: the standard deviation.
        dtype: a floating dtype; None is `floatx`.
        seed: an int, SeedGenerator, JAX key or None.
    """
    return jax.random.normal(draw_seed(seed), shape, _float_dtype(dtype, "normal")) * stddev + mean


def truncated_normal(shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None) -> jax.Array:
    """Numbers from the normal distribution, drawn again where they are more than two standard deviations off.

    Args:
        shape: the shape of the result.
        mean: the mean.
        stddev: the standard deviation before the cut.
        dtype: a floating dtype; None is `floatx`.
        seed: an int, SeedGenerator, JAX key or None.
    """
    sample = jax.random.truncated_normal(draw_seed(seed), -2.0, 2.0, shape, _float_dtype(dtype, "truncated_normal"))
    return sample * stddev + mean


def uniform(shape: Any, minval: Any = 0.0, maxval: Any = 1.0, dtype: Any = None, seed: Any = None) -> jax.Array:
    """Numbers spread evenly over [minval, maxval).

    Args:
        shape: the shape of the result.
        minval: the lower bound, included.
        maxval: the upper bound, excluded.
        dtype: a floating dtype; None is `floatx`. For integers there is `randint`.
        seed: an int, SeedGenerator, JAX key or None.
    """
    return jax.random.uniform(draw_seed(seed), shape, _float_dtype(dtype, "uniform"), minval, maxval)


def randint(shape: Any, minval: Any, maxval: Any, dtype: Any = "int32", seed: Any = None) -> jax.Array:
    """Integers spread evenly over [minval, maxval).

    Args:
        shape: the shape of the result.
        minval: the lower bound, included.
        maxval: the upper bound, excluded.
        dtype: an integer dtype.
        seed: an int, SeedGenerator, JAX key or None.
    """
    if not is_integer(dtype):
        raise ArgumentError(f"`plait.random.randint` requires an integer `dtype`, but got {dtype!r}.")
    return jax.random.randint(draw_seed(seed), shape, minval, maxval, narrow(dtype))


def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Any = None) -> jax.Array:
    """Classes drawn by their unnormalised log-probabilities.

    Args:
        logits: shape (batch, classes).
        num_samples: how many to draw for each row.
        dtype: the dtype of the result.
        seed: an int, SeedGenerator, JAX key or None.

    Returns:
        class indices of shape (batch, num_samples).
    """
    logits = convert_to_tensor(logits)
    shape = (logits.shape[0], num_samples, *logits.shape[2:])
    return jax.random.categorical(draw_seed(seed), logits[..., None], axis=1, shape=shape).astype(dtype_name(dtype))


def dropout(inputs: Any, rate: float, noise_shape: Any = None, seed: Any = None) -> jax.Array:
    """Sets a part of the elements to zero and scales the others up, so that the expected sum stays.

    Args:
        inputs: a floating tensor.
        rate: the probability of an element to be dropped, from 0 to 1.
        noise_shape: the shape of the drawn mask, which is broadcast to the inputs'; None in it is the inputs' size.
        seed: an int, SeedGenerator, JAX key or None.

    Source: Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", 2014.
    """
    inputs = convert_to_tensor(inputs)
    if rate == 0.0:
        return inputs
    if rate == 1.0:
        return jnp.zeros_like(inputs)
    keep = 1.0 - rate
    shape = inputs.shape if noise_shape is None else _noise_shape(noise_shape, inputs.shape)
    kept = jax.random.bernoulli(draw_seed(seed), keep, shape)
    scaled = inputs / keep
    return jax.lax.select(jnp.broadcast_to(kept, inputs.shape), scaled, jnp.zeros_like(scaled))


def _noise_shape(noise_shape: Any, shape: tuple) -> tuple:
    return tuple(shape[axis] if size is None else size for axis, size in enumerate(noise_shape))


def shuffle(x: Any, axis: int = 0, seed: Any = None) -> jax.Array:
    """The elements in a random order along an axis, drawn for each place of the other axes by itself."""
    return jax.random.permutation(draw_seed(seed), convert_to_tensor(x), axis, independent=True)


def gamma(shape: Any, alpha: Any, dtype: Any = None, seed: Any = None) -> jax.Array:
    """Numbers from the gamma distribution of shape parameter `alpha` and scale 1.

    Args:
        shape: the shape of the result; `alpha` is broadcast to it.
        alpha: the shape parameter, above 0.
        dtype: a floating dtype; None is `floatx`.
        seed: an int, SeedGenerator, JAX key or None.
    """
    return jax.random.gamma(draw_seed(seed), alpha, shape, _float_dtype(dtype, "gamma"))


def beta(shape: Any, alpha: Any, beta: Any, dtype: Any = None, seed: Any = None) -> jax.Array:
    """Numbers from the beta distribution.

    Args:
        shape: the shape of the result; `alpha` and `beta` are broadcast to it.
        alpha: the first parameter, above 0.
        beta: the second parameter, above 0.
        dtype: a floating dtype; None is `floatx`.
        seed: an int, SeedGenerator, JAX key or None.
    """
    return jax.random.beta(draw_seed(seed), jnp.array(alpha), jnp.array(beta), shape, _float_dtype(dtype, "beta"))


def binomial(shape: Any, counts: Any, probabilities: Any, dtype: Any = None, seed: Any = None) -> jax.Array:
    """How many of `counts` trials succeed, each with a probability.

    Args:
        shape: the shape of the result; the parameters are broadcast to it.
        counts: the numbers of trials.
        probabilities: the probabilities of success.
        dtype: a floating dtype; None is `floatx`.
        seed: an int, SeedGenerator, JAX key or None.
    """
    counts, probabilities = jnp.array(counts), jnp.array(probabilities)
    return jax.random.binomial(draw_seed(seed), counts, probabilities, shape, _float_dtype(dtype, "binomial"))
