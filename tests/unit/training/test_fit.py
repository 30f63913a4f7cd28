"""fit, evaluate and predict: sources, callbacks, weights, and that nothing depends on how steps are dispatched."""

import threading

import numpy as np
import optax
import pandas as pd
import pytest

import plait
from plait import layers


def network(seed=0):
    plait.utils.set_random_seed(seed)
    inputs = plait.Input((4,), name="x")
    h = layers.Dropout(0.2, seed=3)(layers.Dense(8, activation="relu")(inputs))
    model = plait.Model(inputs, layers.Dense(3, activation="softmax", name="y")(h))
    return model


def data(rows=100):
    rng = np.random.default_rng(0)
    return rng.normal(size=(rows, 4)).astype("float32"), rng.integers(0, 3, rows)


def fitted(x=None, y=None, compile_options=(), seed=0, **options):
    model = network(seed)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], **dict(compile_options))
    given = data()
    history = model.fit(given[0] if x is None else x, given[1] if y is None else y, verbose=0, **options)
    return model, history.history


@pytest.mark.parametrize("steps", [1, 2, 7, 1000])
def test_results_do_not_depend_on_the_steps_in_a_dispatch(steps):
    model, history = fitted(epochs=3, batch_size=8)
    other, other_history = fitted(epochs=3, batch_size=8, compile_options={"steps_per_execution": steps})
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(history["loss"], other_history["loss"], rtol=1e-5)


def test_the_same_from_every_source():
    x, y = data(96)
    frame = pd.DataFrame(x, columns=list("abcd"))

    def batches():
        for start in range(0, 96, 32):
            yield x[start : start + 32], y[start : start + 32]

    class Batches:
        def __len__(self):
            return 3

        def __getitem__(self, index):
            return x[index * 32 : index * 32 + 32], y[index * 32 : index * 32 + 32]

    def endless():
        while True:
            yield from batches()

    results = []
    for source in (
        {"x": x, "y": y},
        {"x": {"x": x}, "y": {"y": y}},
        {"x": frame, "y": pd.Series(y)},
        {"x": plait.convert_to_tensor(x), "y": y},
        {"x": Batches()},
        {"x": list(batches()).__iter__(), "steps_per_epoch": 3, "epochs": 1},
        {"x": endless(), "steps_per_epoch": 3},
    ):
        model = network()
        model.compile("sgd", "sparse_categorical_crossentropy")
        options = {"epochs": 1, "shuffle": False, "verbose": 0, **source}
        model.fit(**options)
        results.append(model.get_weights())
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


def test_a_seed_repeats_the_run():
    first, second = fitted(epochs=2)[1], fitted(epochs=2)[1]
    assert first == second


def test_a_generator_runs_once_and_says_when_it_ends():
    x, y = data(64)

    def three_batches():
        for start in range(0, 48, 16):
            yield x[start : start + 16], y[start : start + 16]

    model = network()
    model.compile("sgd", "sparse_categorical_crossentropy")
    before = model.get_weights()
    with pytest.raises(ValueError, match="the generator ended too soon: it gave 1 batches of the 2"):
        model.fit(three_batches(), steps_per_epoch=2, epochs=2, verbose=0)
    assert len(model.history.history["loss"]) == 1
    assert int(model.optimizer.iterations.numpy()) == 3
    assert not np.array_equal(before[0], model.get_weights()[0])


def test_callbacks_that_look_at_batches_see_each_in_order():
    seen = []
    watcher = plait.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append((batch, logs["loss"])))
    _, history = fitted(callbacks=[watcher], batch_size=16, epochs=2)
    assert [batch for batch, _ in seen] == [*range(7), *range(7)]
    assert seen[-1][1] == pytest.approx(history["loss"][-1], rel=1e-6)
    assert all(isinstance(loss, float) for _, loss in seen)


