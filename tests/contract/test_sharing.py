"""No array that anyone else holds is deleted: (how an array was come by) x (what trains after); and two users at a time."""

import sys
import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import plait
from plait import layers, ops
from plait.core import cell

X = np.linspace(-1, 1, 24).reshape(8, 3).astype("float32")
Y = np.linspace(0, 1, 8).reshape(8, 1).astype("float32")


def small(optimizer="adam", dropout=0.0, **options):
    plait.utils.set_random_seed(3)
    x = plait.Input((3,))
    h = layers.BatchNormalization()(layers.Dense(4, name="first")(x))
    h = layers.Dropout(dropout)(h) if dropout else h
    model = plait.Model(x, layers.Dense(1, name="last")(h))
    model.compile(optimizer, "mse", metrics=["mae"], **options)
    return model


def trained(model):
    model.train_on_batch(X, Y)
    return model


# Each returns arrays that the caller holds; whoever made them is free to go on.
def by_value(model):
    return [variable.value for variable in model.variables]


def by_convert(model):
    return [ops.convert_to_tensor(variable) for variable in model.variables]


def by_jnp(model):
    return [jnp.asarray(variable) for variable in model.variables]


def by_functional(model):
    return list(plait.functional(model)[1].values())


def by_state_tree(model):
    return jax.tree.leaves(model.get_state_tree())


def by_rate(model):
    return [model.optimizer.learning_rate.value, ops.convert_to_tensor(model.optimizer.iterations)]


def by_optimizer_slots(model):
    return [variable.value for variable in model.optimizer.variables]


def by_metrics(model):
    return [variable.value for metric in model.metrics for variable in metric.variables]


def by_given_to_assign(model):
    given = [jnp.array(np.asarray(variable)) for variable in model.variables]
    for variable, value in zip(model.variables, given):
        variable.assign(value)
    return given


def by_what_assign_returned(model):
    return [variable.assign(np.asarray(variable)) for variable in model.variables]


def by_assign_to_another_model(model):
    other = small()
    for mine, theirs in zip(other.variables, model.variables):
        mine.assign(theirs)
    return [other]


def by_assign_from_another_model(model):
    other = small()
    for mine, theirs in zip(model.weights, other.weights):
        mine.assign(theirs)
    return [other]


def by_swapping_in_a_model(model):
    first, second = model.get_layer("first").bias, plait.Variable(np.ones(4, "float32"))
    second.assign(first), first.assign(second)
    return [second]


def by_learner(model):
    return jax.tree.leaves(plait.training.Learner(model, "sgd").state)


def by_shards(model):
    return [variable.value.addressable_shards[0].data for variable in model.variables]


def by_view(model):
    return [variable.value[...] for variable in model.variables]


def by_deepcopied_value(model):
    variable = plait.Variable(model.get_layer("first").kernel)
    return [variable, model.get_layer("first").kernel.value]


def by_a_call_that_returns_weights(model):
    class Gives(layers.Layer):
        def call(self, x):
            return model.get_layer("first").kernel

    return [plait.Sequential([plait.Input((3,)), Gives()])(X)]


COME_BY = {name.removeprefix("by_"): get for name, get in list(globals().items()) if name.startswith("by_")}


def run_learner(model):
    def error(state):
        outputs, state = learner.call(state, X)
        return jnp.mean((outputs - Y) ** 2), state

    learner = plait.training.Learner(model, "sgd")
    state, _ = plait.training.run(lambda state, batch: (learner.descend(state, error)[1], {}), learner.state, X)
    learner.keep(state)


def by_hand(model):
    gradients = [jnp.ones(v.shape, v.dtype) for v in model.trainable_variables]
    model.optimizer.apply(gradients, model.trainable_variables)


TRAINERS = {
    "fit": lambda model: model.fit(X, Y, batch_size=2, epochs=2, verbose=0),
    "one step a dispatch": lambda model: model.fit(X, Y, batch_size=2, epochs=2, verbose=0, callbacks=[Watches()]),
    "train_on_batch": lambda model: [model.train_on_batch(X, Y) for _ in range(3)],
    "optimizer.apply": by_hand,
    "training.run": run_learner,
    "another model with these layers": lambda model: sharing(model).fit(X, Y, batch_size=2, epochs=2, verbose=0),
}


