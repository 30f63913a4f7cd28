"""`tf.signal` and `tf.audio`."""

import struct
from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from plait.compat.tensorflow_calls import as_tensor
from plait.compat.tensorflow_io import bytes_of
from plait.compat.tensors import on_host
from plait.errors import DataError


def hann_window(window_length: Any, periodic: bool = True, dtype: Any = "float32", name: str | None = None) -> Any:
    """A raised cosine."""
    return _cosines(window_length, periodic, 0.5)


def hamming_window(window_length: Any, periodic: bool = True, dtype: Any = "float32", name: str | None = None) -> Any:
    """A raised cosine that doesn't end at 0."""
    return _cosines(window_length, periodic, 0.54)


def _cosines(length: Any, periodic: bool, high: float) -> Any:
    size = int(length)
    places = np.arange(size) / max(size if periodic else size - 1, 1)
    return jnp.asarray(high - (1 - high) * np.cos(2 * np.pi * places), "float32")


def frame(
    signal: Any,
    frame_length: Any,
    frame_step: Any,
    pad_end: bool = False,
    pad_value: Any = 0,
    axis: int = -1,
    name: Any = None,
) -> Any:
    """Pieces of a signal that begin at equal distances, in a new last axis but one."""
    x, size, step = jnp.moveaxis(jnp.asarray(signal), axis, -1), int(frame_length), int(frame_step)
    if pad_end:
        missing = max(0, -(-x.shape[-1] // step) * step - step + size - x.shape[-1])
        x = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, missing)], constant_values=pad_value)
    count = max(0, 1 + (x.shape[-1] - size) // step)
    return x[..., np.arange(count)[:, None] * step + np.arange(size)]


def stft(
    signals: Any,
    frame_length: Any,
    frame_step: Any,
    fft_length: Any = None,
    window_fn: Callable | None = hann_window,
    pad_end: bool = False,
    name: str | None = None,
) -> Any:
    """The spectra of the pieces of a signal, complex."""
    size = int(frame_length)
    pieces = frame(signals, size, frame_step, pad_end)
    pieces = pieces if window_fn is None else pieces * window_fn(size)
    return jnp.fft.rfft(pieces, 1 << (size - 1).bit_length() if fft_length is None else int(fft_length))


def inverse_stft(
    stfts: Any,
    frame_length: Any,
    frame_step: Any,
    fft_length: Any = None,
    window_fn: Callable | None = hann_window,
    name: str | None = None,
) -> Any:
    """The signal whose pieces have these spectra."""
    size = int(frame_length)
    pieces = jnp.fft.irfft(jnp.asarray(stfts), 1 << (size - 1).bit_length() if fft_length is None else int(fft_length))
    pieces = pieces[..., :size]
    return overlap_and_add(pieces if window_fn is None else pieces * window_fn(size), frame_step)


def overlap_and_add(signal: Any, frame_step: Any, name: str | None = None) -> Any:
    """Pieces put one behind the other at equal distances, and added where they overlap."""
    pieces, step = jnp.asarray(signal), int(frame_step)
    count, size = pieces.shape[-2:]
    places = np.arange(count)[:, None] * step + np.arange(size)
    return jnp.zeros((*pieces.shape[:-2], (count - 1) * step + size), pieces.dtype).at[..., places].add(pieces)


def linear_to_mel_weight_matrix(
    num_mel_bins: int = 20,
    num_spectrogram_bins: int = 129,
    sample_rate: Any = 8000,
    lower_edge_hertz: float = 125.0,
    upper_edge_hertz: float = 3800.0,
    dtype: Any = "float32",
    name: str | None = None,
) -> Any:
    """What each frequency counts in each band as wide as one hears it, (frequencies, bands)."""

    def mel(hertz: Any) -> Any:
        return 1127.0 * np.log1p(np.asarray(hertz) / 700.0)

    heard = mel(np.linspace(0.0, float(sample_rate) / 2, num_spectrogram_bins)[1:])[:, None]
    edges = np.linspace(mel(lower_edge_hertz), mel(upper_edge_hertz), num_mel_bins + 2)
    low, center, high = edges[:-2], edges[1:-1], edges[2:]
    weights = np.maximum(0, np.minimum((heard - low) / (center - low), (high - heard) / (high - center)))
    return jnp.asarray(np.pad(weights, ((1, 0), (0, 0))), "float32")


def mfccs_from_log_mel_spectrograms(log_mel_spectrograms: Any, name: str | None = None) -> Any:
    """The cepstral coefficients of spectra in bands."""
    x = jnp.asarray(log_mel_spectrograms)
    return dct(x, 2) / np.sqrt(2.0 * x.shape[-1]).astype(np.float32)


def dct(input: Any, type: int = 2, n: Any = None, axis: int = -1, norm: Any = None, name: str | None = None) -> Any:
    """The cosine transform of the second kind along the last axis."""
    x = jnp.asarray(input)
    size = x.shape[-1]
    waves = 2 * np.cos(np.pi / size * (np.arange(size)[:, None] + 0.5) * np.arange(size)).astype(np.float32)
    found = x @ waves
    if norm != "ortho":
        return found
    return found * np.where(np.arange(size) == 0, np.sqrt(0.25 / size), np.sqrt(0.5 / size)).astype(np.float32)


def _fft(name: str) -> Callable:
    def transform(input: Any, fft_length: Any = None, name: str | None = None) -> Any:
        """The transform along the last axes."""
        length = None if fft_length is None else np.ravel(np.asarray(fft_length)).tolist()
        if length is None:
            return function(as_tensor(input))
        return function(as_tensor(input), length[0] if len(length) == 1 else tuple(length))

    function = getattr(jnp.fft, name)
    return transform


class _Wav(NamedTuple):
    audio: Any
    sample_rate: Any


def decode_wav(contents: Any, desired_channels: int = -1, desired_samples: int = -1, name: str | None = None) -> _Wav:
    """The sound in the bytes of a WAV file of 16 bits: (samples, channels) from -1 to 1, and samples a second.

    Raises:
        DataError: other bytes.
    """
    data = bytes_of(contents)
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise DataError(f"tf.audio.decode_wav: {len(data)} bytes that begin with {data[:4]!r} are no WAV file.")
    at, form, body = 12, None, None
    while at + 8 <= len(data) and body is None:
        kind, size = struct.unpack("<4sI", data[at : at + 8])
        if kind == b"fmt ":
            form = struct.unpack("<HHIIHH", data[at + 8 : at + 24])
        elif kind == b"data":
            body = data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    if form is None or body is None or form[5] != 16:
        raise DataError("tf.audio.decode_wav: expected a WAV file of 16 bits. Convert it first.")
    sound = np.frombuffer(body[: len(body) // (2 * form[1]) * 2 * form[1]], "<i2").reshape(-1, form[1]) / np.float32(
        32768
    )
    if desired_channels > 0:
        sound = (
            np.repeat(sound, desired_channels, 1)[:, :desired_channels] if form[1] == 1 else sound[:, :desired_channels]
        )
    if desired_samples > 0:
        sound = np.pad(sound[:desired_samples], ((0, max(0, desired_samples - len(sound))), (0, 0)))
    return _Wav(on_host(sound.astype(np.float32)), on_host(np.int32(form[2])))


def encode_wav(audio: Any, sample_rate: Any, name: str | None = None) -> Any:
    """The bytes of a WAV file of 16 bits."""
    sound = np.asarray(audio)
    body = np.clip(np.round(sound * 32767), -32768, 32767).astype("<i2").tobytes()
    rate, channels = int(sample_rate), sound.shape[1]
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * channels * 2, channels * 2, 16)
    chunks = b"fmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", len(body)) + body
    return on_host(b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks)


SIGNAL: dict[str, Any] = {
    **{name: _fft(name) for name in ("fft", "ifft", "rfft", "irfft", "fftshift", "ifftshift")},
    "dct": dct,
    "fft2d": _fft("fft2"),
    "frame": frame,
    "hamming_window": hamming_window,
    "hann_window": hann_window,
    "ifft2d": _fft("ifft2"),
    "inverse_stft": inverse_stft,
    "irfft2d": _fft("irfft2"),
    "linear_to_mel_weight_matrix": linear_to_mel_weight_matrix,
    "mfccs_from_log_mel_spectrograms": mfccs_from_log_mel_spectrograms,
    "overlap_and_add": overlap_and_add,
    "rfft2d": _fft("rfft2"),
    "stft": stft,
}
AUDIO: dict[str, Any] = {"decode_wav": decode_wav, "encode_wav": encode_wav}
