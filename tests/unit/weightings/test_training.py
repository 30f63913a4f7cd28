"""Weightings in `fit`: steps, places, state, files, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import plait
from plait import layers, multitask

RNG = np.random.default_rng(0)
X = RNG.normal(size=(32, 4)).astype("float32")
Y = {"a": X.sum(1, keepdims=True), "b": X[:, :1] ** 2, "c": (X[:, 0] > 0).astype("int32")}
LOSSES = {"a": "mse", "b": "mse", "c": "sparse_categorical_crossentropy"}


class Sum(multitask.GradientWeighting):
    """The plain sum, the long way round."""

    def update(self, products, losses, state, epoch):
        return jnp.ones_like(losses), state


def plain():
    x = plait.Input((4,))
    h = layers.Dense(6, activation="tanh", name="trunk")(x)
    return x, h, h


def normalized():
    x = plait.Input((4,))
    h = layers.Dense(8, activation="tanh", kernel_regularizer="l2", name="trunk")(x)
    h = layers.Dropout(0.2, seed=1)(layers.BatchNormalization()(h))
    return x, layers.Dense(6)(h), h


def reused():
    x, layer = plait.Input((4,)), layers.Dense(4, activation="tanh", name="trunk")
    h = layer(x)
    return x, layer(h), h


def nested():
    inner = plait.Sequential([plait.Input((4,)), layers.Dense(6, activation="tanh"), layers.Dense(5)])
    x = plait.Input((4,))
    h = inner(x)
    return x, h, h


def convolved():
    x = plait.Input((4,))
    h = layers.Conv1D(3, 2, activation="tanh", name="trunk")(layers.Reshape((4, 1))(x))
    return x, layers.Flatten()(h), layers.GlobalAveragePooling1D()(h)


TRUNKS = {trunk.__name__: trunk for trunk in (plain, normalized, reused, nested, convolved)}


def model(weights=None, trunk=plain, optimizer="sgd", **kwargs):
    plait.utils.set_random_seed(0)
    x, h, g = trunk()
    outputs = {"a": layers.Dense(1)(layers.Dense(3, activation="relu")(h)), "b": layers.Dense(1)(g)}
    outputs["c"] = layers.Dense(2, activation="softmax")(h)
    built = plait.Model(x, outputs, name="m")
    built.compile(optimizer, LOSSES, loss_weights=weights, **kwargs)
    return built


def trained(weights=None, trunk=plain, optimizer="sgd", x=X, y=Y, epochs=2, **kwargs):
    built = model(weights, trunk, optimizer, **kwargs)
    built.fit(x, y, epochs=epochs, batch_size=8, shuffle=False, verbose=0)
    return built


def assert_same(first, second, **near):
    for a, b in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, **{"rtol": 2e-4, "atol": 2e-5, **near})


@pytest.mark.parametrize("at", ["weights", "features"])
@pytest.mark.parametrize("trunk", TRUNKS)
def test_the_sum_of_the_gradients_is_the_gradient_of_the_sum(trunk, at):
    assert_same(trained(Sum(at), TRUNKS[trunk]), trained(None, TRUNKS[trunk]))


def test_a_model_whose_output_is_what_another_task_reads():
    def built(weights):
        plait.utils.set_random_seed(0)
        x = plait.Input((4,))
        h = layers.Dense(1, name="h")(layers.Dense(5, activation="tanh")(x))
        m = plait.Model(x, {"a": h, "b": layers.Dense(1)(layers.Dense(3)(h))})
        m.compile("sgd", "mse", loss_weights=weights)
        m.fit(X, {"a": Y["a"], "b": Y["b"]}, epochs=2, batch_size=8, shuffle=False, verbose=0)
        return m

    for at in ("weights", "features"):
        assert_same(built(Sum(at)), built(None))


def by_hand(built, at):
    """A step of MGDA with SGD, in plain JAX."""
    names = ("trunk/kernel", "trunk/bias")
    function, weights = plait.functional(built)
    shared = {name: weights[name] for name in names}

    def losses(shared):
        p = function({**weights, **shared}, X[:8])
        entropy = -jnp.log(p["c"][jnp.arange(8), Y["c"][:8]])
        return jnp.stack(
            [jnp.mean((p["a"] - Y["a"][:8]) ** 2), jnp.mean((p["b"] - Y["b"][:8]) ** 2), jnp.mean(entropy)]
        )

    rows = jax.jacobian(losses)(shared)
    if at == "weights":
        flat = np.concatenate([np.array(rows[name]).reshape(3, -1) for name in names], 1)
    else:
        trunk = plait.functional(plait.Model(built.inputs, built.get_layer("trunk").output))[0]
        heads = plait.functional(plait.Model(built.get_layer("trunk").output, built.outputs))[0]
        rest = {name: value for name, value in weights.items() if name not in names}

        def of_features(h):
            a, b, c = heads(rest, h)
            entropy = -jnp.log(c[jnp.arange(8), Y["c"][:8]])
            return jnp.stack([jnp.mean((a - Y["a"][:8]) ** 2), jnp.mean((b - Y["b"][:8]) ** 2), jnp.mean(entropy)])

        flat = np.array(jax.jacobian(of_features)(trunk(shared, X[:8]))).reshape(3, -1)
    shares = np.array(multitask.MGDA().update(jnp.asarray(flat @ flat.T), jnp.ones(3), (), 0)[0])
    return {name: np.array(weights[name]) - 0.01 * np.tensordot(shares, np.array(rows[name]), 1) for name in names}


@pytest.mark.parametrize("at", ["weights", "features"])
def test_the_shared_part_moves_by_the_combined_gradient_and_heads_by_their_own(at):
    built, alone = model(multitask.MGDA(at=at)), model(None)
    expected = by_hand(built, at)
    for one in (built, alone):
        one.fit(X[:8], {name: values[:8] for name, values in Y.items()}, batch_size=8, verbose=0)
    _, weights = plait.functional(built)
    for name, value in expected.items():
        np.testing.assert_allclose(weights[name], value, rtol=1e-4, atol=1e-5)
    heads = [[w.numpy() for w in one.weights if not w.path.startswith("trunk")] for one in (built, alone)]
    assert len(heads[0]) == 8
    for own, of_sum in zip(*heads, strict=True):
        np.testing.assert_allclose(own, of_sum, rtol=1e-4, atol=1e-6)


EVERY = [
    name for name in multitask.__all__ if hasattr(getattr(multitask, name), "update") and not name.endswith("Weighting")
]


@pytest.mark.parametrize("name", EVERY)
def test_every_weighting_trains_tells_its_weights_and_goes_on_from_a_file(name, tmp_path):
    make = getattr(multitask, name)
    whole, first = trained(make(), optimizer="adam", epochs=2), trained(make(), optimizer="adam", epochs=1)
    history = whole.history.history
    assert all(np.isfinite(history[key]).all() for key in ("loss", "a_weight", "b_weight", "c_weight"))
    first.save(tmp_path / "m.keras")
    again = plait.load_model(tmp_path / "m.keras")
    for old, new in zip(first.optimizer.variables, again.optimizer.variables, strict=True):
        np.testing.assert_array_equal(old.numpy(), new.numpy())
    again.fit(X, Y, epochs=2, initial_epoch=1, batch_size=8, shuffle=False, verbose=0)
    assert_same(again, whole, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("weights", [multitask.Uncertainty(0.1), multitask.GradVac(), multitask.DBMTL()])
def test_a_run_with_a_weighting_is_resumed(weights, tmp_path):
    class Stop(plait.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    options = {"epochs": 3, "batch_size": 8, "verbose": 0, "seed": 1}
    whole, cut, resumed = (model(weights.from_config(weights.get_config())) for _ in range(3))
    whole.fit(X, Y, **options)
    with pytest.raises(KeyboardInterrupt):
        cut.fit(X, Y, resume=tmp_path, callbacks=[Stop()], **options)
    resumed.fit(X, Y, resume=tmp_path, **options)
    assert_same(whole, resumed, rtol=0, atol=0)


def test_weights_that_are_schedules_count_the_steps():
    rising = plait.optimizers.schedules.PolynomialDecay(0.0, 4, 1.0)
    built = trained({"a": 0.5, "b": rising, "c": lambda step: 1.0 / (step + 1.0)}, epochs=1)
    alone = model({"a": 0.5, "b": 1.0, "c": 1.0})
    for step in range(4):
        alone.compile(alone.optimizer, LOSSES, loss_weights={"a": 0.5, "b": step / 4, "c": 1 / (step + 1)})
        rows = slice(8 * step, 8 * step + 8)
        alone.train_on_batch(X[rows], {name: values[rows] for name, values in Y.items()})
    assert_same(built, alone)
    history = built.history.history
    assert history["b_weight"] == [pytest.approx(np.mean([0, 0.25, 0.5, 0.75]))] and "a_weight" not in history
    told = []
    built.compile_report(told.append)
    assert "PolynomialDecay" in told[0]


def test_schedules_and_weightings_of_losses_of_a_class():
    class Two(plait.Model):
        def __init__(self):
            super().__init__()
            self.first, self.second = layers.Dense(1), layers.Dense(1)

        def call(self, x):
            return {"a": self.first(x), "b": self.second(x)}

    both = {"a": Y["a"], "b": Y["b"]}
    for weights in (multitask.IMTLL(), {"a": lambda step: 1.0 * step}):
        built = Two()
        built.compile("adam", "mse", loss_weights=weights)
        history = built.fit(X, both, epochs=2, verbose=0, validation_data=(X, both)).history
        assert np.isfinite(history["a_weight"]).all() and np.isfinite(history["val_loss"]).all()
    built.compile("sgd", "mse", loss_weights=multitask.MGDA())
    with pytest.raises(plait.errors.ArgumentError, match="read from the graph"):
        built.fit(X, both, verbose=0)


@pytest.mark.parametrize("at", ["weights", "features"])
def test_a_task_without_labels_leaves_the_state_alone(at):
    built = model(multitask.GradNorm(at=at), missing_labels=-1.0)
    alone = model(None, missing_labels=-1.0)
    missing = {**Y, "c": np.full(32, -1)}
    before = [variable.numpy() for variable in built._compilation.balance.variables[2:]]
    for one in (built, alone):
        one.fit(X, missing, batch_size=8, shuffle=False, verbose=0)
    assert_same(built, alone)
    for old, new in zip(before, built._compilation.balance.variables[2:], strict=True):
        np.testing.assert_array_equal(old, new.numpy())
    by_loss = model(multitask.Uncertainty(0.1), missing_labels=-1.0)
    by_loss.fit(X, missing, batch_size=8, verbose=0)
    scales = by_loss._compilation.balance.variables[2].numpy()
    assert scales[2] == np.float32(-0.5) and (scales[:2] != np.float32(-0.5)).all()


@pytest.mark.parametrize("at", ["weights", "features"])
def test_scaled_losses_of_float16_are_combined(at):
    before = plait.config.floatx()
    plait.mixed_precision.set_global_policy("mixed_float16")
    try:
        built, alone = trained(Sum(at)), trained(None)
    finally:
        plait.mixed_precision.set_global_policy(before)
    assert_same(built, alone, rtol=2e-2, atol=2e-3)


def test_another_compile_lets_go_of_a_weighting():
    built = trained(multitask.DBMTL())
    optimizer = built.optimizer
    many = len(optimizer.variables)
    built.compile(optimizer, LOSSES)
    assert len(optimizer.variables) < many
    built.fit(X, Y, verbose=0)


@pytest.mark.parametrize("make", [multitask.MoCo, multitask.DBMTL, multitask.ExcessMTL])
def test_what_keeps_gradients_knows_no_features(make):
    class AtFeatures(make):
        def __init__(self):
            multitask.GradientWeighting.__init__(self, "features")

    with pytest.raises(plait.errors.ArgumentError, match="use at='weights'"):
        AtFeatures()


def test_wrong_weightings_are_refused():
    with pytest.raises(plait.errors.ArgumentError, match="must be 'weights' or 'features', but got 'heads'"):
        multitask.MGDA(at="heads")
    x = plait.Input((4,))
    apart = plait.Model(x, {"a": layers.Dense(1)(x), "b": layers.Dense(1)(x)}, name="apart")
    with pytest.raises(plait.errors.ArgumentError, match="the tasks of 'apart' share no weight"):
        apart.compile("sgd", "mse", loss_weights=multitask.PCGrad())
    with pytest.raises(plait.errors.MissingError, match="a weighting defines `update"):
        multitask.Weighting().update(jnp.ones(2), (), 0)
    with pytest.raises(plait.errors.ArgumentError, match="the loss weight of 'a' must be a number"):
        model({"a": "much"})
