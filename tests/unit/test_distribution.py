"""The same training on one device and on eight."""

import gc
import re
from collections import Counter
from functools import cache

import jax
import numpy as np
import pytest

import plait
from plait import distribution as d
from plait import layers
from plait.distribution.placement import on_devices, split_rows
from plait.training.data import ArraySource
from plait.training.step import State

pytestmark = pytest.mark.skipif(len(jax.devices()) < 8, reason="needs eight (virtual) devices")


def trained():
    plait.utils.set_random_seed(0)
    model = plait.Sequential(
        [plait.Input((8,)), layers.Dense(16, activation="relu", name="a"), layers.Dense(1, name="b")]
    )
    model.compile("adam", "mse")
    rng = np.random.default_rng(0)
    history = model.fit(rng.normal(size=(64, 8)), rng.normal(size=(64, 1)), batch_size=16, epochs=2, verbose=0)
    return model, history.history["loss"]


def close(one, other):
    np.testing.assert_allclose(one[1], other[1], rtol=1e-4)
    for a, b in zip(one[0].get_weights(), other[0].get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


def test_data_parallel_trains_the_same():
    alone = trained()
    with d.DataParallel().scope():
        spread = trained()
    close(alone, spread)
    assert len(spread[0].weights[0].value.sharding.device_set) == 8


def test_model_parallel_splits_weights_by_pattern():
    alone = trained()
    mesh = d.DeviceMesh((2, 4), ("batch", "model"))
    layouts = d.LayoutMap(mesh)
    layouts[".*a/kernel"] = (None, "model")
    with d.ModelParallel(layout_map=layouts).scope():
        spread = trained()
    close(alone, spread)
    kernel = spread[0].get_layer("a").kernel.value
    assert kernel.sharding.shard_shape(kernel.shape) == (8, 4)


def test_wrong_axes_are_said():
    with pytest.raises(ValueError, match=r"'modle' is no axis of the mesh: 'batch', 'model'\. Did you mean 'model'"):
        d.TensorLayout((None, "modle"), d.DeviceMesh((2, 4), ("batch", "model")))


FOUR = d.list_devices()[:4]
ROWS = 37


def by_pattern():
    """Weights split by hand over one axis, batches over the other."""
    layouts = d.LayoutMap(d.DeviceMesh((2, 2), ("batch", "model"), FOUR))
    layouts[".*dense.*/kernel"] = (None, "model")
    return d.ModelParallel(layout_map=layouts)


LAYOUTS = {
    "DataParallel": lambda: d.DataParallel(devices=FOUR),
    "FullySharded": lambda: d.FullySharded(devices=FOUR),
    "ModelParallel": by_pattern,
}


def network(width=64, optimizer="adam"):
    plait.utils.set_random_seed(5)
    inputs = plait.Input((8,))
    hidden = layers.BatchNormalization()(layers.Dense(width, activation="relu")(inputs))
    hidden = layers.Dropout(0.2)(layers.Dense(width, activation="relu")(hidden))
    model = plait.Model(inputs, layers.Dense(2, activation="softmax")(hidden))
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def everything(batch_size):
    """What a model tells when it is trained, evaluated and asked on batches of some size."""
    model, rng = network(), np.random.default_rng(0)
    x, y = rng.normal(size=(ROWS, 8)).astype("float32"), rng.integers(0, 2, ROWS)
    found = model.fit(x, y, batch_size=batch_size, epochs=2, verbose=0).history
    batches = (((x[at : at + batch_size], y[at : at + batch_size])) for at in range(0, ROWS, batch_size))
    found["batches"] = model.fit(batches, verbose=0).history["loss"]
    found["evaluate"] = model.evaluate(x, y, batch_size=batch_size, verbose=0)
    found["predict"] = model.predict(x, batch_size=batch_size, verbose=0)
    found["one"] = [*model.train_on_batch(x[:batch_size], y[:batch_size]), *model.test_on_batch(x[:3], y[:3])]
    found["own"] = model.predict(x, batch_size=batch_size, verbose=0, gather=False)
    return model, found


@cache
def alone_on(batch_size):
    """The same on one device."""
    return everything(batch_size)[1]


@pytest.mark.parametrize("batch_size", [3, 10])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_batches_that_devices_do_not_divide_are_exact(layout, batch_size):
    alone = alone_on(batch_size)
    plait.utils.clear_session()
    with LAYOUTS[layout]().scope():
        _, spread = everything(batch_size)
    for name, expected in alone.items():
        np.testing.assert_allclose(spread[name], expected, rtol=2e-5, atol=2e-5, err_msg=name)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_files_are_whole_and_read_into_their_places(layout, tmp_path):
    with LAYOUTS[layout]().scope():
        model, _ = everything(10)
        model.save(tmp_path / "model.keras")
        loaded = plait.saving.load_model(tmp_path / "model.keras")
        for ours, theirs in zip(loaded.weights, model.weights, strict=True):
            assert ours.value.sharding.is_equivalent_to(theirs.value.sharding, ours.value.ndim), ours.path
    alone = plait.saving.load_model(tmp_path / "model.keras")
    assert all(len(variable.value.sharding.device_set) == 1 for variable in alone.variables)
    for weights in (loaded.get_weights(), alone.get_weights()):
        for ours, theirs in zip(weights, model.get_weights(), strict=True):
            np.testing.assert_array_equal(ours, theirs)


def held_by(function):
    """The bytes of each device that a function's arrays take, and what it returns."""
    gc.collect()
    before = {id(array): array for array in jax.live_arrays()}
    result = function()
    gc.collect()
    held = Counter()
    for array in jax.live_arrays():
        if id(array) not in before:
            held.update({shard.device.id: shard.data.nbytes for shard in array.addressable_shards})
    return held, result


def test_fully_sharded_devices_hold_a_part():
    def train():
        model = network(512, plait.optimizers.AdamW(use_ema=True))
        model.fit(np.ones((12, 8), "float32"), np.ones(12), verbose=0)
        return model

    alone, _ = held_by(train)
    with d.FullySharded(devices=FOUR).scope():
        spread, model = held_by(train)
    assert len(spread) == 4
    assert max(spread.values()) <= 0.3 * alone[0]
    kernel = model.layers[3].kernel
    moments = [slot for slot in model.optimizer.variables if tuple(slot.shape) == kernel.shape]
    assert len(moments) == 3  # two of Adam's, and the moving average
    for variable in (kernel, *moments):
        assert variable.value.sharding.shard_shape(variable.shape) == (512, 128)


PER_ELEMENT = {"f32": 4, "s32": 4, "u32": 4, "pred": 1}


def collectives(model, x, y):
    """What a compiled step sends: for each kind of operation, the bytes of each piece."""
    trainer = model._trainer
    program = trainer.program("train_batch", trainer._train)
    state = State(*(cell.tree for cell in trainer._cells))
    values = [variable.value for variable in program._reader.variables]
    lowered = program._compiled.lower(values, state, (split_rows((x, y, None)),), {})
    sent = {}
    for shapes, kind in re.findall(
        r"= (.*?) (all-\w+|reduce-scatter|collective-permute)\(", lowered.compile().as_text()
    ):
        parts = re.findall(r"(\w+)\[([\d,]*)\]", shapes)
        bytes_ = sum(PER_ELEMENT[t] * int(np.prod([int(n) for n in dims.split(",") if n])) for t, dims in parts)
        sent.setdefault(kind, []).append(bytes_)
    return sent


def plain_network():
    model = plait.Sequential([plait.Input((8,)), *[layers.Dense(64, activation="relu") for _ in range(6)]])
    model.compile("adam", "mse", metrics=["mae"])
    return model


@pytest.mark.parametrize("rows", [16, 15])
def test_a_step_sends_all_gradients_in_one_piece(rows):
    x, y = np.ones((rows, 8), "float32"), np.ones((rows, 64), "float32")
    for layout in ("DataParallel", "FullySharded"):
        with LAYOUTS[layout]().scope():
            model = plain_network()
            model.train_on_batch(x, y)
            sent = collectives(model, x, y)
        weights = sum(4 * variable.size for variable in model.trainable_variables)
        assert len(sent.pop("all-reduce")) == 1
        if layout == "FullySharded":  # each kernel is put together once
            gathered = sent.pop("all-gather")
            assert sorted(gathered) == sorted(
                4 * layer.kernel.size for layer in model.layers if layer.kernel.size >= 1024
            )
        assert not sent, f"{layout} sends {sent} besides, of {weights} bytes of weights"


@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_dispatch_moves_data_or_state_between_devices(layout):
    x, y = np.ones((64, 8), "float32"), np.ones(64, "int32")
    with LAYOUTS[layout]().scope():
        model = network()
        model.fit(x, y, batch_size=10, epochs=2, verbose=0)
        batches = [(x[:12], y[:12])] * 3
        model.fit(iter(batches), verbose=0)
        data = ArraySource(x, y, batch_size=10)
        table, held = on_devices(data.table()[0]), data.on_device()
        trainer = model._trainer
        with jax.transfer_guard_device_to_device("disallow"):
            trainer.train_rows(held, table, 0, 3, looped=True)
            trainer.train_rows(held, table, 3, 2, looped=True)
            trainer.train_batch(split_rows((*batches[0], None)))


def test_the_plan_counts_what_is_held_and_sent():
    x, y = np.ones((16, 8), "float32"), np.ones((16, 64), "float32")
    for layout in ("DataParallel", "FullySharded"):
        with LAYOUTS[layout]().scope():
            model = plain_network()
            planned = next(share for share in d.plan(model, FOUR, 16).shares if share.layout == layout)
            model.train_on_batch(x, y)
            sent = collectives(model, x, y)
        places = {id(variable): variable.value for variable in (*model.variables, *model.optimizer.variables)}
        part = {key: array.addressable_shards[0].data.nbytes for key, array in places.items()}
        held = sum(part.values()) + sum(part[id(variable)] for variable in model.trainable_variables)  # gradients
        assert planned.held == pytest.approx(held, abs=16)  # the optimizer's counters
        on_ring = 2 * sum(sent["all-reduce"]) + sum(sent.get("all-gather", ()))
        assert planned.sent == pytest.approx(on_ring * 3 / 4, abs=64)  # the loss and the metrics
        assert planned.rows == 4


@pytest.mark.parametrize(
    "memory, suggested",
    [(None, "DataParallel"), (10**9, "DataParallel"), (200_000, "FullySharded"), (1, "FullySharded")],
)
def test_the_plan_suggests_what_fits(memory, suggested):
    with d.DataParallel(devices=FOUR).scope():
        model = plain_network()
    found = d.plan(model, 4, memory=memory)
    assert found.suggested == suggested
    assert str(found).count("<- suggested") == 1


def test_a_plan_needs_a_model_and_devices():
    with pytest.raises(plait.errors.StateError, match="isn't built, so its weights aren't known"):
        d.plan(plait.Sequential([layers.Dense(1)]))
    with pytest.raises(plait.errors.ArgumentError, match="`devices` must be one or more"):
        d.plan(plain_network(), 0)