class Watches(plait.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        pass


def sharing(model):
    other = plait.Model(model.input, layers.Dense(1)(model.get_layer("first").output))
    other.compile("adam", "mse")
    return other


def numbers(held):
    if isinstance(held, plait.Model):
        return [np.array(w) for w in held.get_weights()]
    return [np.array(held)]


@pytest.mark.parametrize("trainer", TRAINERS)
@pytest.mark.parametrize("how", COME_BY)
def test_an_array_that_somebody_holds_stays(how, trainer):
    model = trained(small())
    held = COME_BY[how](model)
    before = [number for item in held for number in numbers(item)]
    weights = model.get_weights()
    TRAINERS[trainer](model)
    if trainer != "training.run" or how != "rate":
        assert any(not np.array_equal(a, b) for a, b in zip(weights, model.get_weights())), "nothing was trained"
    after = [number for item in held for number in numbers(item)]
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("make", [lambda v: v.assign, lambda v: plait.Variable], ids=["assign", "Variable"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_an_array_of_numpy_that_is_changed_later_changes_no_variable(make, dtype):
    given = np.ones(4096, dtype)  # large enough that JAX would take its memory over
    variable = plait.Variable(np.zeros(4096, "float32"))
    result = make(variable)(given)
    variable = result if isinstance(result, plait.Variable) else variable
    tensor = ops.convert_to_tensor(given)
    given[:] = 7
    assert variable.numpy().max() == 1 and np.asarray(tensor).max() == 1


def test_nothing_is_copied_where_nobody_holds_anything():
    """After the first step, a step takes the arrays that the one before made, and no others."""
    from plait.core import cell

    model = trained(small())
    copies = []
    original = cell.copied
    cell.copied = lambda value: copies.append(value) or original(value)
    try:
        model.train_on_batch(X, Y)
        copies.clear()
        model.fit(X, Y, batch_size=2, epochs=2, verbose=0)
        model.get_weights(), model.evaluate(X, Y, verbose=0), model.predict(X, verbose=0)
        model.fit(X, Y, batch_size=2, epochs=2, verbose=0, callbacks=[Watches()])
        assert not copies
        kept = model.get_layer("first").kernel.value
        model.train_on_batch(X, Y)
        assert len(copies) == 1 and not kept.is_deleted()
    finally:
        cell.copied = original


# --- moving averages --------------------------------------------------------------------------------------------------


def after_steps(model, steps, optimizer):
    """The averages and weights of a loop written by hand, from the gradients of plain JAX."""
    call, weights = plait.functional(model, return_state=True)
    names = [v.path for v in model.trainable_variables]
    averages = None
    for _ in range(steps):

        def loss(part, weights=weights):
            out, after = call({**weights, **part}, X, training=True)
            return jnp.mean((out - Y) ** 2), after

        gradients, after = jax.grad(loss, has_aux=True)({name: weights[name] for name in names})
        part = {name: weights[name] - 0.1 * gradients[name] for name in names}
        weights = {**after, **part}
        averages = part if averages is None else {n: 0.5 * averages[n] + 0.5 * part[n] for n in names}
    return averages, weights


@pytest.mark.parametrize("then", ["fit", "train_on_batch", "swap"])
def test_averages_of_weights_go_on_after_a_fit(then):
    optimizer = plait.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5)
    model = small(optimizer)
    expected, _ = after_steps(model, 3, optimizer)
    callbacks = [plait.callbacks.SwapEMAWeights(swap_on_epoch=True)] if then == "swap" else []
    model.fit(X, Y, batch_size=8, epochs=3, shuffle=False, verbose=0, callbacks=callbacks)
    for variable in model.trainable_variables:
        np.testing.assert_allclose(variable, expected[variable.path], rtol=1e-4, atol=1e-5)
    for _ in range(2):
        if then == "train_on_batch":
            model.train_on_batch(X, Y)
        else:
            model.fit(X, Y, batch_size=8, epochs=2, verbose=0, callbacks=callbacks)
    assert all(np.isfinite(w).all() for w in model.get_weights())


# --- two users at a time ----------------------------------------------------------------------------------------------


def test_evaluate_in_a_batch_callback_leaves_the_epoch_alone():
    class Evaluates(plait.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.evaluate(X[:2], Y[:2], verbose=0)
            self.model.test_on_batch(X[:2], Y[:2])

    plain, watched = small("sgd"), small("sgd")
    options = {"batch_size": 2, "epochs": 3, "verbose": 0, "shuffle": False}
    expected = plain.fit(X, Y, callbacks=[Watches()], **options).history
    found = watched.fit(X, Y, callbacks=[Evaluates()], **options).history
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-6)


def test_metrics_hold_the_results_of_an_evaluation_by_itself():
    model = trained(small())
    found = model.evaluate(X, Y, verbose=0, return_dict=True)
    for name, value in model.get_metrics_result().items():
        assert float(value) == pytest.approx(found[name])


def whole_steps(model, seen, count):
    """Trains on one batch again and again; `seen` are outputs somebody computed meanwhile: each of a whole step."""
    twin = small("sgd")
    allowed = [np.asarray(twin(X))]
    for _ in range(count):
        twin.train_on_batch(X, Y)
        allowed.append(np.asarray(twin(X)))
    for output in seen:
        assert min(np.abs(output - one).max() for one in allowed) < 1e-5, "the outputs of no whole step"


@pytest.mark.parametrize("how", ["generator", "pydataset", "callback", "thread"])
def test_a_model_predicts_while_it_is_trained(how):
    model, seen, steps = small("sgd"), [], 12
    trunk = plait.Model(model.input, model.get_layer("first").output)

    def look():
        seen.append(np.asarray(model.predict_on_batch(X)))
        seen.append(model.predict(X, verbose=0))
        assert np.isfinite(np.asarray(trunk(X))).all()

    class Looks(plait.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            look()

    def generate():
        while True:
            look()
            yield X, Y

    class Data(plait.utils.PyDataset):
        def __len__(self):
            return steps

        def __getitem__(self, index):
            look()
            return X, Y

    if how == "generator":
        model.fit(generate(), steps_per_epoch=steps, verbose=0)
    elif how == "pydataset":
        model.fit(Data(workers=2, use_multiprocessing=False), verbose=0)
    elif how == "callback":
        model.fit(X, Y, batch_size=8, epochs=steps, verbose=0, callbacks=[Looks()])
    else:
        stop = threading.Event()
        failures = []

        def go_on():
            try:
                while not stop.is_set():
                    look()
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=go_on) for _ in range(2)]
        for thread in threads:
            thread.start()
        model.fit(X, Y, batch_size=8, epochs=steps, verbose=0)
        stop.set()
        for thread in threads:
            thread.join()
        assert not failures, failures
    assert seen
    whole_steps(model, seen, steps)


def test_a_generator_may_fill_one_array_anew_for_each_batch():
    """The step may still be reading when the generator goes on."""
    wide = np.random.default_rng(0).normal(size=(6, 256, 256)).astype("float32")

    def fresh():
        for batch in wide:
            yield batch.copy(), batch[:, :1].copy()

    def reused():
        x, y = np.empty((256, 256), "float32"), np.empty((256, 1), "float32")
        for batch in wide:
            x[:], y[:] = batch, batch[:, :1]
            yield x, y

    def run(data):
        plait.utils.set_random_seed(0)
        model = plait.Sequential([plait.Input((256,)), layers.Dense(256, activation="relu"), layers.Dense(1)])
        model.compile("sgd", "mse")
        losses = model.fit(data(), steps_per_epoch=6, verbose=0).history["loss"]
        inputs = (x for x, _ in data())
        return losses, model.predict(inputs, verbose=0)

    (losses, outputs), (other_losses, other_outputs) = run(fresh), run(reused)
    assert losses == other_losses
    np.testing.assert_array_equal(outputs, other_outputs)


def test_the_array_given_to_a_call_may_be_filled_anew_at_once():
    model = plait.Sequential([plait.Input((512,)), *(layers.Dense(512) for _ in range(8))])
    x = np.ones((512, 512), "float32")
    expected = np.asarray(model(x))
    for _ in range(5):
        found = model(x)
        x[:] = 0
        np.testing.assert_array_equal(found, expected)
        x[:] = 1


def test_eight_threads_that_predict_have_the_numbers_of_one():
    model = trained(small())
    expected = model.predict(X, verbose=0)
    found = [None] * 8

    def run(index):
        found[index] = [model.predict(X, verbose=0) for _ in range(5)] + [np.asarray(model(X))]

    threads = [threading.Thread(target=run, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for outputs in found:
        for output in outputs:
            np.testing.assert_allclose(output, expected, rtol=1e-6)


def test_eight_threads_meet_at_the_first_call_of_a_model_without_weights():
    class Late(plait.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(3)

        def call(self, x):
            return self.dense(x)

    model, found, failures = Late(), [], []

    def run():
        try:
            found.append(np.asarray(model(X)))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(model.weights) == 2
    for output in found:
        np.testing.assert_allclose(output, found[0], rtol=1e-6)


def test_a_second_thread_that_fits_shared_weights_is_refused():
    model, other = small(), None
    other = sharing(model)
    errors = []

    class Starts(plait.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            def run():
                for train in (lambda: other.fit(X, Y, verbose=0), lambda: other.train_on_batch(X, Y)):
                    try:
                        train()
                    except plait.errors.StateError as error:
                        errors.append(str(error))

            thread = threading.Thread(target=run)
            thread.start()
            thread.join()

    model.fit(X, Y, epochs=2, verbose=0, callbacks=[Starts()])
    assert len(errors) == 4 and all("first/kernel" in error and model.name in error for error in errors)
    other.fit(X, Y, verbose=0)


def test_threads_that_train_on_batches_go_one_after_the_other():
    model, twin = small("sgd"), small("sgd")
    for _ in range(24):
        twin.train_on_batch(X, Y)

    def run():
        for _ in range(6):
            model.train_on_batch(X, Y)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert int(model.optimizer.iterations) == 24
    for mine, theirs in zip(model.get_weights(), twin.get_weights()):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)


def test_two_threads_whose_losses_read_each_others_weights_end():
    """Mutual learning: each step would wait for the arrays that the other one is about to replace."""
    first, second = small("sgd"), small("sgd")

    def near(other):
        return lambda y, p: ops.mean(ops.square(y - p)) + 0.01 * ops.sum(ops.square(other.get_layer("first").kernel))

    for model, other in ((first, second), (second, first)):
        model.compile("sgd", near(other))

    def run(model):
        for _ in range(50):
            model.train_on_batch(X, Y)

    threads = [threading.Thread(target=run, args=(model,), daemon=True) for model in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [int(model.optimizer.iterations) for model in (first, second)] == [50, 50]


def test_models_that_share_layers_are_trained_in_turn():
    model = small("sgd")
    other = sharing(model)
    for _ in range(3):
        model.train_on_batch(X, Y)
        other.train_on_batch(X, Y)
        assert np.isfinite(model.evaluate(X, Y, verbose=0)).all()
    before = model.get_layer("first").kernel.numpy()

    class Trains(plait.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            other.train_on_batch(X, Y)

    model.fit(X, Y, batch_size=2, epochs=2, verbose=0, callbacks=[Trains()])
    assert int(other.optimizer.iterations) == 3 + 8 and int(model.optimizer.iterations) == 3 + 8
    assert not np.array_equal(before, model.get_layer("first").kernel.numpy())


def test_an_array_read_while_a_step_takes_its_cells_stays(monkeypatch):
    """A step copies what is held cell by cell; who reads from the first one meanwhile must not get the step's own copy."""
    a, b = plait.Variable(1.0), plait.Variable(2.0)
    held, found = [a.value, b.value], []
    copied = cell.copied

    def copied_while_another_reads(value):
        if value is held[1]:
            reader.start()
            reader.join(0.2)  # in vain where the reader waits for the step
        return copied(value)

    reader = threading.Thread(target=lambda: found.append(a.value))
    monkeypatch.setattr(cell, "copied", copied_while_another_reads)
    cells = [a._cell, b._cell]
    assert cell.take(cells)
    for taken in cells:
        old, taken.tree = taken.tree, [array + 1 for array in taken.tree]
        for array in old:
            array.delete()
    cell.give_back(cells)
    reader.join()
    assert float(found[0]) == 2.0


def test_a_reader_outlasts_any_number_of_steps_of_another_thread():
    variable = plait.Variable(1.0)
    reader, began = cell.Reader([variable]), threading.Event()
    held = variable._cell
    held.taker = -1  # another thread's step is under way, and the next one begins whenever one ends
    found = []

    def read():
        began.set()
        found.append(reader.begin()[0])

    thread = threading.Thread(target=read)
    thread.start()
    began.wait()
    for _ in range(sys.getrecursionlimit()):
        with cell._changed:
            waiting = len(cell._changed._waiters)
            cell._changed.notify_all()
        while waiting and not cell._changed._waiters and thread.is_alive():
            pass
    cell.give_back([held])
    thread.join()
    assert [float(value) for value in found[0]] == [1.0]
