"""Each formulation of `plait.lowering` beside XLA's own, forward and gradient, in turn in one process, as ratios.

    python benchmarks/lowering.py --rounds 9 --write benchmarks/results/lowering.md

A round runs both once, in turn first; the table shows the median time of each, and the median of the rounds' ratios,
which a load on the machine disturbs least.
"""

import os
import platform
import statistics
import time
from functools import partial
from importlib.metadata import version
from pathlib import Path

import click
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from plait.lowering.activation import gelu
from plait.lowering.convolution import conv, conv_transpose, depthwise_conv
from plait.lowering.pooling import average_pool, max_pool
from plait.lowering.products import product
from plait.lowering.recurrent import GRUGates, LSTMGates, SimpleGates, Weights, recur


def stock_conv(x, kernel, strides=1, padding="valid", dilation=1, groups=1):
    """XLA's own convolution."""
    rank = x.ndim - 2
    spatial = "XYZ"[:rank]
    return lax.conv_general_dilated(
        x,
        kernel,
        (strides,) * rank,
        padding.upper(),
        rhs_dilation=(dilation,) * rank,
        dimension_numbers=(f"N{spatial}C", f"{spatial}IO", f"N{spatial}C"),
        feature_group_count=groups,
    )


def stock_depthwise(x, kernel, **options):
    """XLA's own, with a group for each channel."""
    return stock_conv(x, kernel.reshape(*kernel.shape[:-2], 1, -1), groups=x.shape[-1], **options)


def stock_transpose(x, kernel, strides=1, padding="valid"):
    """XLA's own transposed convolution."""
    rank = x.ndim - 2
    spatial = "XYZ"[:rank]
    names = (f"N{spatial}C", f"{spatial}OI", f"N{spatial}C")
    flipped = jnp.flip(kernel, range(rank))
    return lax.conv_transpose(x, flipped, (strides,) * rank, padding.upper(), dimension_numbers=names)


def stock_max(x, size, strides=None, padding="valid"):
    """XLA's own maximum."""
    window, steps = ((1, *([n] * (x.ndim - 2)), 1) for n in (size, strides or size))
    return lax.reduce_window(x, np.array(-np.inf, x.dtype)[()], lax.max, window, steps, padding.upper())


def stock_mean(x, size, strides=None, padding="valid"):
    """XLA's own mean."""
    window, steps = ((1, *([n] * (x.ndim - 2)), 1) for n in (size, strides or size))
    total, count = (
        lax.reduce_window(one, np.array(0, x.dtype)[()], lax.add, window, steps, padding.upper())
        for one in (x, jnp.ones((1, *x.shape[1:-1], 1), x.dtype))
    )
    return total / count


def recurrent(function, gates, *operands):
    """Outputs of a recurrent layer, from (T, B, D) and two kernels."""
    inputs, kernel, recurrent_kernel = operands
    units = recurrent_kernel.shape[0]
    states = [jnp.zeros((inputs.shape[1], units), inputs.dtype)] * (2 if isinstance(gates, LSTMGates) else 1)
    return function(gates, inputs, Weights(kernel * 0.1, recurrent_kernel * 0.1), states)[0]


def stock_recurrent(gates, inputs, weights, states):
    """The plain loop, as JAX transposes it."""

    def body(states, x):
        after = gates(gates.join(x @ weights.kernel, states[0] @ weights.recurrent_kernel), states)
        return after, after[0]

    states, outputs = lax.scan(body, states, inputs)
    return outputs, states


RECURRENT = [
    ("simple RNN 128, T 80, B 32", SimpleGates(jnp.tanh), 1, (80, 32, 128), 128),
    ("LSTM 128, T 80, B 32", LSTMGates(jnp.tanh, jax.nn.sigmoid), 4, (80, 32, 128), 128),
    ("LSTM 512, T 20, B 64", LSTMGates(jnp.tanh, jax.nn.sigmoid), 4, (20, 64, 256), 512),
    ("LSTM 16, T 30, B 8", LSTMGates(jnp.tanh, jax.nn.sigmoid), 4, (30, 8, 4), 16),
    ("GRU 128, T 80, B 32", GRUGates(jnp.tanh, jax.nn.sigmoid), 3, (80, 32, 128), 128),
]


def after_scaling(function, x, kernel, scale):
    """A convolution of what a net gives it: a normalisation and an activation before."""
    return function(jax.nn.relu((x - jnp.mean(x, (0, 1, 2))) * scale), kernel, padding="same")


def dense(x, kernel):
    """A Dense layer with GELU."""
    return gelu(product(x, kernel))


def stock_dense(x, kernel):
    """The same, as JAX has it."""
    return jax.nn.gelu(x @ kernel, approximate=False)


