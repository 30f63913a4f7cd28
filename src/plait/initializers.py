"""Initializers: where the values of new variables come from.

An initializer is a function of `(shape, dtype)`. The random ones take an int, a `SeedGenerator` or None as seed; None
draws an int from Python's `random` when the initializer is made, so the same instance gives the same values each time.

The values are Keras's for the same seed: uniform ones bit by bit, normal ones to the last bit or two of a float32. They
are computed by NumPy on the host, from the same counter-based bits that JAX draws (Salmon et al., "Parallel Random
Numbers: As Easy as 1, 2, 3", 2011). XLA would first compile a program for every shape in a model, and that takes longer
than all the drawing; on a CPU it isn't faster afterwards either.

Life under jit: an initializer called in a trace gives constants, unless its SeedGenerator is itself traced.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from plait import random
from plait.common.constructors import kept_arguments
from plait.common.dtypes import is_float, narrow
from plait.common.messages import did_you_mean, listing
from plait.common.registry import builtin
from plait.common.serialization import deserialize as deserialize_any
from plait.common.serialization import get as get_any
from plait.common.serialization import serialize as serialize_any
from plait.common.watched import Watched
from plait.errors import ArgumentError, MissingError, NameUnknownError, ShapeError
from plait.ops.window_functions import check_window, window_values

__all__ = [
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "IdentityInitializer",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "OrthogonalInitializer",
    "RandomNormal",
    "RandomUniform",
    "STFT",
    "STFTInitializer",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "constant",
    "deserialize",
    "get",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "lecun_normal",
    "lecun_uniform",
    "ones",
    "orthogonal",
    "random_normal",
    "random_uniform",
    "serialize",
    "stft",
    "truncated_normal",
    "variance_scaling",
    "zeros",
]


@builtin("initializers", "initializer")
class Initializer(Watched):
    """The parent of initializers: a subclass says in `__call__` what the values are.

    >>> class Twos(Initializer):
    ...     def __call__(self, shape, dtype=None):
    ...         return jnp.full(shape, 2.0, dtype)
    >>> Twos()((2,)).tolist()
    [2.0, 2.0]
    """

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """The values.

        Args:
            shape: the shape of the variable.
            dtype: its dtype; None is `floatx`.
        """
        raise MissingError(f"{type(self).__name__}: an initializer defines `__call__(self, shape, dtype=None)`.")

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return kept_arguments(self, type(self))

    @classmethod
    def from_config(cls, config: dict) -> "Initializer":
        """An initializer from its config."""
        return cls(**config)

    def clone(self) -> "Initializer":
        """A new initializer from the config of this one; one without a seed draws its own."""
        return type(self).from_config(self.get_config())


# ---------------------------------------------------------------------------- without chance


@builtin("initializers", "zeros", "zero")
class Zeros(Initializer):
    """Zeros everywhere.

    >>> Zeros()((2,)).tolist()
    [0.0, 0.0]
    """

    def __call__(self, shape: Any, dtype: Any = None) -> jax.Array:
        """Zeros of a shape and dtype."""
        return _array(np.zeros(shape, narrow(dtype)))


@builtin("initializers", "ones", "one")
class Ones(Initializer):
    """Ones everywhere.

    >>> Ones()((2,), dtype="int32").tolist()
    [1, 1]
    """

    def __call__(self, shape: Any, dtype: Any = None) -> jax.Array:
        """Ones of a shape and dtype."""
        return _array(np.ones(shape, narrow(dtype)))


@builtin("initializers", "constant")
class Constant(Initializer):
    """The same value everywhere, or an array that is broadcast to the shape.

    Args:
        value: a number, list or array.

    >>> Constant([1, 2])((2, 2)).tolist()
    [[1.0, 2.0], [1.0, 2.0]]
    """

    def __init__(self, value: Any = 0.0):
        self.value = value

    def __call__(self, shape: Any, dtype: Any = None) -> jax.Array:
        """The value, cast and broadcast.

        Raises:
            ShapeError: an array that cannot be broadcast to the shape.
        """
        value = np.asarray(self.value).astype(narrow(dtype))
        try:
            return _array(np.broadcast_to(value, tuple(shape)))
        except ValueError:
            raise ShapeError(
                f"Constant: Expected `shape` to be one that a value of shape {value.shape} fills, but got {tuple(shape)}."
            ) from None

    def get_config(self) -> dict:
        """The value as plain data."""
        return {"value": serialize_any(self.value)}

    @classmethod
    def from_config(cls, config: dict) -> "Constant":
        """An initializer from its config."""
        return cls(**deserialize_any(config))


@builtin("initializers", "identity", "IdentityInitializer")
class Identity(Initializer):
    """The identity matrix times a gain.

    Args:
        gain: what stands on the diagonal.

    Differs: Keras leaves the gain out of configs, so that it is 1 after loading; here it is kept.

    >>> Identity(gain=2.0)((2, 2)).tolist()
    [[2.0, 0.0], [0.0, 2.0]]
    """

    def __init__(self, gain: float = 1.0):
        self.gain = gain

    def __call__(self, shape: Any, dtype: Any = None) -> jax.Array:
        """A matrix with the gain on its diagonal.

        Raises:
            ShapeError: a shape of another rank than 2.
        """
        if len(shape) != 2:
            raise ShapeError(f"Identity: only matrices have an identity, but got shape={tuple(shape)}. Give two sizes.")
        return _array(self.gain * np.eye(*shape), dtype)


@builtin("initializers", "stft", "STFTInitializer")
class STFT(Initializer):
    """The basis of a short-time Fourier transform, as the kernel of a convolution.

    Args:
        side: "real" for the cosines, "imag" for the negative sines.
        window: the name of a window, `("kaiser", beta)` and the like, an array of the frame's length, or None.
        scaling: "density" or "spectrum": by what the window is divided, if there is one; None leaves it.
        periodic: whether the window is periodic instead of symmetric.

    Raises:
        NameUnknownError: another side, window or scaling.

    >>> STFT("real", window=None, scaling=None)((4, 1, 3)).shape
    (4, 1, 3)
    """

    def __init__(
        self, side: str = "real", window: Any = "hann", scaling: str | None = "density", periodic: bool = False
    ):
        self.side = _choice("STFT", "side", side, ("real", "imag"))
        check_window(window, "STFT")
        self.window = window
        self.scaling = _choice("STFT", "scaling", scaling, (None, "density", "spectrum"))
        self.periodic = periodic

    def __call__(self, shape: Any, dtype: Any = None) -> jax.Array:
        """The kernel of shape (frame length, 1, fft_length // 2 + 1).

        Raises:
            ShapeError: a shape of another form.
        """
        if len(shape) != 3 or shape[1] != 1:
            raise ShapeError(f"STFT: the shape must be (frame length, 1, frequencies), but got {tuple(shape)}.")
        length, _, frequencies = shape
        times = np.arange(length)[:, None, None]
        angles = 2 * np.pi / max((frequencies - 1) * 2, 1) * times * np.arange(frequencies)
        basis = np.cos(angles) if self.side == "real" else -np.sin(angles)
        return _array(basis * self._weights(length)[:, None, None], dtype)

    def _weights(self, length: int) -> np.ndarray:
        weights = window_values(self.window, length, self.periodic, "STFT")
        if self.window is None:
            return weights
        if self.scaling == "density":
            return weights / np.sqrt(np.sum(weights**2))
        return weights / np.sum(np.abs(weights)) if self.scaling == "spectrum" else weights


# ---------------------------------------------------------------------------- by chance


class _Random(Initializer):
    """An initializer with a seed; `get_config` has the seed that was given, not the one that was drawn."""

    def __init__(self, seed: Any = None):
        if isinstance(seed, Mapping):
            seed = deserialize_any(seed)
        if not (seed is None or isinstance(seed, (int, np.integer, random.SeedGenerator))):
            raise ArgumentError(
                f"{type(self).__name__}: `seed` must be an integer, a SeedGenerator or None, but got {seed!r}."
            )
        self._given_seed = seed
        self.seed = random.make_default_seed() if seed is None else seed

    def get_config(self) -> dict:
        """The constructor's arguments, the seed as it was given."""
        return {**super().get_config(), "seed": serialize_any(self._given_seed)}


@builtin("initializers", "random_normal", "normal")
class RandomNormal(_Random):
    """Numbers from the normal distribution.

    Args:
        mean: the mean.
        stddev: the standard deviation.
        seed: an int, SeedGenerator or None.

    >>> RandomNormal(stddev=0.01, seed=1)((2, 3)).shape
    (2, 3)
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None):
        self.mean, self.stddev = mean, stddev
        super().__init__(seed)

    def __call__(self, shape: Any, dtype: Any = None) -> jax.Array:
        """Normal numbers of a shape and a floating dtype."""
        return _normal(shape, self.mean, self.stddev, dtype, self.seed)


@builtin("initializers", "truncated_normal")
class TruncatedNormal(_Random):
    """Numbers from the normal distribution, at most two standard deviations from the mean.

    Args:
        mean: the mean.
        stddev: the standard deviation before the cut.
        seed: an int, SeedGenerator or None.

    >>> bool(abs(TruncatedNormal(stddev=1.0, seed=1)((100,))).max() < 2)
    True
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None):
        self.mean, self.stddev = mean, stddev
        super().__init__(seed)

    def __call__(self, shape: Any, dtype: Any = None) -> jax.Array:
        """Cut normal numbers of a shape and a floating dtype."""
        return _truncated_normal(shape, self.mean, self.stddev, dtype, self.seed)


