"""Window functions by name: the weights of a piece that is cut out of a signal, high in its middle and low at its ends.

Harris, "On the Use of Windows for Harmonic Analysis with the Discrete Fourier Transform" (1978), has most of them. Names,
defaults and values are SciPy's (`scipy.signal.get_window`), which Keras asks.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from plait.common.messages import did_you_mean, listing
from plait.errors import NameUnknownError, ShapeError

_COSINES = {  # windows that are sums of cosines: the weights of 1, cos x, cos 2x, ..., of alternating signs
    "blackman": (0.42, 0.5, 0.08),
    "blackmanharris": (0.35875, 0.48829, 0.14128, 0.01168),
    "boxcar": (1.0,),
    "flattop": (0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368),
    "hamming": (0.54, 0.46),
    "hann": (0.5, 0.5),
    "nuttall": (0.3635819, 0.4891775, 0.1365995, 0.0106411),
}


def _tukey(size: int, place: np.ndarray, share: float = 0.5) -> np.ndarray:
    """Flat, but for a share of the window that falls like a cosine."""
    if share <= 0:
        return np.ones(size)
    end = np.minimum(place, 1 - place) * 2 / min(share, 1.0)
    return np.where(end < 1, 0.5 * (1 + np.cos(np.pi * (end - 1))), 1.0)


def _parzen(size: int, place: np.ndarray) -> np.ndarray:
    """A cubic spline."""
    far = np.abs(2 * place - 1) * (size - 1) / size
    return np.where(np.abs(2 * place - 1) <= 0.5, 1 - 6 * far**2 + 6 * far**3, 2 * (1 - far) ** 3)


def _bohman(size: int, place: np.ndarray) -> np.ndarray:
    far = np.abs(2 * place - 1)
    return np.where(far < 1, (1 - far) * np.cos(np.pi * far) + np.sin(np.pi * far) / np.pi, 0.0)


# Functions of the size, the places from 0 to 1, and numbers of their own.
_OTHERS: dict[str, Callable] = {
    "bartlett": lambda size, place: 1 - np.abs(2 * place - 1),
    "barthann": lambda size, place: 0.62 - 0.48 * np.abs(place - 0.5) + 0.38 * np.cos(2 * np.pi * (place - 0.5)),
    "bohman": _bohman,
    "cosine": lambda size, place: np.sin(np.pi * (np.arange(size) + 0.5) / size),
    "exponential": lambda size, place: np.exp(-np.abs(place - 0.5) * (size - 1)),
    "lanczos": lambda size, place: np.sinc(2 * place - 1),
    "parzen": _parzen,
    "triang": lambda size, place: 1 - np.abs(2 * place - 1) * (size - 1) / (size + size % 2),
    "tukey": _tukey,
}
_WITH_NUMBERS: dict[str, Callable] = {
    "gaussian": lambda size, place, deviation: np.exp(-0.5 * ((place - 0.5) * (size - 1) / deviation) ** 2),
    "kaiser": lambda size, place, beta: np.i0(beta * np.sqrt(np.maximum(0, 1 - (2 * place - 1) ** 2))) / np.i0(beta),
    "tukey": _tukey,
}


def check_window(window: Any, who: str) -> None:
    """Refuses a name that is no window's.

    Raises:
        NameUnknownError: there is no such window.
    """
    if isinstance(window, str):
        known = [*_COSINES, *_OTHERS]
        if window not in known:
            raise NameUnknownError(
                f"{who}: Invalid window {window!r}. Expected None, an array, one of {listing(known, 20)}, ('kaiser', beta), "
                f"('gaussian', std) or ('tukey', share).{did_you_mean(window, known)}"
            )
    elif isinstance(window, (list, tuple)) and window and isinstance(window[0], str):
        name, *numbers = window
        if name not in _WITH_NUMBERS or len(numbers) != 1:
            raise NameUnknownError(
                f"{who}: Invalid window {window!r}. With a number there are {listing(_WITH_NUMBERS)}, as in ('kaiser', 14.0)."
            )


def window_values(window: Any, length: int, periodic: bool, who: str) -> np.ndarray:
    """The weights of a window, float64 of (length,).

    Args:
        window: its name, `(name, number)`, the weights themselves, or None for ones.
        length: how many.
        periodic: whether it is a period of a periodic function, instead of symmetric.
        who: whose it is, for errors.

    Raises:
        NameUnknownError: there is no such window.
        ShapeError: weights of another length.

    >>> window_values("triang", 3, False, "here").tolist()
    [0.5, 1.0, 0.5]
    """
    check_window(window, who)
    if window is None:
        return np.ones(length)
    name, *numbers = (window,) if isinstance(window, str) else window
    if not isinstance(name, str):
        weights = np.asarray(window, "float64")
        if weights.shape != (length,):
            raise ShapeError(
                f"{who}: The shape of `window` must be equal to [frame_length] = [{length}], but got {weights.shape}."
            )
        return weights
    if length == 1:
        return np.ones(1)
    size = length + periodic
    place = np.arange(size) / (size - 1)
    if name in _COSINES:
        turns, weights = 2 * np.pi * place, _COSINES[name]
        return sum((-1) ** k * weight * np.cos(k * turns) for k, weight in enumerate(weights))[:length]  # type: ignore[index]
    return (_WITH_NUMBERS if numbers else _OTHERS)[name](size, place, *numbers)[:length]
