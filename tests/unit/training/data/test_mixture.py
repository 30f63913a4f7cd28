"""Tasks from different data sets: what comes when, what a step computes, and where it goes on."""

import jax
import numpy as np
import pytest

import plait
from plait import layers, multitask

RNG = np.random.default_rng(0)
A, B = RNG.normal(size=(24, 4)).astype("float32"), RNG.normal(size=(8, 4)).astype("float32")
SUM, KIND = A.sum(1, keepdims=True), (B[:, 0] > 0).astype("int32")
SETS = {"sum": (A, SUM), "kind": (B, KIND)}
LOSSES = {"sum": "mse", "kind": "sparse_categorical_crossentropy"}


def model(optimizer="adam", weights=None):
    plait.utils.set_random_seed(0)
    x = plait.Input((4,))
    h = layers.Dense(5, activation="tanh", name="trunk")(x)
    own = layers.BatchNormalization(name="norm")(layers.Dense(3, name="first")(h))
    outputs = {"sum": layers.Dense(1, name="s")(own), "kind": layers.Dense(2, activation="softmax", name="k")(h)}
    built = plait.Model(x, outputs, name="m")
    built.compile(optimizer, LOSSES, loss_weights=weights, metrics={"kind": ["accuracy"]})
    return built


def two_inputs():
    plait.utils.set_random_seed(0)
    a, b = plait.Input((4,), name="a"), plait.Input((4,), name="b")
    trunk = layers.Dense(5, activation="tanh", name="trunk")
    outputs = {"sum": layers.Dense(1, name="s")(trunk(a)), "kind": layers.Dense(2, activation="softmax")(trunk(b))}
    built = plait.Model({"a": a, "b": b}, outputs, name="m")
    built.compile("adam", LOSSES)
    return built


