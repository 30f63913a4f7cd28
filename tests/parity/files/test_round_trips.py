"""Files both ways: Keras opens what plait wrote, and plait opens what Keras wrote, with the same predictions, compile state
and optimizer state; and plait opens its own. The files themselves hold the same groups.
"""

import json
import zipfile

import h5py
import keras
import numpy as np
import pytest

import plait


def two_in_two_out(lib):
    a, b = lib.Input((4,), name="a"), lib.Input((4,), name="b")
    shared = lib.layers.Dense(3, activation="relu", name="shared")
    first = shared(a)
    joined = lib.layers.Dropout(0.1, name="drop")(lib.layers.Concatenate(name="cat")([first, shared(b)]))
    outputs = {
        "out_a": lib.layers.Dense(1, name="out_a")(joined),
        "out_b": lib.layers.Dense(2, activation="softmax", name="out_b")(first * 2.0),
    }
    model = lib.Model([a, b], outputs, name="two_io")
    model.compile(
        "adam",
        {"out_a": "mse", "out_b": "sparse_categorical_crossentropy"},
        loss_weights={"out_a": 1.0, "out_b": 0.5},
        metrics={"out_b": ["accuracy"]},
    )
    return model


def residual(lib):
    x = lib.Input((8, 8, 2), name="image")
    h = lib.layers.Conv2D(4, 3, padding="same", activation="relu", name="stem")(x)
    for block in range(2):
        inner = lib.layers.BatchNormalization(name=f"norm{block}")(h)
        inner = lib.layers.Conv2D(4, 3, padding="same", use_bias=False, name=f"conv{block}")(inner)
        h = lib.layers.Add(name=f"add{block}")([h, inner])
    h = lib.layers.GlobalAveragePooling2D(name="mean")(h)
    model = lib.Model(x, lib.layers.Dense(1, name="out")(h), name="residual")
    model.compile(lib.optimizers.SGD(0.05, momentum=0.9), "mse", metrics=["mae"])
    return model


def nested(lib):
    """A Sequential and a model with a graph, each called twice; one of them begins and one ends the outer model."""
    tower = lib.Sequential(
        [lib.Input((4,)), lib.layers.Dense(3, activation="relu"), lib.layers.Dropout(0.2)], name="tower"
    )
    p, q = lib.Input((3,), name="p"), lib.Input((3,), name="q")
    mix = lib.Model({"p": p, "q": q}, [lib.layers.Dense(2, name="mix_out")(p - q), p + q], name="mix")
    a, b = lib.Input((4,), name="a"), lib.Input((4,), name="b")
    left, right = tower(a), tower(b)
    first, total = mix({"p": left, "q": right})
    second, _ = mix({"p": total, "q": left})
    model = lib.Model([a, b], [second, first], name="nested")
    model.compile("rmsprop", ["mse", "mae"])
    return model


def recurrent(lib):
    words = lib.Input((None,), dtype="int32", name="words")
    h = lib.layers.Embedding(12, 6, mask_zero=True, name="embedding")(words)
    h = lib.layers.LSTM(5, return_sequences=True, name="lstm")(h)
    h, state, _ = lib.layers.LSTM(4, return_state=True, name="last")(h)
    model = lib.Model(words, lib.layers.Dense(1, name="score")(h + state), name="recurrent")
    model.compile(lib.optimizers.Adam(1e-2), "mse")
    return model


def masking(lib):
    x = lib.Input((6, 3), name="x")
    h = lib.layers.Masking(0.0, name="masking")(x)
    h = lib.layers.Bidirectional(lib.layers.GRU(4, return_sequences=True), name="both")(h)
    h = lib.layers.TimeDistributed(lib.layers.Dense(3), name="each")(h)
    h = lib.layers.Bidirectional(lib.layers.LSTM(2), merge_mode="sum", name="end")(h)
    model = lib.Model(x, lib.layers.Dense(1, name="score")(h), name="masking")
    model.compile(lib.optimizers.Adam(1e-2), "mse")
    return model


