"""Sound files: WAV to arrays with the standard library, and other rates.

Values are from -1 to 1, (samples, channels), as TensorFlow decodes them.
"""

import wave
from typing import Any

import numpy as np

from plait.errors import FileError


def load_wav(path: Any, sampling_rate: int | None = None) -> np.ndarray:
    """Reads a WAV file of whole numbers of 8, 16, 24 or 32 bits.

    Args:
        path: a path, or an open binary file.
        sampling_rate: samples a second to change to; None keeps the file's.

    Returns:
        float32, (samples, channels), from -1 to 1.

    Raises:
        FileError: a file that isn't such a WAV file.
    """
    try:
        with wave.open(str(path) if not hasattr(path, "read") else path, "rb") as file:
            width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
            content = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise FileError(
            f"{path}: this is no WAV file that can be read here: {error}. Convert it to PCM of 16 bits, for example with "
            "`ffmpeg -i IN -c:a pcm_s16le OUT.wav`."
        ) from error
    content = content[: len(content) // (width * channels) * width * channels]
    samples = _numbers(content, width).reshape(-1, channels)
    return resampled(samples, rate, sampling_rate) if sampling_rate not in (None, rate) else samples


def _numbers(content: bytes, width: int) -> np.ndarray:
    if width == 1:
        return (np.frombuffer(content, "u1").astype("float32") - 128) / 128
    if width == 3:
        three = np.frombuffer(content, "u1").reshape(-1, 3)
        four = np.concatenate([np.zeros((len(three), 1), "u1"), three], axis=1)
        return four.copy().view("<i4")[:, 0].astype("float32") / 2**31
    numbers = np.frombuffer(content, f"<i{width}")
    return (numbers.astype("float64") / 2 ** (8 * width - 1)).astype("float32")


def resampled(samples: np.ndarray, rate: int, new_rate: int | None) -> np.ndarray:
    """Changes the rate of (samples, channels), by cutting or extending its spectrum; exact for what fits in both.

    >>> seconds = np.arange(8) / 8
    >>> wave = np.cos(2 * np.pi * seconds)[:, None]
    >>> resampled(wave, 8, 4)[:, 0].round(6).tolist()
    [1.0, 0.0, -1.0, -0.0]
    """
    if new_rate is None or new_rate == rate or not len(samples):
        return samples
    length = max(1, round(len(samples) * new_rate / rate))
    spectrum = np.fft.rfft(samples, axis=0)
    kept = min(length, len(samples)) // 2 + 1
    found = np.zeros((length // 2 + 1, samples.shape[1]), spectrum.dtype)
    found[:kept] = spectrum[:kept]
    if min(length, len(samples)) % 2 == 0:  # the highest frequency stands for itself and its mirror image
        found[kept - 1] *= 2 if length < len(samples) else 0.5
    return (np.fft.irfft(found, length, axis=0) * (length / len(samples))).astype("float32")


def fit_length(samples: np.ndarray, length: int) -> np.ndarray:
    """Cuts (samples, channels) at a length, or fills it up with silence."""
    cut = samples[:length]
    return np.pad(cut, ((0, length - len(cut)), (0, 0)))