@builtin("initializers", "random_uniform", "uniform")
class RandomUniform(_Random):
    """Numbers spread evenly over [minval, maxval).

    Args:
        minval: the lower bound, included.
        maxval: the upper bound, excluded.
        seed: an int, SeedGenerator or None.

    >>> RandomUniform(seed=1)((2,)).tolist() == RandomUniform(seed=1)((2,)).tolist()
    True
    """

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Any = None):
        self.minval, self.maxval = minval, maxval
        super().__init__(seed)

    def __call__(self, shape: Any, dtype: Any = None) -> jax.Array:
        """Even numbers of a shape and a floating dtype."""
        return _uniform(shape, self.minval, self.maxval, dtype, self.seed)


@builtin("initializers", "variance_scaling")
class VarianceScaling(_Random):
    """Random numbers of variance `scale / n`, so that signals keep their size from layer to layer.

    Args:
        scale: the factor, above 0.
        mode: what n is: "fan_in" (inputs of a unit), "fan_out" (units that an input reaches) or "fan_avg" (their mean).
        distribution: "truncated_normal", "untruncated_normal" or "uniform".
        seed: an int, SeedGenerator or None.
        input_axes: the axes whose sizes make the fan-in, for kernels of an unusual order; with `output_axes`.
        output_axes: the axes whose sizes make the fan-out.

    Raises:
        ArgumentError: a scale that isn't positive.
        NameUnknownError: another mode or distribution.

    Source: He et al., "Delving Deep into Rectifiers", 2015.

    >>> VarianceScaling(scale=2.0, mode="fan_out", seed=3)((3, 4)).shape
    (3, 4)
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Any = None,
        input_axes: Any = None,
        output_axes: Any = None,
    ):
        if not scale > 0.0:
            raise ArgumentError(
                f"{type(self).__name__}: Argument `scale` must be positive float. Received: scale={scale!r}."
            )
        self.scale = scale
        self.mode = _choice(type(self).__name__, "mode", mode, ("fan_in", "fan_out", "fan_avg"))
        distribution = "truncated_normal" if distribution == "normal" else distribution
        kinds = ("truncated_normal", "untruncated_normal", "uniform")
        self.distribution = _choice(type(self).__name__, "distribution", distribution, kinds)
        self.input_axes, self.output_axes = input_axes, output_axes
        super().__init__(seed)

    def __call__(self, shape: Any, dtype: Any = None) -> jax.Array:
        """Random numbers whose spread fits the shape."""
        fan_in, fan_out = _fans(shape, self.input_axes, self.output_axes)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, fan)
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * variance)
            return _uniform(shape, -limit, limit, dtype, self.seed)
        if self.distribution == "untruncated_normal":
            return _normal(shape, 0.0, math.sqrt(variance), dtype, self.seed)
        spread = math.sqrt(variance) / 0.87962566103423978  # what is left of a deviation of 1 when cut at -2 and 2
        return _truncated_normal(shape, 0.0, spread, dtype, self.seed)


def _fans(shape: Any, input_axes: Any = None, output_axes: Any = None) -> tuple[int, int]:
    """How many inputs a unit has, and how many units an input reaches, for a kernel of a shape.

    Args:
        shape: (inputs, units), or (*window, inputs, units) for convolutions.
        input_axes: the axes that make the first number, if the order is another; together with `output_axes`.
        output_axes: the axes that make the second.
    """
    shape = tuple(shape)
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[axis] for axis in input_axes), math.prod(shape[axis] for axis in output_axes)
    if len(shape) < 2:
        return math.prod(shape), math.prod(shape)
    window = math.prod(shape[:-2])
    return window * shape[-2], window * shape[-1]


class _Scaled(VarianceScaling):
    """A variance scaling with a name of its own: scale, mode and distribution are fixed by the class."""

    _fixed: tuple[float, str, str]

    def __init__(self, seed: Any = None, input_axes: Any = None, output_axes: Any = None):
        super().__init__(*self._fixed, seed=seed, input_axes=input_axes, output_axes=output_axes)


@builtin("initializers", "glorot_uniform")
class GlorotUniform(_Scaled):
    """Even numbers in ±sqrt(6 / (fan_in + fan_out)): the kernels of most layers.

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.

    >>> GlorotUniform(seed=1)((2, 4)).shape
    (2, 4)
    """

    _fixed = (1.0, "fan_avg", "uniform")


@builtin("initializers", "glorot_normal")
class GlorotNormal(_Scaled):
    """Cut normal numbers of deviation sqrt(2 / (fan_in + fan_out)).

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.

    >>> GlorotNormal(seed=1)((2, 4)).shape
    (2, 4)
    """

    _fixed = (1.0, "fan_avg", "truncated_normal")


@builtin("initializers", "lecun_uniform")
class LecunUniform(_Scaled):
    """Even numbers in ±sqrt(3 / fan_in).

    Source: LeCun et al., "Efficient BackProp", 1998.

    >>> LecunUniform(seed=1)((2, 4)).shape
    (2, 4)
    """

    _fixed = (1.0, "fan_in", "uniform")


@builtin("initializers", "lecun_normal")
class LecunNormal(_Scaled):
    """Cut normal numbers of deviation sqrt(1 / fan_in): what `selu` needs.

    Source: Klambauer et al., "Self-Normalizing Neural Networks", 2017.

    >>> LecunNormal(seed=1)((2, 4)).shape
    (2, 4)
    """

    _fixed = (1.0, "fan_in", "truncated_normal")


@builtin("initializers", "he_uniform")
class HeUniform(_Scaled):
    """Even numbers in ±sqrt(6 / fan_in): for layers with `relu`.

    Source: He et al., "Delving Deep into Rectifiers", 2015.

    >>> HeUniform(seed=1)((2, 4)).shape
    (2, 4)
    """

    _fixed = (2.0, "fan_in", "uniform")


@builtin("initializers", "he_normal")
class HeNormal(_Scaled):
    """Cut normal numbers of deviation sqrt(2 / fan_in): for layers with `relu`.

    Source: He et al., "Delving Deep into Rectifiers", 2015.

    >>> HeNormal(seed=1)((2, 4)).shape
    (2, 4)
    """

    _fixed = (2.0, "fan_in", "truncated_normal")


@builtin("initializers", "orthogonal", "OrthogonalInitializer")
class Orthogonal(_Random):
    """A matrix whose rows or columns, whichever are fewer, are orthogonal and of length `gain`.

    Kernels of more axes are taken as the matrix (all the others, last axis).

    Args:
        gain: the factor.
        seed: an int, SeedGenerator or None.

    Source: Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks", 2014.

    >>> matrix = Orthogonal(seed=1)((3, 3))
    >>> bool(abs(matrix @ matrix.T - jnp.eye(3)).max() < 1e-5)
    True
    """

    def __init__(self, gain: float = 1.0, seed: Any = None):
        self.gain = gain
        super().__init__(seed)

    def __call__(self, shape: Any, dtype: Any = None) -> jax.Array:
        """An orthogonal matrix in the given shape.

        Raises:
            ShapeError: a shape with less than two axes.
        """
        if len(shape) < 2:
            raise ShapeError(f"Orthogonal: the shape must have at least two sizes, but got {tuple(shape)}.")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        tall = _normal((max(rows, columns), min(rows, columns)), 0.0, 1.0, "float32", self.seed)
        q = _orthonormal(tall)
        q = q.T if rows < columns else q
        q = self.gain * q.reshape(tuple(shape))
        return q.astype(narrow(dtype)) if isinstance(q, Tracer) else _array(q, dtype)


def _orthonormal(tall: Any) -> Any:
    """The Q of the QR decomposition whose R has a positive diagonal: even over all such matrices, if `tall` is normal."""
    if isinstance(tall, Tracer):
        q, r = jnp.linalg.qr(tall)
        return q * jnp.sign(jnp.diagonal(r))
    exact = np.asarray(tall, "float64")
    lower = np.linalg.cholesky(exact.T @ exact)  # half the time of QR; float64 makes up for the squaring
    return np.linalg.solve(lower, exact.T).T


def _choice(who: str, argument: str, value: Any, options: tuple) -> Any:
    if value not in options:
        hint = did_you_mean(value, options)
        raise NameUnknownError(
            f"{who}: Invalid `{argument}` argument: {value!r}. Expected one of {listing(options)}.{hint}"
        )
    return value


# ---------------------------------------------------------------------------- drawing on the host

_BLOCK = 2**14  # elements at a time, so that the work stays in the processor's cache
_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))


def _uniform(shape: Any, low: float, high: float, dtype: Any, seed: Any) -> jax.Array:
    key = _host_key(seed, dtype)
    if key is None:
        return random.uniform(shape, low, high, dtype, seed)
    return _array(_draw(key, shape, lambda bits: _evenly(bits, low, high)))


def _normal(shape: Any, mean: float, stddev: float, dtype: Any, seed: Any) -> jax.Array:
    key = _host_key(seed, dtype)
    if key is None:
        return random.normal(shape, mean, stddev, dtype, seed)
    lowest = np.nextafter(np.float32(-1), np.float32(0))
    return _array(_draw(key, shape, lambda bits: _bell(_evenly(bits, lowest, 1.0)), mean, stddev))


def _truncated_normal(shape: Any, mean: float, stddev: float, dtype: Any, seed: Any) -> jax.Array:
    key = _host_key(seed, dtype)
    if key is None:
        return random.truncated_normal(shape, mean, stddev, dtype, seed)
    edge = math.erf(math.sqrt(2.0))
    inside = np.nextafter(np.float32(2), np.float32(0))

    def cut(bits: np.ndarray) -> np.ndarray:
        return np.clip(_bell(_evenly(bits, -edge, edge)), -inside, inside)

    return _array(_draw(key, shape, cut, mean, stddev))


def _host_key(seed: Any, dtype: Any) -> np.ndarray | None:
    """The two numbers of a key, if the draw can be made on the host: a float32 of a seed that isn't traced."""
    if narrow(dtype) != "float32" or not is_float(dtype):
        return None
    if isinstance(seed, (int, np.integer)):
        return random.key_of(seed)
    if isinstance(seed.state.value, Tracer):
        return None
    with jax.ensure_compile_time_eval():
        return np.asarray(seed.next())


