"""Models: topologies, reaching in, new models out of old ones, freezing."""

import jax
import numpy as np
import optax
import pytest

import plait
from plait import layers


def data(rows=16, size=4, outputs=1):
    rng = np.random.default_rng(0)
    return rng.normal(size=(rows, size)).astype("float32"), rng.normal(size=(rows, outputs)).astype("float32")


def test_structures_of_inputs_and_outputs():
    a, b = plait.Input((2,), name="a"), plait.Input((2,), name="b")
    h = layers.Add()([a, b])
    values = {"a": np.ones((3, 2), "float32"), "b": np.full((3, 2), 2, "float32")}
    for inputs in ([a, b], (a, b), {"a": a, "b": b}):
        for outputs in (h, [h], [h, a], {"sum": h, "a": a}, {"deep": [h, {"a": a}]}):
            result = plait.Model(inputs, outputs)(values)
            first = jax.tree.leaves(result)[-1 if outputs == {"sum": h, "a": a} else 0]
            assert first.shape == (3, 2)


def test_keys_win_over_positions():
    left, right = plait.Input((2,), name="left"), plait.Input((2,), name="right")
    model = plait.Model([left, right], layers.Subtract()([left, right]))
    values = {"right": np.zeros((1, 2), "float32"), "left": np.ones((1, 2), "float32")}
    assert model(values).tolist() == [[1, 1]]
    wired = plait.Model({"b": left, "a": right}, layers.Subtract()([left, right]))
    assert wired({"a": values["right"], "b": values["left"]}).tolist() == [[1, 1]]


def test_shared_layers_and_models_called_again():
    shared = layers.Dense(3, name="shared")
    a, b = plait.Input((4,)), plait.Input((4,))
    tower = plait.Model(a, shared(a), name="tower")
    twins = plait.Model([a, b], layers.Concatenate()([tower(a), tower(b)]))
    assert len(twins.weights) == 2
    x, _ = data()
    out = twins.predict([x, x], verbose=0)
    np.testing.assert_allclose(out[:, :3], out[:, 3:])
    np.testing.assert_allclose(out[:, :3], tower.predict(x, verbose=0), rtol=1e-6)


def test_a_new_model_with_an_input_in_the_middle():
    x = plait.Input((4,))
    middle = layers.Dense(3, activation="relu", name="middle")(x)
    out = layers.Dense(2, name="last")(middle)
    whole, tail = plait.Model(x, out), plait.Model(middle, out)
    values, _ = data()
    np.testing.assert_allclose(
        tail.predict(plait.Model(x, middle).predict(values, verbose=0), verbose=0),
        whole.predict(values, verbose=0),
        rtol=1e-5,
    )
    assert [w.path for w in tail.weights] == ["last/kernel", "last/bias"]


def test_sequential_with_and_without_an_input():
    x, y = data()
    first = plait.Sequential([plait.Input((4,)), layers.Dense(3, activation="relu"), layers.Dense(1)])
    later = plait.Sequential([layers.Dense(3, activation="relu"), layers.Dense(1)])
    assert later.layers[0].weights == []
    later.compile("sgd", "mse")
    later.fit(x, y, verbose=0)
    assert first.output_shape == later.output_shape == (None, 1)
    later.pop()
    later.add(layers.Dense(5))
    assert later.predict(x, verbose=0).shape == (16, 5)


def test_what_a_model_owns_does_not_change_by_using_it():
    x, y = data()
    model = plait.Sequential([plait.Input((4,)), layers.Dense(3, name="a"), layers.Dense(1, name="b")])
    before, own = [w.path for w in model.weights], model._own_variables()
    model(x)
    model.compile("adam", "mse")
    model.fit(x, y, verbose=0)
    assert [w.path for w in model.weights] == before
    assert model._own_variables() == own == []


class Net(plait.Model):
    def __init__(self):
        super().__init__()
        self.blocks = [layers.Dense(4, activation="relu") for _ in range(2)]
        self.heads = {"out": layers.Dense(1)}

    def call(self, x, training=None):
        for block in self.blocks:
            x = block(x)
        return self.heads["out"](x)


def test_subclassed_models_find_layers_in_lists_and_dicts():
    model, (x, y) = Net(), data()
    model.compile("adam", "mse")
    history = model.fit(x, y, epochs=5, verbose=0)
    assert len(model.weights) == 6
    assert history.history["loss"][-1] < history.history["loss"][0]
    np.testing.assert_allclose(model(x), model.predict(x, verbose=0), rtol=1e-6)


def test_a_call_that_looks_at_values_runs_as_python():
    class Looks(plait.Model):
        def call(self, x):
            return x * 2 if float(np.asarray(x).sum()) > 0 else x

    assert Looks()(np.ones((1, 2), "float32")).tolist() == [[2, 2]]