CONVOLUTIONS = [
    ("3x3, 1 -> 32 channels, MNIST", (128, 28, 28, 1), (3, 3, 1, 32), {}),
    ("3x3, 32 -> 64 channels, MNIST", (128, 13, 13, 32), (3, 3, 32, 64), {}),
    ("3x3, 16 -> 16 channels, ResNet", (64, 32, 32, 16), (3, 3, 16, 16), {"padding": "same"}),
    ("3x3, 64 -> 64 channels, ResNet", (64, 8, 8, 64), (3, 3, 64, 64), {"padding": "same"}),
    ("3x3 with stride 2, 16 -> 32", (64, 32, 32, 16), (3, 3, 16, 32), {"padding": "same", "strides": 2}),
    ("1x1, 64 -> 128", (32, 24, 24, 64), (1, 1, 64, 128), {}),
    ("3x3, dilation 2, 32 -> 32", (16, 32, 32, 32), (3, 3, 32, 32), {"padding": "same", "dilation": 2}),
    ("3x3, 4 groups, 32 -> 32", (16, 32, 32, 32), (3, 3, 8, 32), {"padding": "same", "groups": 4}),
    ("conv1d 5, 64 -> 64", (32, 128, 64), (5, 64, 64), {"padding": "same"}),
    ("conv3d 3x3x3, 8 -> 16", (4, 16, 16, 16, 8), (3, 3, 3, 8, 16), {"padding": "same"}),
]
DEPTHWISE = [
    ("depthwise 3x3, 64", (16, 24, 24, 64), (3, 3, 64, 1), {"padding": "same"}),
    ("depthwise 3x3 with stride 2, 64", (16, 24, 24, 64), (3, 3, 64, 1), {"padding": "same", "strides": 2}),
]
TRANSPOSED = [
    ("transposed 3x3 with stride 2, 32 -> 16", (16, 16, 16, 32), (3, 3, 16, 32), {"padding": "same", "strides": 2})
]
POOLINGS = [
    ("2x2", (128, 26, 26, 32), {"size": 2}),
    ("3x3 with stride 2", (16, 56, 56, 64), {"size": 3, "strides": 2, "padding": "same"}),
    ("2x2x2", (8, 16, 16, 16, 16), {"size": 2}),
]


def rows():
    """Name, own function, XLA's own, operands."""
    for cases, own, stock in (
        (CONVOLUTIONS, conv, stock_conv),
        (DEPTHWISE, depthwise_conv, stock_depthwise),
        (TRANSPOSED, conv_transpose, stock_transpose),
    ):
        for name, x, kernel, options in cases:
            yield name, partial(own, **options), partial(stock, **options), (numbers(x), numbers(kernel))
    for kind, own, stock in (("max", max_pool, stock_max), ("average", average_pool, stock_mean)):
        for name, x, options in POOLINGS:
            rest = dict(options)
            size = rest.pop("size")
            yield f"{kind} pooling {name}", partial(pooled, own, size, rest), partial(stock, **options), (numbers(x),)
    shapes = (64, 32, 32, 16), (3, 3, 16, 16), (16,)
    name = "3x3, 16 -> 16 channels, after a normalisation"
    yield name, *(partial(after_scaling, function) for function in (conv, stock_conv)), tuple(map(numbers, shapes))
    name = "dense 512 with GELU, (32, 128, 128)"
    yield name, dense, stock_dense, (numbers((32, 128, 128)), numbers((128, 512)) * 0.1)
    for name, gates, parts, inputs, units in RECURRENT:
        operands = numbers(inputs), numbers((inputs[-1], parts * units)), numbers((units, parts * units))
        yield name, partial(recurrent, recur, gates), partial(recurrent, stock_recurrent, gates), operands


def pooled(function, size, options, x):
    """The pooling of one operand."""
    return function(x, size, **options)


def numbers(shape):
    """Random numbers."""
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def program(function, dtype, operands):
    """Value and gradients in one compiled program, and its operands."""
    operands = [jnp.asarray(operand, dtype) for operand in operands]
    weights = jnp.asarray(numbers(jax.eval_shape(function, *operands).shape), dtype)

    def both(weights, *operands):
        """Both as a net has them: a sum at the end would be fused into what is measured, and be what takes the time."""
        value, back = jax.vjp(function, *operands)
        return value, back(weights)

    compiled = jax.jit(both)
    jax.block_until_ready(compiled(weights, *operands))
    return lambda: jax.block_until_ready(compiled(weights, *operands))


def seconds(run):
    """How long one run takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


@click.command()
@click.option("--rounds", default=9, help="How often each is run.")
@click.option("--only", default="", help="A part of the names of the rows to run.")
@click.option("--dtype", default="float32", help="float32 or bfloat16.")
@click.option("--write", type=click.Path(path_type=Path), help="Where the table goes too.")
def main(rounds, only, dtype, write):
    """Prints a Markdown table."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("jax", "jaxlib"))
    lines = [
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, {jax.devices()[0].platform}, {packages}, "
        f"{dtype}, {rounds} rounds, load {os.getloadavg()[0]:.1f} at the start.",
        "",
        "| forward and gradients | XLA's own, ms | plait, ms | times as fast |",
        "| --- | --: | --: | --: |",
    ]
    print("\n".join(lines), flush=True)
    for name, own, stock, operands in rows():
        if only not in name:
            continue
        runs = program(own, dtype, operands), program(stock, dtype, operands)
        times = []
        for number in range(rounds):
            own_first = number % 2 == 0
            pair = [seconds(run) for run in (runs if own_first else runs[::-1])]
            times.append(pair if own_first else pair[::-1])
        ours, theirs = (statistics.median(column) * 1e3 for column in zip(*times, strict=True))
        ratio = statistics.median(stock_time / own_time for own_time, stock_time in times)
        lines.append(f"| {name} | {theirs:.2f} | {ours:.2f} | {ratio:.2f} |")
        print(lines[-1], flush=True)
    if write:
        write.parent.mkdir(parents=True, exist_ok=True)
        write.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