def _array(values: np.ndarray, dtype: Any = None) -> jax.Array:
    """Values on the device. `jnp.asarray` would do it too, and compile a program for every new shape."""
    return jax.device_put(values if dtype is None else values.astype(narrow(dtype)))


def _draw(key: np.ndarray, shape: Any, transform: Callable, mean: float = 0.0, stddev: float = 1.0) -> np.ndarray:
    values = np.empty(math.prod(shape), "float32")
    for start in range(0, values.size, _BLOCK):
        block = values[start : start + _BLOCK]
        block[:] = transform(_random_bits(key, start, block.size))
    if stddev != 1.0:
        values *= np.float32(stddev)
    if mean != 0.0:
        values += np.float32(mean)
    return values.reshape(tuple(shape))


def _random_bits(key: np.ndarray, start: int, count: int) -> np.ndarray:
    """What `jax.random.bits` gives at the places from `start`: Threefry-2x32 of 20 rounds on the place's number."""
    first, second = int(key[0]), int(key[1])
    keys = (first, second, first ^ second ^ 0x1BD11BDA)
    x = np.full(count, ((start >> 32) + first) & 0xFFFFFFFF, "uint32")  # high words of the numbers: one for a block
    y = np.arange(start & 0xFFFFFFFF, (start & 0xFFFFFFFF) + count, dtype="uint32") + np.uint32(second)
    spare = np.empty_like(x)
    for group in range(5):
        for distance in _ROTATIONS[group % 2]:
            x += y
            np.left_shift(y, distance, out=spare)
            np.right_shift(y, 32 - distance, out=y)
            y |= spare
            y ^= x
        x += np.uint32(keys[(group + 1) % 3])
        y += np.uint32((keys[(group + 2) % 3] + group + 1) & 0xFFFFFFFF)
    return x ^ y