def attention(lib):
    x = lib.Input((5, 8), name="x")
    h = lib.layers.LayerNormalization(name="norm")(x)
    h = lib.layers.MultiHeadAttention(2, 4, name="attention")(h, h, use_causal_mask=True)
    h = lib.layers.Add(name="add")([x, h])[:, -1]
    model = lib.Model(x, lib.layers.Dense(2, activation="gelu", name="out")(h), name="attention")
    model.compile(lib.optimizers.AdamW(lib.optimizers.schedules.ExponentialDecay(1e-2, 10, 0.9)), "huber")
    return model


def operators(lib):
    """Ops of all kinds between layers: indices, slices, constants, several outputs."""
    x = lib.Input((6,), name="x")
    left, right = lib.ops.split(x, 2, axis=-1)
    h = lib.ops.concatenate([left * np.float32([1, 2, 3]), lib.ops.maximum(right, 0.1)], axis=-1)
    h = lib.ops.stack([h[:, ::2], h[..., 1::2]], axis=1)
    h = lib.ops.mean(h, axis=(1,), keepdims=False) / 2 - lib.ops.expand_dims(h[:, 0, 0], -1)
    model = lib.Model(x, lib.layers.Dense(1, name="out")(h), name="operators")
    model.compile("adam", "mse")
    return model


KINDS = [two_in_two_out, residual, nested, recurrent, masking, attention, operators]