class Seen(plait.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.tasks = []

    def on_train_batch_end(self, batch, logs=None):
        self.tasks.append(next(iter(self.run.batch[1])))


def test_each_data_set_comes_once_and_both_tasks_are_learnt():
    built, seen = model(plait.optimizers.Adam(0.05)), Seen()
    history = built.fit(multitask.Mixture(SETS), batch_size=8, epochs=40, verbose=0, callbacks=[seen]).history
    assert all(sorted(seen.tasks[at : at + 4]) == ["kind", "sum", "sum", "sum"] for at in range(0, 160, 4))
    assert seen.tasks[:4] != seen.tasks[4:8] or seen.tasks[:4] != seen.tasks[8:12]
    assert history["sum_loss"][-1] < 0.3 * history["sum_loss"][0]
    assert history["kind_loss"][-1] < 0.5 * history["kind_loss"][0] and history["kind_accuracy"][-1] > 0.9


HOW_MANY = {
    "proportional": ({}, {"sum": 3, "kind": 1}),
    "equal": ({"sampling": "equal"}, {"sum": 3, "kind": 3}),
    "equal, shortest": ({"sampling": "equal", "stop": "shortest"}, {"sum": 1, "kind": 1}),
    "a temperature": ({"sampling": 2}, {"sum": 3, "kind": 2}),
    "weights": ({"sampling": {"sum": 1, "kind": 2}}, {"sum": 3, "kind": 6}),
    "weights, shortest": ({"sampling": {"sum": 2, "kind": 1}, "stop": "shortest"}, {"sum": 2, "kind": 1}),
}


@pytest.mark.parametrize("case", HOW_MANY)
def test_sampling_says_how_many_come_from_each(case):
    options, expected = HOW_MANY[case]
    seen = Seen()
    model().fit(multitask.Mixture(SETS, **options), batch_size=8, verbose=0, callbacks=[seen])
    assert {name: seen.tasks.count(name) for name in SETS} == expected


def test_a_step_moves_only_what_leads_to_its_task():
    built = model()
    before = {w.path: w.numpy() for w in built.weights}
    built.fit(multitask.Mixture({"kind": SETS["kind"]}), batch_size=8, epochs=3, verbose=0)
    built.fit(multitask.Mixture({"kind": SETS["kind"]}), batch_size=8, epochs=3, verbose=0)
    moved = {path for path, value in before.items() if not np.array_equal(value, _by_path(built)[path])}
    assert moved == {"trunk/kernel", "trunk/bias", "k/kernel", "k/bias"}
    slots = {v.path: v.numpy() for v in built.optimizer.variables if "first" in v.path or "norm" in v.path}
    assert slots and all((value == 0).all() for value in slots.values())


def _by_path(built):
    return {w.path: w.numpy() for w in built.weights}


def test_a_mixture_of_one_task_is_that_task_alone():
    built, alone = model(), model()
    built.fit(multitask.Mixture({"kind": SETS["kind"]}), batch_size=4, epochs=2, verbose=0, shuffle=False)
    single = plait.Model(alone.inputs, alone.get_layer("k").output)
    single.compile("adam", LOSSES["kind"])
    single.fit(B, KIND, batch_size=4, epochs=2, verbose=0, shuffle=False)
    for path in ("trunk/kernel", "k/kernel"):
        np.testing.assert_allclose(_by_path(built)[path], _by_path(alone)[path], rtol=1e-5)


def test_a_step_costs_what_its_task_costs_alone():
    def operations(y):
        built = model()
        built._compilation.take_parts(True)
        trainer = built._trainer
        trainer.prepare((A[:8], {"sum": SUM[:8], "kind": KIND}, None))
        weights, optimizer, metrics = (cell.tree for cell in trainer._cells)
        state = type(trainer).__init__.__globals__["State"](weights, optimizer, metrics)
        lowered = jax.jit(lambda state: trainer._train(state, (A[:8], y, None))).lower(state)
        return lowered.compile().cost_analysis()["flops"]

    both = operations({"sum": SUM[:8], "kind": KIND})
    assert operations({"kind": KIND}) < 0.8 * both


def test_inputs_of_other_tasks_are_not_needed():
    built = two_inputs()
    sets = {"sum": ({"a": A}, SUM), "kind": ({"b": B}, KIND)}
    history = built.fit(multitask.Mixture(sets), batch_size=8, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    found = built.evaluate(multitask.Mixture(sets), batch_size=8, verbose=0, return_dict=True)
    p = built.predict({"a": A, "b": np.zeros_like(A)}, verbose=0)
    assert found["sum_loss"] == pytest.approx(np.mean((p["sum"] - SUM) ** 2), rel=1e-5)


def test_validation_and_evaluation_see_each_data_set_once():
    built = model()
    mixed = multitask.Mixture(SETS, sampling="equal")
    history = built.fit(mixed, batch_size=8, verbose=0, validation_data=mixed).history
    p, q = built.predict(A, verbose=0)["sum"], built.predict(B, verbose=0)["kind"]
    found = built.evaluate(mixed, batch_size=8, verbose=0, return_dict=True)
    for told in (found, {name.removeprefix("val_"): values[0] for name, values in history.items() if "val_" in name}):
        assert told["sum_loss"] == pytest.approx(np.mean((p - SUM) ** 2), rel=1e-5)
        assert told["kind_loss"] == pytest.approx(-np.log(q[np.arange(8), KIND]).mean(), rel=1e-5)
    whole = built.evaluate(A, {"sum": SUM, "kind": np.zeros(24, "int32")}, verbose=0, return_dict=True)
    assert whole["sum_loss"] == pytest.approx(found["sum_loss"], rel=1e-5)
    with pytest.raises(plait.errors.ArgumentError, match="labels for 'kind' are missing"):
        built.fit(A, {"sum": SUM}, verbose=0)


class Batches(plait.utils.PyDataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        return A[index * 8 : index * 8 + 8], SUM[index * 8 : index * 8 + 8]


@pytest.mark.parametrize(
    "weights", [None, multitask.Uncertainty(), multitask.PCGrad(), multitask.PCGrad(at="features")]
)
def test_other_sources_sample_weights_and_weightings_go_with_it(weights):
    built = model(weights=weights)
    sets = {"sum": Batches(), "kind": (B, KIND, np.linspace(0, 1, 8))}
    history = built.fit(multitask.Mixture(sets), batch_size=4, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all() and np.isfinite(history["kind_loss"]).all()


@pytest.mark.parametrize("at", [1, 2])
def test_a_run_is_resumed(at, tmp_path):
    class Stop(plait.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == at:
                raise KeyboardInterrupt

    sets = multitask.Mixture(SETS, sampling={"sum": 2, "kind": 3})
    options = {"epochs": 3, "batch_size": 4, "verbose": 0, "seed": 5}
    whole, cut, resumed = model(), model(), model()
    whole.fit(sets, **options)
    with pytest.raises(KeyboardInterrupt):
        cut.fit(sets, resume=tmp_path, callbacks=[Stop()], **options)
    resumed.fit(sets, resume=tmp_path, **options)
    for first, second in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)


WRONG = {
    "no dict": (lambda: multitask.Mixture([A]), r"`datasets` must be a dict of data sets by output"),
    "sampling": (
        lambda: multitask.Mixture(SETS, sampling="even"),
        r"`sampling` must be 'proportional'.*but got 'even'",
    ),
    "shares": (lambda: multitask.Mixture(SETS, sampling={"sum": 1}), r"a number above 0 for each of 'sum', 'kind'"),
    "stop": (lambda: multitask.Mixture(SETS, stop="never"), r"`stop` must be 'longest' or 'shortest', but got 'never'"),
    "labels beside": (lambda: model().fit(multitask.Mixture(SETS), SUM, verbose=0), r"go with arrays only"),
    "no output": (lambda: model().fit(multitask.Mixture({"total": (A, SUM)}), verbose=0), r"'total' is no output"),
    "no length": (
        lambda: model().fit(multitask.Mixture({"sum": iter([(A, SUM)])}), verbose=0),
        r"isn't known how many batches 'sum' has",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_mixed_is_refused(case):
    make, message = WRONG[case]
    with pytest.raises((plait.errors.ArgumentError, plait.errors.DataError), match=message):
        make()