def _evenly(bits: np.ndarray, low: Any, high: Any) -> np.ndarray:
    """Floats in [low, high) from random bits: the upper 23 are the digits of a number from 1 to 2."""
    digits = ((bits >> 9) | np.uint32(0x3F800000)).view("float32") - np.float32(1)
    width = np.float64(np.float32(high) - np.float32(low))
    scaled = (digits * width + np.float64(np.float32(low))).astype("float32")  # rounds once, as a fused multiply-add
    return np.maximum(scaled, np.float32(low))


# Source: Giles, "Approximating the erfinv function", 2010; single precision: the middle, and the tails.
_MIDDLE = (
    2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087,
    -0.00125372503, -0.00417768164, 0.246640727, 1.50140941,
)  # fmt: skip
_TAILS = (
    -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773,
    -0.0076224613, 0.00943887047, 1.00167406, 2.83297682,
)  # fmt: skip


def _bell(x: np.ndarray) -> np.ndarray:
    """Normal numbers from even ones in (-1, 1): sqrt(2) erfinv(x)."""
    w = -np.log1p(-x * x)
    factor = _polynomial(_MIDDLE, w - np.float32(2.5))
    tails = np.flatnonzero(w >= 5)
    if tails.size:
        factor[tails] = _polynomial(_TAILS, np.sqrt(w[tails]) - np.float32(3))
    return np.float32(math.sqrt(2)) * (factor * x)