def rows(model, count=24):
    rng = np.random.default_rng(1)

    def fill(tensor):
        shape = (count, *(7 if size is None else size for size in tensor.shape[1:]))
        return rng.integers(0, 12, shape) if "int" in tensor.dtype else rng.normal(size=shape).astype("float32")

    x = [fill(tensor) for tensor in model.inputs]
    y = [np.abs(rng.normal(size=(count, *t.shape[1:]))).astype("float32") for t in model.outputs]
    if model.name == "two_io":
        y = {"out_a": y[0], "out_b": rng.integers(0, 2, count)}
    return (x[0] if len(x) == 1 else x), (y[0] if isinstance(y, list) and len(y) == 1 else y)


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def pair(request):
    """The same model on both sides, trained a little: plait's, Keras's, and the data."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    theirs, ours = request.param(keras), request.param(plait)
    ours.set_weights(theirs.get_weights())
    x, y = rows(ours)
    for model in (ours, theirs):
        model.fit(x, y, batch_size=8, verbose=0)
    return ours, theirs, x, y


def test_each_side_opens_what_the_other_wrote(pair, tmp_path):
    ours, theirs, x, y = pair
    ours.save(tmp_path / "ours.keras")
    theirs.save(tmp_path / "theirs.keras")
    for written, read in (
        (ours, keras.saving.load_model(tmp_path / "ours.keras")),
        (theirs, plait.load_model(tmp_path / "theirs.keras")),
        (ours, plait.load_model(tmp_path / "ours.keras")),
    ):
        same_state(written, read)
        close(written.predict(x, verbose=0), read.predict(x, verbose=0))
        before, after = (model.evaluate(x, y, verbose=0, return_dict=True) for model in (written, read))
        if len(set(theirs.output_names)) == len(theirs.output_names):
            assert before.keys() == after.keys()
            keys = sorted(before)
        else:  # Keras calls both outputs the same, and reports one: docs/differences.md
            keys = ["loss"]
        np.testing.assert_allclose([before[key] for key in keys], [after[key] for key in keys], rtol=1e-4)


def test_training_goes_on_as_if_nothing_had_happened(tmp_path):
    model = residual(plait)
    x, y = rows(model)
    model.fit(x, y, batch_size=8, verbose=0)
    model.save(tmp_path / "model.keras")
    read = [plait.load_model(tmp_path / "model.keras"), keras.saving.load_model(tmp_path / "model.keras")]
    for each in (model, *read):
        each.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    for a, b, c in zip(*(each.get_weights() for each in (model, *read)), strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_allclose(a, c, rtol=1e-3, atol=1e-4)


def test_the_files_have_the_same_groups(pair, tmp_path):
    ours, theirs, _, _ = pair
    ours.save_weights(tmp_path / "ours.weights.h5")
    theirs.save_weights(tmp_path / "theirs.weights.h5")
    mine, others = arrays_in(tmp_path / "ours.weights.h5"), arrays_in(tmp_path / "theirs.weights.h5")
    assert mine == others


def test_weights_alone_both_ways(pair, tmp_path):
    ours, theirs, x, _ = pair
    for written, read in ((ours, theirs), (theirs, ours)):
        written.set_weights([weight + 0.125 for weight in written.get_weights()])
        written.save_weights(tmp_path / "some.weights.h5")
        read.load_weights(tmp_path / "some.weights.h5")
        same_state(written, read)
        close(written.predict(x, verbose=0), read.predict(x, verbose=0))


def test_the_config_is_the_same_but_for_what_keras_leaks(pair, tmp_path):
    ours, theirs, _, _ = pair
    mine, others = json.loads(ours.to_json())["config"], json.loads(theirs.to_json())["config"]
    assert mine["input_layers"] == others["input_layers"]
    assert mine["output_layers"] == others["output_layers"]
    assert [layer["name"] for layer in mine["layers"]] == [layer["name"] for layer in others["layers"]]
    for one, other in zip(mine["layers"], others["layers"], strict=True):
        assert (one["module"], one["class_name"]) == (other["module"], other["class_name"])
        calls = [[without_leaks(call) for call in layer["inbound_nodes"]] for layer in (one, other)]
        assert calls[0] == calls[1]


def test_a_config_is_left_as_it_was(pair):
    ours, _, _, _ = pair
    config = ours.get_config()
    before = json.dumps(config)
    type(ours).from_config(config)
    assert json.dumps(config) == before


# ---------------------------------------------------------------------------- subclasses


def make_subclass(lib):
    """A model of the program's own: attributes before and after `layers`, in lists and dicts, private, of a layer's own."""

    class Block(lib.layers.Layer):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.layers = [lib.layers.Dense(units), lib.layers.Dense(units)]
            self.by_name = {"z": lib.layers.Dense(units), "a": lib.layers.Dense(units)}
            self.deep = [[lib.layers.Dense(units)], {"x": lib.layers.LayerNormalization()}]
            self._hidden = lib.layers.Dense(units, use_bias=False)

        @property
        def pretty(self):
            return self._hidden

        def build(self, input_shape):
            self.scale = self.add_weight(shape=(self.units,), initializer="ones", name="scale")
            for layer in (*self.layers, *self.by_name.values(), self.deep[0][0], self.deep[1]["x"], self._hidden):
                layer.build((None, self.units))

        def call(self, x):
            for layer in (*self.layers, *self.by_name.values(), self.deep[0][0], self.deep[1]["x"], self._hidden):
                x = layer(x)
            return x * self.scale

        def get_config(self):
            return {**super().get_config(), "units": self.units}

    class Net(lib.Model):
        def __init__(self, units=3, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.alpha = lib.layers.Dense(units, activation="relu")
            self.block = Block(units)
            self.tail = [lib.layers.Dense(units), lib.layers.BatchNormalization()]
            self.zeta = lib.Sequential([lib.layers.Dense(units), lib.layers.Dense(units)])
            self._private = lib.layers.Dense(1)

        def call(self, x, training=None):
            x = self.block(self.alpha(x))
            x = self.tail[1](self.tail[0](x), training=training)
            return self._private(self.zeta(x))

        def get_config(self):
            return {**super().get_config(), "units": self.units}

    return Net, {"Net": Net, "Block": Block}


def test_a_subclass_both_ways(tmp_path):
    keras.utils.clear_session()
    (Ours, our_objects), (Theirs, their_objects) = make_subclass(plait), make_subclass(keras)
    x, y = np.random.default_rng(0).normal(size=(2, 16, 3)).astype("float32")
    models = []
    for cls in (Ours, Theirs):
        model = cls(units=3, name="net")
        model.compile("adam", "mse")
        model.fit(x, y[:, :1], batch_size=8, verbose=0)
        models.append(model)
    ours, theirs = models
    ours.save(tmp_path / "ours.keras")
    theirs.save(tmp_path / "theirs.keras")
    assert arrays_in_archive(tmp_path / "ours.keras") == arrays_in_archive(tmp_path / "theirs.keras")
    for written, read in (
        (ours, keras.saving.load_model(tmp_path / "ours.keras", custom_objects=their_objects)),
        (theirs, plait.load_model(tmp_path / "theirs.keras", custom_objects=our_objects)),
        (ours, plait.load_model(tmp_path / "ours.keras", custom_objects=our_objects)),
    ):
        same_state(written, read)
        close(written.predict(x, verbose=0), read.predict(x, verbose=0))


def test_a_subclass_with_a_graph_keeps_its_class(tmp_path):
    class Custom(plait.Model):
        pass

    class KerasCustom(keras.Model):
        pass

    x = plait.Input((2,), name="x")
    Custom(x, plait.layers.Dense(1)(x), name="custom").save(tmp_path / "m.keras")
    assert type(plait.load_model(tmp_path / "m.keras", custom_objects={"Custom": Custom})) is Custom
    with pytest.warns(UserWarning, match="isn't known here, so the model is opened as a plain one"):
        assert type(plait.load_model(tmp_path / "m.keras")) is plait.Model
    read = keras.saving.load_model(tmp_path / "m.keras", custom_objects={"Custom": KerasCustom})
    assert isinstance(read, KerasCustom)


# ---------------------------------------------------------------------------- what calls say


def test_training_in_a_call_is_kept_by_plait_and_ignored_from_keras(tmp_path):
    def build(lib):
        x = lib.Input((4,), name="x")
        base = lib.Sequential([lib.Input((4,)), lib.layers.BatchNormalization()], name="base")
        h = base(lib.layers.Dropout(0.5, name="drop")(x, training=False), training=False)
        return lib.Model(x, lib.layers.Dense(1, name="out")(h), name="m")

    ours, theirs = build(plait), build(keras)
    ours.save(tmp_path / "ours.keras")
    theirs.save(tmp_path / "theirs.keras")
    keras.saving.load_model(tmp_path / "ours.keras")
    nodes = {node.operation.name: node.kwargs for node in plait.load_model(tmp_path / "ours.keras").graph.nodes}
    assert nodes["drop"] == nodes["base"] == {"training": False}
    nodes = {node.operation.name: node.kwargs for node in plait.load_model(tmp_path / "theirs.keras").graph.nodes}
    assert nodes["drop"] == nodes["base"] == {}


def test_a_graph_that_starts_in_the_middle(tmp_path):
    values = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")

    def build(lib):
        x = lib.Input((5,), name="x")
        middle = lib.layers.Dense(4, name="middle")(x)
        return lib.Model(middle, lib.layers.Dense(2, name="end")(middle) + middle[:, :2], name="tail")

    ours, theirs = build(plait), build(keras)
    ours.save(tmp_path / "ours.keras")
    theirs.save(tmp_path / "theirs.keras")
    for written, read in (
        (ours, keras.saving.load_model(tmp_path / "ours.keras")),
        (theirs, plait.load_model(tmp_path / "theirs.keras")),
        (ours, plait.load_model(tmp_path / "ours.keras")),
    ):
        close(written.predict(values, verbose=0), read.predict(values, verbose=0))
        assert read.inputs[0].name.endswith("CLONE")


# ---------------------------------------------------------------------------- helpers


def arrays_in(file):
    with h5py.File(file) as h5:
        found = {}

        def visit(name, thing):
            if isinstance(thing, h5py.Dataset):
                found[name] = (thing.shape, thing.dtype.name)

        h5.visititems(visit)
    return found


def arrays_in_archive(path):
    with zipfile.ZipFile(path) as archive, archive.open("model.weights.h5") as member:
        return arrays_in(member)


def same_state(one, other):
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert type(one.optimizer).__name__ == type(other.optimizer).__name__
    for a, b in zip(one.optimizer.variables, other.optimizer.variables, strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


def close(one, other):
    if isinstance(one, dict):
        one, other = list(one.values()), [other[key] for key in one]
    for a, b in zip(*((v if isinstance(v, list) else [v]) for v in (one, other)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


def without_leaks(call):
    """Without `training`, which Keras writes for calls that had none, and masks of tensors that have none."""
    nothing = {key for key, value in call["kwargs"].items() if not any(leaf is not None for leaf in leaves(value))}
    kept = {key: value for key, value in call["kwargs"].items() if key != "training" and key not in nothing}
    return {"args": call["args"], "kwargs": kept}


def leaves(value):
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return [value] if parts is None else [leaf for part in parts for leaf in leaves(part)]
