"""`layers/experts.py` against its formulas in NumPy, for Keras has none of these layers."""

import numpy as np
import pytest

import plait
from plait import layers, multitask
from plait.errors import ArgumentError, ShapeError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 6)).astype("float32")
IMAGES = RNG.normal(size=(4, 5, 5, 3)).astype("float32")


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def weights_drawn(layer, *shapes):
    layer.build(*shapes)
    for weight in layer.trainable_weights:
        weight.assign(RNG.normal(size=weight.shape).astype("float32"))


def mixed(experts, gate, x, seen):
    share = softmax(seen @ np.asarray(gate.kernel))
    found = np.stack([np.asarray(expert(x)) for expert in experts])
    return np.einsum("bi,ib...->b...", share, found)


@pytest.mark.parametrize("x, expert", [(X, layers.Dense(5)), (IMAGES, layers.Conv2D(2, 3))])
def test_a_mixture_of_experts(x, expert):
    layer = layers.MMoE(expert, num_experts=3, num_tasks=2)
    weights_drawn(layer, x.shape)
    seen = x.reshape(4, -1, x.shape[-1]).mean(1)
    outputs = layer(x)
    assert len(outputs) == 2 and len({id(one) for one in layer.experts}) == 3
    for gate, output in zip(layer.gates, outputs, strict=True):
        np.testing.assert_allclose(output, mixed(layer.experts, gate, x, seen), rtol=1e-4, atol=1e-4)


def test_experts_of_a_task_and_of_all():
    layer = layers.CGC(layers.Dense(5), 2, shared_experts=2, task_experts=1, returns_shared=True)
    xs = [RNG.normal(size=(4, 6)).astype("float32") for _ in range(3)]
    weights_drawn(layer, [x.shape for x in xs])
    first, second, shared = layer(xs)

    def found(own, x, gate):
        share = softmax(x @ np.asarray(gate.kernel))
        outputs = np.stack([np.asarray(o) for o in [*own, *(expert(xs[2]) for expert in layer.shared)]])
        return np.einsum("bi,ibu->bu", share, outputs)

    own = [[expert(x) for expert in experts] for experts, x in zip(layer.own, xs[:2], strict=True)]
    np.testing.assert_allclose(first, found(own[0], xs[0], layer.gates[0]), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(second, found(own[1], xs[1], layer.gates[1]), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(shared, found([*own[0], *own[1]], xs[2], layer.shared_gate), rtol=1e-4, atol=1e-4)


def test_extraction_is_levels_of_it():
    layer = layers.PLE(layers.Dense(5), 2, levels=2)
    weights_drawn(layer, X.shape)
    below, above = layer.extractions
    for output, expected in zip(layer(X), above(below(X)), strict=True):
        np.testing.assert_allclose(output, expected, rtol=1e-6)
    assert below.returns_shared and not above.returns_shared


@pytest.mark.parametrize("by_channel", [True, False])
def test_features_are_exchanged(by_channel):
    layer = layers.CrossStitch(by_channel, keep=0.8)
    layer.build([IMAGES.shape] * 3)
    own = np.asarray(layer.kernel)[0, 0]
    assert np.allclose(own, 0.8) and np.allclose(np.asarray(layer.kernel)[0, 1], 0.1)
    weights_drawn(layer, [IMAGES.shape] * 3)
    xs = [IMAGES, 2 * IMAGES, IMAGES**2]
    kernel = np.asarray(layer.kernel)
    for task, output in enumerate(layer(xs)):
        np.testing.assert_allclose(output, sum(kernel[task, j] * xs[j] for j in range(3)), rtol=1e-4, atol=1e-4)


def test_a_task_looks_at_a_part_of_the_features():
    layer, previous = layers.TaskAttention(4), RNG.normal(size=(4, 5, 5, 2)).astype("float32")
    layer.build(IMAGES.shape, previous.shape)
    seen = np.concatenate([IMAGES, previous], -1)
    hidden = np.maximum(seen @ np.asarray(layer.hidden.kernel) / np.sqrt(1 + 1e-3), 0)
    mask = 1 / (1 + np.exp(-hidden @ np.asarray(layer.kernel) / np.sqrt(1 + 1e-3)))
    np.testing.assert_allclose(layer(IMAGES, previous), mask * IMAGES, rtol=1e-4, atol=1e-5)


def test_heads_on_a_trunk(tmp_path):
    inputs = plait.Input((6,))
    trunk = layers.PLE(layers.Dense(8, activation="relu"), num_tasks=2)(inputs)
    outputs = multitask.heads(trunk, {"price": layers.Dense(1), "kind": [layers.Dense(4), layers.Softmax()]})
    model = plait.Model(inputs, outputs)
    assert set(model.output_names) == {"price", "kind"}
    model.compile(
        plait.optimizers.Adam(1e-2),
        {"price": "mse", "kind": "sparse_categorical_crossentropy"},
        loss_weights=multitask.PCGrad(),
    )
    x = RNG.normal(size=(64, 6)).astype("float32")
    y = {"price": x.sum(1), "kind": (x[:, 0] > 0) + (x[:, 1] > 0) * 1}
    losses = model.fit(x, y, epochs=40, verbose=0).history["loss"]
    assert losses[-1] < losses[0] / 2
    model.save(tmp_path / "m.keras")
    again = plait.models.load_model(tmp_path / "m.keras").predict(x, verbose=0)
    for name, output in model.predict(x, verbose=0).items():
        np.testing.assert_array_equal(again[name], output)


def test_heads_share_one_tensor():
    x = plait.Input((6,))
    outputs = multitask.heads(x, {"a": layers.Dense(1), "b": layers.Dense(2)})
    assert {name: tensor.shape for name, tensor in outputs.items()} == {"a": (None, 1), "b": (None, 2)}


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: layers.MMoE("dense", 2, 2), ArgumentError, "`expert` must be a layer or a model, but got 'dense'"),
        (lambda: layers.MMoE(layers.Dense(1), 0, 2), ArgumentError, "`num_experts` must be a positive integer"),
        (lambda: layers.CGC(layers.Dense(1), 2)([X, X]), ArgumentError, "one tensor, or 3, one for each task"),
        (lambda: layers.CrossStitch()(X), ArgumentError, "a list of at least two tensors"),
        (lambda: layers.CrossStitch()([X, IMAGES]), ShapeError, "must have one shape"),
        (lambda: multitask.heads([X, X], {"a": layers.Dense(1)}), ArgumentError, "2 tensors for 1 head"),
        (lambda: multitask.heads(X, {}), ArgumentError, "a dict of layers by output"),
    ],
)
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
