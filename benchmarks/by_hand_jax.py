"""The benchmark's training loops as people write them with JAX and Optax: pure functions, one jitted step, a Python loop."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from networks import WORKS, Supply


def forward(name, weights, x, training, key):
    """Logits, and the moving averages after the batch."""
    supply, moved = Supply(weights), dict(weights)
    return NETS[name](supply, x, training, key, moved), moved


def dense(supply, h):
    """A dense layer without activation."""
    kernel, bias = supply.take("dense")
    return h @ kernel + bias


def dense_net(supply, h, training, key, moved):
    """32-64-64-10 and 784-512-512-10."""
    return dense(supply, jax.nn.relu(dense(supply, jax.nn.relu(dense(supply, h)))))


def conv(h, kernel, strides=1, padding="SAME", groups=1):
    """A convolution of pictures, channels last."""
    names = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(
        h, kernel, (strides, strides), padding, dimension_numbers=names, feature_group_count=groups
    )


def normalised(supply, h, training, moved):
    """Batch normalization; the new moving averages go into `moved`."""
    number = supply.taken.get("batch_normalization", 0)
    gamma, beta, mean, variance = supply.take("batch_normalization")
    if training:
        old = mean, variance
        mean, variance = h.mean((0, 1, 2)), h.var((0, 1, 2))
        new = [0.99 * a + 0.01 * b for a, b in zip(old, (mean, variance), strict=True)]
        name = f"batch_normalization_{number}" if number else "batch_normalization"
        moved[name] = [gamma, beta, *map(lax.stop_gradient, new)]
    return (h - mean) * (lax.rsqrt(variance + 1e-3) * gamma) + beta


def cnn(supply, h, training, key, moved):
    """MNIST's convolutional net."""
    for _ in range(2):
        kernel, bias = supply.take("conv2d")
        h = jax.nn.relu(conv(h, kernel, padding="VALID") + bias)
        h = lax.reduce_window(h, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    h = h.reshape(len(h), -1)
    if training:
        h = jnp.where(jax.random.bernoulli(key, 0.5, h.shape), h * 2, 0)
    return dense(supply, h)


def resnet(supply, h, training, key, moved):
    """ResNet-20."""
    norm = partial(normalised, supply, training=training, moved=moved)
    h = jax.nn.relu(norm(conv(h, *supply.take("conv2d"))))
    for strides in (1, 1, 1, 2, 1, 1, 2, 1, 1):
        shortcut = h
        if strides == 2:
            kernel, bias = supply.take("conv2d")
            shortcut = conv(h, kernel, 2) + bias
        h = jax.nn.relu(norm(conv(h, *supply.take("conv2d"), strides)))
        h = jax.nn.relu(norm(conv(h, *supply.take("conv2d"))) + shortcut)
    return dense(supply, h.mean((1, 2)))


def depthwise(supply, h, training, key, moved):
    """A net like MobileNet."""
    norm = partial(normalised, supply, training=training, moved=moved)
    h = conv(h, *supply.take("conv2d"), 2)
    for strides in (1, 2, 1, 2, 1, 2):
        h = jax.nn.relu6(norm(h))
        (kernel,) = supply.take("depthwise_conv2d")
        h = conv(h, kernel.reshape(3, 3, 1, -1), strides, groups=h.shape[-1])
        h = conv(jax.nn.relu6(norm(h)), *supply.take("conv2d"))
    return dense(supply, h.mean((1, 2)))


def lstm_layer(x, kernel, recurrent, bias):
    """The last state of an LSTM; the input's product for all steps at once."""

    def step(state, z):
        h, c = state
        i, f, g, o = jnp.split(z + h @ recurrent, 4, -1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

    first = jnp.zeros((len(x), len(recurrent)))
    return lax.scan(step, (first, first), (x @ kernel + bias).swapaxes(0, 1))[0][0]


def gru_layer(x, kernel, recurrent, bias):
    """The last state of a GRU."""

    def step(h, z):
        a, b = jnp.split(z, 3, -1), jnp.split(h @ recurrent + bias[1], 3, -1)
        update, reset = jax.nn.sigmoid(a[0] + b[0]), jax.nn.sigmoid(a[1] + b[1])
        return update * h + (1 - update) * jnp.tanh(a[2] + reset * b[2]), None

    first = jnp.zeros((len(x), len(recurrent)))
    return lax.scan(step, first, (x @ kernel + bias[0]).swapaxes(0, 1))[0]


def lstm(supply, x, training, key, moved):
    """Embedding, LSTM, dense."""
    return dense(supply, lstm_layer(supply.take("embedding")[0][x], *supply.take("lstm")))


def gru(supply, x, training, key, moved):
    """Embedding, GRU, dense."""
    return dense(supply, gru_layer(supply.take("embedding")[0][x], *supply.take("gru")))


def bilstm(supply, x, training, key, moved):
    """Embedding, LSTM in both directions, dense."""
    h, own = supply.take("embedding")[0][x], supply.take("bidirectional")
    return dense(supply, jnp.concatenate([lstm_layer(h, *own[:3]), lstm_layer(h[:, ::-1], *own[3:])], -1))


def layer_norm(supply, h):
    """Layer normalization."""
    gamma, beta = supply.take("layer_normalization")
    mean = h.mean(-1, keepdims=True)
    return (h - mean) * lax.rsqrt(h.var(-1, keepdims=True) + 1e-3) * gamma + beta


def transformer(supply, x, training, key, moved):
    """Two blocks of attention and dense layers."""
    h = supply.take("embedding")[0][x]
    for _ in range(2):
        *own, kernel, bias = supply.take("multi_head_attention")
        q, k, v = (jnp.einsum("btd,dhk->bthk", h, own[i]) + own[i + 1] for i in (0, 2, 4))
        out = jnp.einsum("bthk,hkd->btd", jax.nn.dot_product_attention(q, k, v), kernel) + bias
        h = layer_norm(supply, h + out)
        h = layer_norm(supply, h + dense(supply, jax.nn.gelu(dense(supply, h), approximate=False)))
    return dense(supply, h.mean(1))


NETS = {
    "tiny": dense_net,
    "mlp": dense_net,
    "cnn": cnn,
    "resnet": resnet,
    "depthwise": depthwise,
    "lstm": lstm,
    "gru": gru,
    "bilstm": bilstm,
    "transformer": transformer,
}


def trainer(name: str, weights: dict[str, list[np.ndarray]], x: np.ndarray, y: np.ndarray):
    """A function that trains one epoch and gives the mean loss."""
    batch = WORKS[name].batch

    def loss(weights, x, y, key):
        logits, moved = forward(name, weights, x, True, key)
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean(), (logits, moved)

    @partial(jax.jit, donate_argnums=(0, 1, 2))
    def step(weights, state, seen, key, x, y):
        (value, (logits, moved)), gradients = jax.value_and_grad(loss, has_aux=True)(weights, x, y, key)
        # Keras adds epsilon before the correction of the second moment: the same here, or rare words part ways.
        epsilon = 1e-7 * lax.rsqrt(1 - 0.999 ** (state[0].count + 1.0))
        updates, state = optax.adam(1e-3, eps=epsilon).update(gradients, state)
        # Moving averages have no gradient, so their update is zero: the new averages are added to it.
        weights = optax.apply_updates(moved, updates)
        right = (logits.argmax(-1) == y).sum()
        return weights, state, (seen[0] + value, seen[1] + right)

    weights = jax.tree.map(jnp.asarray, weights)
    held = [weights, optax.adam(1e-3).init(weights), jax.random.key(0)]

    def epoch() -> float:
        seen = jnp.zeros(()), jnp.zeros((), "int32")
        for number in range(len(x) // batch):
            part = slice(number * batch, (number + 1) * batch)
            held[2], key = jax.random.split(held[2])
            held[0], held[1], seen = step(held[0], held[1], seen, key, x[part], y[part])
        return float(seen[0]) / (len(x) // batch)

    return epoch


def predictor(name: str, weights: dict[str, list[np.ndarray]]):
    """A function from rows to probabilities."""
    weights = jax.tree.map(jnp.asarray, weights)
    run = jax.jit(lambda weights, x: jax.nn.softmax(forward(name, weights, x, False, None)[0]))
    return lambda x: np.asarray(run(weights, x))