def _polynomial(coefficients: tuple, w: np.ndarray) -> np.ndarray:
    value = np.full_like(w, coefficients[0])
    for coefficient in coefficients[1:]:
        value *= w
        value += np.float32(coefficient)
    return value


# ---------------------------------------------------------------------------- names

IdentityInitializer = identity = Identity
OrthogonalInitializer = orthogonal = Orthogonal
STFTInitializer = stft = STFT
constant = Constant
glorot_normal, glorot_uniform = GlorotNormal, GlorotUniform
he_normal, he_uniform = HeNormal, HeUniform
lecun_normal, lecun_uniform = LecunNormal, LecunUniform
ones, zeros = Ones, Zeros
random_normal, random_uniform, truncated_normal = RandomNormal, RandomUniform, TruncatedNormal
variance_scaling = VarianceScaling


def get(identifier: Any) -> Any:
    """An initializer from None, a name, a config, a class, an array (its values), or a function of `(shape, dtype)`.

    >>> type(get("he_normal")).__name__
    'HeNormal'
    """
    if isinstance(identifier, (jax.Array, np.ndarray)):
        return Constant(identifier)
    return get_any("initializers", identifier)


def serialize(initializer: Any) -> Any:
    """An initializer as plain data, in the form of Keras's files."""
    return serialize_any(initializer)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """An initializer from plain data."""
    return deserialize_any(config, custom_objects, "initializers")