@pytest.mark.parametrize("moment", ["before compile", "after compile", "after a fit"])
def test_freezing_takes_effect_at_the_next_step(moment):
    x, y = data()
    inputs = plait.Input((4,))
    inner = plait.Sequential(
        [plait.Input((4,)), layers.Dense(4, name="a"), layers.BatchNormalization(), layers.Dense(4, name="b")]
    )
    model = plait.Model(inputs, layers.Dense(1)(inner(inputs)))
    if moment == "before compile":
        inner.trainable = False
    model.compile("adam", "mse")
    if moment == "after a fit":
        model.fit(x, y, verbose=0)
    inner.trainable = False
    frozen, head = inner.get_weights(), model.layers[-1].get_weights()
    model.fit(x, y, epochs=2, verbose=0)
    for before, after in zip(frozen, inner.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    assert not np.array_equal(head[0], model.layers[-1].get_weights()[0])
    inner.trainable = True
    model.fit(x, y, verbose=0)
    assert not np.array_equal(frozen[0], inner.get_weights()[0])


def test_what_is_written_in_the_graph_wins():
    x, y = data(size=3)
    inputs = plait.Input((3,))
    norm = layers.BatchNormalization()
    model = plait.Model(inputs, layers.Dense(1)(norm(inputs, training=False)))
    model.compile("sgd", "mse")
    before = norm.moving_mean.numpy()
    model.fit(x, y, verbose=0)
    np.testing.assert_array_equal(norm.moving_mean.numpy(), before)
    always = plait.Model(inputs, layers.Dropout(0.5)(inputs, training=True))
    assert (always.predict(np.ones((50, 3), "float32"), verbose=0) == 0).any()


def test_functional_is_plain_jax():
    x, y = data()
    model = plait.Sequential([plait.Input((4,)), layers.Dense(3, activation="tanh"), layers.Dense(1)])
    fn, weights = plait.functional(model)
    assert list(weights) == [v.path for v in model.variables]
    optimizer = optax.sgd(0.1)

    @jax.jit
    def step(weights, state):
        loss, gradients = jax.value_and_grad(lambda w: ((fn(w, x) - y) ** 2).mean())(weights)
        updates, state = optimizer.update(gradients, state)
        return optax.apply_updates(weights, updates), state, loss

    state, losses = optimizer.init(weights), []
    for _ in range(20):
        weights, state, loss = step(weights, state)
        losses.append(float(loss))
    assert losses[-1] < losses[0]
    np.testing.assert_allclose(jax.vmap(lambda row: fn(weights, row[None])[0])(x), fn(weights, x), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(jax.jit(lambda x: model(x))(x), model(x), rtol=1e-6)


def test_summary_says_what_trains():
    x = plait.Input((4,), name="x")
    model = plait.Model(x, layers.Dense(2, name="head")(layers.Dense(3, name="trunk", trainable=False)(x)), name="net")
    lines = []
    model.summary(print_fn=lines.append)
    (text,) = lines
    assert 'Model: "net"' in text
    assert "Trainable params: 8 (32.00 B)" in text
    assert "Non-trainable params: 15 (60.00 B)" in text
    rows = {line.split()[1]: line for line in text.splitlines() if "Dense" in line}
    assert " N " in rows["trunk"]
    assert " Y " in rows["head"]


def test_layers_take_a_name_and_can_be_called():
    model = Net()
    model(data()[0])
    assert model.layers() == model.layers
    assert model.layers["dense"] is model.get_layer("dense") is model.get_layer(index=0)
    with pytest.raises(ValueError, match="No such layer: dens"):
        model.get_layer("dens")


def test_clone_has_new_weights():
    model = plait.Sequential([plait.Input((4,)), layers.Dense(3), layers.Dense(1)])
    clone = plait.clone_model(model)
    assert [layer.name for layer in clone.layers] == [layer.name for layer in model.layers]
    assert clone.weights[0] is not model.weights[0]


@pytest.mark.parametrize("clone", [False, True])
def test_a_compiled_model_inside_keeps_its_metrics_to_itself(clone):
    x, y = data()
    inner = plait.Sequential([plait.Input((3,)), layers.Dense(1)], name="inner")
    inner.compile("sgd", "mse", metrics=["mae"])
    inputs = plait.Input((4,))
    model = plait.Model(inputs, (plait.models.clone_model(inner) if clone else inner)(layers.Dense(3)(inputs)))
    model.compile("sgd", "mse")
    assert [metric.name for metric in model.metrics] == ["loss"]
    expected = float(np.square(np.asarray(model(x)) - y).mean())
    assert model.evaluate(x, y, verbose=0) == pytest.approx(expected, rel=1e-5)
    assert model.train_on_batch(x, y) == pytest.approx(expected, rel=1e-5)
    assert list(model.fit(x, y, verbose=0).history) == ["loss"]


def test_a_model_from_an_inner_tensor_has_the_layers_between():
    x = plait.Input((2,))
    first = plait.layers.Dense(3, name="first")(x)
    part = plait.Model(first, plait.layers.Dense(4, name="second")(first))
    assert [layer.name for layer in part.layers] == ["second"]


def test_variables_say_what_they_hold():
    layer = plait.layers.Dense(1, dtype="float64")
    with pytest.warns(UserWarning, match="truncated to dtype float32"):
        layer.build((None, 2))
    assert layer.kernel.dtype == str(layer.kernel.value.dtype)
