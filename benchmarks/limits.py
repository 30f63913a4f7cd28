"""The least time a step could take: its operations over this machine's matrix product, its bytes over its bandwidth."""

import time

import numpy as np


def machine() -> dict[str, float]:
    """Operations a second of a large float32 matrix product by XLA, and bytes a second of copying: the best of some."""
    import jax
    import jax.numpy as jnp

    size = 2048
    a, product = jnp.ones((size, size)), jax.jit(lambda a: a @ a)
    values, other = np.ones(1 << 25, "float32"), np.empty(1 << 25, "float32")
    return {
        "flops": 2 * size**3 / fastest(lambda: product(a).block_until_ready()),
        "bytes": 2 * values.nbytes / fastest(lambda: np.copyto(other, values)),
    }


def fastest(call) -> float:
    """The shortest of twelve runs, in seconds."""
    times = []
    for _ in range(12):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return min(times)


def forward_flops(model) -> float:
    """Operations for one row: the products of kernels at all places, and attention's two products of all pairs."""
    total = 0.0
    for layer in model.layers:
        kind, kernels = type(layer).__name__, [w.size for w in layer.get_weights() if w.ndim > 1]
        if kind in ("Dense", "Conv2D", "DepthwiseConv2D"):
            total += 2 * kernels[0] * np.prod(layer.output.shape[1:-1])
        elif kind in ("LSTM", "GRU", "Bidirectional"):
            total += 2 * sum(kernels) * layer.input.shape[1]
        elif kind == "MultiHeadAttention":
            _, places, width = layer.output.shape
            total += 2 * sum(kernels) * places + 4 * places**2 * width
    return float(total)


def step_bytes(model, batch: int) -> float:
    """Bytes of a step of Adam: each output written, read and its gradient the same; of each weight w, m, v read and written."""
    outputs = sum(np.prod(layer.output.shape[1:]) for layer in model.layers if layer.get_weights())
    weights = sum(w.size for w in model.get_weights())
    return float(4 * (4 * batch * outputs + 8 * weights))


def least_seconds(model, batch: int, speed: dict[str, float]) -> float:
    """Seconds that a training step needs at least: three times the forward operations, or its bytes, whichever is more."""
    return max(3 * batch * forward_flops(model) / speed["flops"], step_bytes(model, batch) / speed["bytes"])
