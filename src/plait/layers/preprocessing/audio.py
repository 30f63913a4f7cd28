"""Sound as pictures: how strong each frequency is at each time."""

import math
from collections.abc import Callable
from typing import Any, Unpack

import jax
import jax.numpy as jnp
import numpy as np

from plait.common.messages import describe, did_you_mean, listing
from plait.common.registry import builtin
from plait.core.variable import convert_to_tensor
from plait.errors import ArgumentError, NameUnknownError, ShapeError
from plait.layers.argument_checks import data_format_name
from plait.layers.argument_types import LayerOptions
from plait.layers.base import Layer
from plait.layers.input_spec import InputSpec
from plait.ops.math import stft
from plait.ops.nn import conv
from plait.ops.window_functions import window_values

_MODES = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")
_LEAST = 1e-7  # the least power, which keeps logarithms and gradients of magnitudes finite


@builtin("layers")
class STFTSpectrogram(Layer):
    """The spectrum of overlapping windows of signals, by convolution with waves, which can be trained.

    Args:
        mode: what is given of each frequency: "magnitude", "psd" (its square, on both sides), "log" (the magnitude's logarithm),
            "real", "imag", "angle", or "stft" (real and imaginary parts).
        frame_length: the length of a window.
        frame_step: by how much it moves; None is half its length.
        fft_length: the size of the transform; None is the window's length.
        window: what to multiply each window with: "hann", "hamming", "blackman", "bartlett" and others, ("kaiser", beta),
            ("gaussian", std), ("tukey", share), an array of weights, or None.
        periodic: whether that is periodic, rather than symmetric.
        scaling: "density" or "spectrum": by what energy of the window it is divided; or None.
        padding: "valid", or "same" with zeros around.
        expand_dims: whether channels stay an axis of their own.
        data_format: "channels_last" for signals (B, T, C), "channels_first" for (B, C, T); None is the setting of the
            program.

    Differs: Keras takes every window that SciPy has.

    Call:
        (B, T, C) becomes (B, windows, frequencies · C), or with `expand_dims` (B, windows, frequencies, C).

    Raises:
        NameUnknownError: no such mode, window, scaling, padding or data format.
        ArgumentError: lengths that don't fit.

    >>> STFTSpectrogram(mode="magnitude", frame_length=8)(np.ones((2, 20, 1))).shape
    (2, 4, 5)
    """

    _family = "preprocessing"

    def __init__(
        self,
        mode: str = "log",
        frame_length: int = 256,
        frame_step: int | None = None,
        fft_length: int | None = None,
        window: Any = "hann",
        periodic: bool = False,
        scaling: str | None = "density",
        padding: str = "valid",
        expand_dims: bool = False,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ):
        super().__init__(**kwargs)
        self.mode = _one_of("mode", mode, _MODES)
        if not isinstance(frame_length, int) or frame_length < 2:
            raise ArgumentError(
                f"STFTSpectrogram: `frame_length` must be an integer above 1, but got frame_length={frame_length!r}."
            )
        if frame_step is not None and not 0 < frame_step <= frame_length:
            raise ArgumentError(
                "STFTSpectrogram: `frame_step` should be a positive integer not greater than `frame_length`, but got "
                f"frame_step={frame_step}, frame_length={frame_length}."
            )
        if fft_length is not None and fft_length < frame_length:
            raise ArgumentError(
                "STFTSpectrogram: `fft_length` should be not less than `frame_length`, but got "
                f"fft_length={fft_length}, frame_length={frame_length}."
            )
        self.frame_length, self.frame_step, self.fft_length = frame_length, frame_step, fft_length
        self.periodic, self.expand_dims = periodic, expand_dims
        self.window = window
        self._weights_of_window = window_values(window, frame_length, periodic, "STFTSpectrogram")
        self.scaling = _one_of("scaling", scaling, (None, "density", "spectrum"))
        self.padding = _one_of("padding", padding, ("valid", "same"))
        self.data_format = data_format_name(data_format, "STFTSpectrogram")
        self.input_spec = InputSpec(ndim=3)

    def build(self, input_shape: Any) -> None:
        real, imaginary = self._waves()
        shape = real.shape
        if self.mode != "imag":
            self.real_kernel = self.add_weight(shape=shape, initializer=_constant(real), name="real_kernel")
        if self.mode != "real":
            self.imag_kernel = self.add_weight(shape=shape, initializer=_constant(imaginary), name="imag_kernel")

    def _waves(self) -> tuple[np.ndarray, np.ndarray]:
        """The window times a cosine and a sine wave of each frequency: two (frame_length, 1, frequencies)."""
        size = self.fft_length or self.frame_length
        weights = self._weights_of_window
        angles = 2 * np.pi / size * np.arange(self.frame_length)[:, None] * np.arange(size // 2 + 1)
        energy = 1.0
        if self.window is not None and self.scaling is not None:
            energy = math.sqrt(np.sum(weights**2)) if self.scaling == "density" else np.sum(np.abs(weights))
        scaled = (weights / energy)[:, None]
        kernels = scaled * np.cos(angles), -scaled * np.sin(angles) + 0.0  # no negative zeros
        return tuple(kernel[:, None].astype("float32") for kernel in kernels)  # type: ignore[return-value]

    def call(self, inputs: Any) -> Any:
        signals = inputs if self.data_format == "channels_last" else jnp.swapaxes(inputs, 1, 2)
        real = self._convolve(signals, self.real_kernel) if self.mode != "imag" else None
        imaginary = self._convolve(signals, self.imag_kernel) if self.mode != "real" else None
        spectrum = self._of_parts(real, imaginary)  # (B, C, windows, frequencies)
        batch, channels, count, frequencies = spectrum.shape
        if self.data_format == "channels_last":
            spectrum = spectrum.transpose(0, 2, 3, 1) if self.expand_dims else spectrum.transpose(0, 2, 1, 3)
            return spectrum if self.expand_dims else spectrum.reshape(batch, count, channels * frequencies)
        if self.expand_dims:
            return spectrum
        return spectrum.transpose(0, 1, 3, 2).reshape(batch, channels * frequencies, count)

    def _convolve(self, signals: jax.Array, kernel: Any) -> jax.Array:
        """Each channel with each wave: (B, T, C) becomes (B, C, windows, frequencies)."""
        batch, time, channels = signals.shape
        flat = jnp.swapaxes(signals, 1, 2).reshape(-1, time, 1)
        step = self.frame_step or self.frame_length // 2
        waves = conv(flat, kernel, strides=step, padding=self.padding, data_format="channels_last")
        return waves.reshape(batch, channels, *waves.shape[1:])

    def _of_parts(self, real: Any, imaginary: Any) -> jax.Array:
        match self.mode:
            case "real":
                return real
            case "imag":
                return imaginary
            case "angle":
                return jnp.arctan2(imaginary, real)
            case "stft":
                return jnp.concatenate([real, imaginary], axis=-1)
        power = jnp.square(real) + jnp.square(imaginary)
        if self.mode == "psd":
            return power * self._sides(power.shape[-1])
        magnitude = jnp.sqrt(jnp.maximum(power, _LEAST))
        return jnp.log(magnitude) if self.mode == "log" else magnitude

    def _sides(self, frequencies: int) -> np.ndarray:
        """How often each frequency comes in the whole spectrum: twice, but for the first, and the last of an even size."""
        even = (self.fft_length or self.frame_length) % 2 == 0
        single = [0, frequencies - 1] if even else [0]
        return np.where(np.isin(np.arange(frequencies), single), 1, 2).astype("float32")


def _constant(values: np.ndarray) -> Callable:
    return lambda shape, dtype=None: jnp.asarray(values, dtype)


def _one_of(argument: str, value: Any, options: tuple) -> Any:
    if value not in options:
        raise NameUnknownError(
            f"STFTSpectrogram: `{argument}` must be one of {listing(options)}, but got "
            f"{value!r}.{did_you_mean(value, [option for option in options if option])}"
        )
    return value


@builtin("layers")
class MelSpectrogram(Layer):
    """How strong signals are in bands that are equally wide for the ear, over time.

    Args:
        fft_length: the size of the transform.
        sequence_stride: by how much the window moves.
        sequence_length: the window's length; None is `fft_length`.
        window: what to multiply each window with: "hann", "hamming" or None.
        sampling_rate: how many samples a second has.
        num_mel_bins: how many bands.
        min_freq: the lowest frequency, in hertz.
        max_freq: the highest; None is half the sampling rate.
        power_to_db: whether the result is in decibels.
        top_db: how far below the maximum decibels go at most.
        mag_exp: the exponent of magnitudes: 1 for magnitude, 2 for power.
        min_power: the least power that counts.
        ref_power: the power of 0 decibels.

    Call:
        (B, T) or (T,) becomes (B, bands, windows) or (bands, windows).

    Raises:
        ArgumentError: a window longer than the transform.

    Source: Davis and Mermelstein, "Comparison of Parametric Representations for Monosyllabic Word Recognition", 1980.

    >>> MelSpectrogram(fft_length=64, sequence_stride=16, num_mel_bins=8)(np.ones((2, 160))).shape
    (2, 8, 11)
    """

    _family = "preprocessing"

    def __init__(
        self,
        fft_length: int = 2048,
        sequence_stride: int = 512,
        sequence_length: int | None = None,
        window: Any = "hann",
        sampling_rate: int = 16000,
        num_mel_bins: int = 128,
        min_freq: float = 20.0,
        max_freq: float | None = None,
        power_to_db: bool = True,
        top_db: float = 80.0,
        mag_exp: float = 2.0,
        min_power: float = 1e-10,
        ref_power: float = 1.0,
        **kwargs: Unpack[LayerOptions],
    ):
        super().__init__(**kwargs)
        self.fft_length, self.sequence_stride = fft_length, sequence_stride
        self.sequence_length = sequence_length or fft_length
        if self.sequence_length > fft_length:
            raise ArgumentError(
                "MelSpectrogram: `fft_length` must be greater than or equal to `sequence_length`, but got "
                f"sequence_length={sequence_length}, fft_length={fft_length}."
            )
        self.window, self.sampling_rate, self.num_mel_bins = window, sampling_rate, num_mel_bins
        self.min_freq, self.max_freq = min_freq, max_freq or sampling_rate // 2
        self.power_to_db, self.top_db, self.mag_exp = power_to_db, top_db, mag_exp
        self.min_power, self.ref_power = min_power, ref_power

    def call(self, inputs: Any) -> Any:
        signals = convert_to_tensor(inputs).astype(self.compute_dtype)
        signals = signals.astype("float32") if signals.dtype in ("bfloat16", "float16") else signals
        if signals.ndim < 1:
            raise ShapeError(
                f"MelSpectrogram {self.name!r}: a signal must have a time axis, but got {describe(inputs)}."
            )
        real, imaginary = stft(
            signals, self.sequence_length, self.sequence_stride, self.fft_length, window=self.window, center=True
        )
        magnitude = jnp.sqrt(jnp.square(real) + jnp.square(imaginary))
        bands = self.linear_to_mel_weight_matrix(
            self.num_mel_bins, self.fft_length // 2 + 1, self.sampling_rate, self.min_freq, self.max_freq
        )
        mel = jnp.swapaxes(jnp.matmul(magnitude**self.mag_exp, bands.astype(magnitude.dtype)), -1, -2)
        return (self._decibels(mel) if self.power_to_db else mel).astype(self.compute_dtype)

    def _decibels(self, mel: jax.Array) -> jax.Array:
        decibels = 10 * jnp.log10(jnp.maximum(mel, self.min_power))
        decibels = decibels - 10 * math.log10(max(self.min_power, self.ref_power))
        return jnp.maximum(decibels, jnp.max(decibels) - self.top_db)

    def linear_to_mel_weight_matrix(
        self,
        num_mel_bins: int = 20,
        num_spectrogram_bins: int = 129,
        sampling_rate: int = 8000,
        lower_edge_hertz: float = 125.0,
        upper_edge_hertz: float = 3800.0,
        dtype: Any = "float32",
    ) -> jax.Array:
        """How much each frequency counts for each band: triangles that overlap by half. Shape: (frequencies, bands).

        Args:
            num_mel_bins: how many bands.
            num_spectrogram_bins: how many frequencies, evenly from 0 to half the sampling rate.
            sampling_rate: how many samples a second has.
            lower_edge_hertz: where the first band begins.
            upper_edge_hertz: where the last band ends.
            dtype: the result's dtype.
        """
        frequencies = _hertz_to_mel(np.linspace(0, sampling_rate / 2, num_spectrogram_bins)[1:])[:, None]
        edges = np.linspace(_hertz_to_mel(lower_edge_hertz), _hertz_to_mel(upper_edge_hertz), num_mel_bins + 2)
        low, middle, high = edges[:-2], edges[1:-1], edges[2:]
        rising, falling = (frequencies - low) / (middle - low), (high - frequencies) / (high - middle)
        weights = np.maximum(0, np.minimum(rising, falling))
        return jnp.asarray(np.pad(weights, ((1, 0), (0, 0))), dtype)


def _hertz_to_mel(frequency: Any) -> Any:
    return 1127.0 * np.log(1.0 + frequency / 700.0)