def test_early_stopping_puts_the_best_weights_back():
    model = network()
    model.compile(plait.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
    stopping = plait.callbacks.EarlyStopping("loss", patience=2, restore_best_weights=True)
    x, y = data()
    before = model.get_weights()
    history = model.fit(x, y, epochs=20, callbacks=[stopping], verbose=0, shuffle=False)
    assert len(history.history["loss"]) < 20
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_checkpoint_keeps_the_best(tmp_path):
    path = tmp_path / "best-{epoch}.keras"
    checkpoint = plait.callbacks.ModelCheckpoint(path, monitor="loss", save_best_only=True)
    fitted(epochs=2, callbacks=[checkpoint])
    assert sorted(p.name for p in tmp_path.iterdir())[0] == "best-1.keras"
    loaded = plait.load_model(sorted(tmp_path.iterdir())[-1])
    x, _ = data()
    assert loaded.predict(x, verbose=0).shape == (100, 3)


def test_a_checkpoint_that_knows_no_best_saves_all_the_same(tmp_path):
    checkpoint = plait.callbacks.ModelCheckpoint(
        tmp_path / "m.keras", monitor="nothing", save_best_only=True, mode="min"
    )
    with pytest.warns(UserWarning, match="'nothing' is not available"):
        fitted(epochs=1, callbacks=[checkpoint])
    assert plait.load_model(tmp_path / "m.keras").built


def test_a_callback_says_which_way_is_better():
    for mode, compares in (("min", plait.ops.less), ("max", plait.ops.greater)):
        assert plait.callbacks.EarlyStopping(mode=mode).monitor_op is compares


def test_validation_split_takes_the_last_rows():
    x, y = data()
    _, split = fitted(validation_split=0.25, shuffle=False)
    _, given = fitted(x[:75], y[:75], validation_data=(x[75:], y[75:]), shuffle=False)
    np.testing.assert_allclose(split["val_loss"], given["val_loss"], rtol=1e-5)


def test_class_weights_are_sample_weights():
    _, y = data()
    weights = {0: 1.0, 1: 3.0, 2: 0.5}
    _, by_class = fitted(class_weight=weights)
    _, by_sample = fitted(sample_weight=np.array([weights[c] for c in y]))
    np.testing.assert_allclose(by_class["loss"], by_sample["loss"], rtol=1e-5)


def test_weights_for_each_output():
    inputs = plait.Input((4,))
    model = plait.Model(inputs, {"a": layers.Dense(3, activation="softmax")(inputs), "b": layers.Dense(1)(inputs)})
    model.compile("sgd", {"a": "sparse_categorical_crossentropy", "b": "mse"})
    x, y = data()
    labels = {"a": y, "b": np.ones((100, 1))}
    model.fit(x, labels, class_weight={"a": {0: 2.0}}, verbose=0)
    model.fit(x, labels, sample_weight={"b": np.zeros(100)}, verbose=0)
    results = model.evaluate(x, labels, sample_weight={"b": np.zeros(100)}, verbose=0, return_dict=True)
    assert results["b_loss"] == 0
    assert results["a_loss"] > 0


def test_a_loss_on_some_outputs_needs_labels_for_these_only():
    inputs = plait.Input((4,))
    model = plait.Model(inputs, [layers.Dense(1, name="a")(inputs), layers.Dense(2, name="b")(inputs)])
    model.compile("sgd", {"a": "mse"})
    x, _ = data()
    history = model.fit(x, {"a": np.ones((100, 1))}, verbose=0)
    assert list(history.history) == ["loss"]


def test_optax_transformations_are_optimizers():
    model = network()
    model.compile(optax.chain(optax.clip(1.0), optax.adam(1e-2)), "sparse_categorical_crossentropy")
    x, y = data()
    history = model.fit(x, y, epochs=10, verbose=0).history["loss"]
    assert history[-1] < history[0]


def test_evaluate_is_in_the_order_of_metrics_names():
    model, _ = fitted()
    x, y = data()
    values = model.evaluate(x, y, verbose=0)
    named = model.evaluate(x, y, verbose=0, return_dict=True)
    assert dict(zip(model.metrics_names, values, strict=True)) == named
    assert values[1] == pytest.approx((model.predict(x, verbose=0).argmax(-1) == y).mean(), abs=1e-6)


def test_batch_methods():
    model, _ = fitted()
    x, y = data(8)
    assert len(model.train_on_batch(x, y)) == 2
    assert model.test_on_batch(x, y, return_dict=True).keys() == {"loss", "accuracy"}
    assert model.predict_on_batch(x).shape == (8, 3)


def test_compile_starts_fresh():
    model, _ = fitted()
    model.compile("sgd", "sparse_categorical_crossentropy")
    x, y = data()
    assert isinstance(model.evaluate(x, y, verbose=0), float)
    model.compile("sgd")
    assert model.loss is None and model.evaluate(x, y, verbose=0) == 0


def test_a_metric_in_a_layer_works():
    class Watches(layers.Layer):
        def __init__(self):
            super().__init__()
            self.seen = plait.metrics.Mean(name="seen")

        def call(self, x):
            self.seen.update_state(x)
            return x

    inputs = plait.Input((4,))
    model = plait.Model(inputs, layers.Dense(1)(Watches()(inputs)))
    model.compile("sgd", "mse")
    x, _ = data()
    history = model.fit(x, np.zeros((100, 1)), verbose=0).history
    assert history["seen"][0] == pytest.approx(x.mean(), abs=1e-5)


def test_losses_added_in_layers_count():
    class Penalty(layers.Layer):
        def call(self, x):
            self.add_loss(plait.ops.mean(x) * 0 + 7.0)
            return x

    inputs = plait.Input((4,))
    model = plait.Model(inputs, layers.Dense(1, kernel_initializer="zeros")(Penalty()(inputs)))
    model.compile("sgd", "mse")
    x, _ = data()
    assert model.evaluate(x, np.zeros((100, 1)), verbose=0) == pytest.approx(7)


def test_lines_of_progress(capsys):
    fitted_model = network()
    fitted_model.compile("sgd", "sparse_categorical_crossentropy")
    x, y = data()
    fitted_model.fit(x, y, epochs=2, verbose=2)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("Epoch 1/2 - ")
    assert "loss: " in lines[0]
    fitted_model.fit(x, y, verbose=0)
    assert capsys.readouterr().out == ""


def test_predict_keeps_the_structure_and_joins_batches():
    inputs = plait.Input((4,))
    model = plait.Model(inputs, {"twice": inputs * 2, "deep": [inputs, inputs + 1]})
    x, _ = data(70)
    out = model.predict(x, batch_size=32, verbose=0)
    np.testing.assert_allclose(out["twice"], x * 2)
    np.testing.assert_allclose(out["deep"][1], x + 1, rtol=1e-6)


def test_fit_in_a_thread():
    results = []
    thread = threading.Thread(target=lambda: results.append(fitted()[1]))
    thread.start()
    thread.join()
    assert results


class Batches(plait.callbacks.Callback):
    """Writes down which batches it is told of."""

    def __init__(self):
        super().__init__()
        self.seen = {"train": [], "test": [], "predict": []}

    def on_train_batch_begin(self, batch, logs=None):
        self.seen["train"].append(batch)

    def on_train_batch_end(self, batch, logs=None):
        self.seen["train"].append(batch)

    def on_test_batch_begin(self, batch, logs=None):
        self.seen["test"].append(batch)

    def on_test_batch_end(self, batch, logs=None):
        self.seen["test"].append(batch)

    def on_predict_batch_begin(self, batch, logs=None):
        self.seen["predict"].append(batch)

    def on_predict_batch_end(self, batch, logs=None):
        self.seen["predict"].append((batch, logs["outputs"].shape))


@pytest.mark.parametrize("together, told", [(3, [0, 2, 3, 5, 6, 8]), (101, [0, 100]), (1, [i // 2 for i in range(14)])])
def test_callbacks_see_the_steps_of_an_execution_as_one(together, told):
    model = plait.Sequential([plait.Input((4,)), plait.layers.Dense(1)])
    model.compile("sgd", "mse", steps_per_execution=together)
    x, watcher = np.ones((100, 4), "float32"), Batches()
    model.fit(x, x[:, :1], batch_size=16, callbacks=[watcher], verbose=0)
    model.evaluate(x, x[:, :1], batch_size=16, callbacks=[watcher], verbose=0)
    assert watcher.seen["train"] == watcher.seen["test"] == told
    assert len(model.predict(x, batch_size=16, callbacks=[watcher], verbose=0)) == 100
    assert [number for number in watcher.seen["predict"] if isinstance(number, int)] == told[::2]
    assert sum(shape[0] for _, shape in watcher.seen["predict"][1::2]) == 100


def test_a_metric_that_does_not_reset_goes_on():
    class Lasting(plait.metrics.Mean):
        def reset_state(self):
            pass

    class Model(plait.Model):
        def __init__(self):
            super().__init__()
            self.dense, self.rows = plait.layers.Dense(1), Lasting(name="rows")

        def call(self, x):
            self.rows.update_state(plait.ops.ones((1,)) * self.rows.count)
            return self.dense(x)

    model = Model()
    model.compile("sgd", "mse")
    x = np.ones((8, 4), "float32")
    model.fit(x, x[:, :1], batch_size=4, epochs=3, verbose=0)
    assert float(model.rows.count) == 6.0


@pytest.mark.parametrize("where", ["metrics", "weighted_metrics"])
def test_a_metric_of_compile_that_does_not_reset_goes_on(where):
    class Lasting(plait.metrics.MeanSquaredError):
        def reset_state(self):
            pass

    model = plait.Sequential([plait.Input((4,)), plait.layers.Dense(1)])
    lasting = Lasting(name="lasting")
    model.compile("sgd", "mse", **{where: [lasting]})
    x = np.ones((8, 4), "float32")
    model.fit(x, x[:, :1], batch_size=4, epochs=3, verbose=0)
    assert float(lasting.count) == 24.0
    model.evaluate(x, x[:, :1], verbose=0)
    assert float(lasting.count) == 32.0


def test_compute_loss_without_training():
    class Model(plait.Model):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
            return 3.0 * super().compute_loss(x, y, y_pred, sample_weight)

    inputs = plait.Input((4,))
    model = Model(inputs, plait.layers.Dense(1, kernel_initializer="ones")(inputs))
    model.compile("sgd", "mse")
    x = np.ones((8, 4), "float32")
    assert model.evaluate(x, 0 * x[:, :1], verbose=0) == pytest.approx(48.0)


def test_a_models_input_spec_can_be_set():
    class Model(plait.Model):
        def __init__(self):
            super().__init__()
            self.input_spec = plait.layers.InputSpec(ndim=2)

    assert Model().input_spec.ndim == 2
