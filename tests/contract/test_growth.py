"""Long loops of calls take no memory, and what has been compiled is not compiled again."""

import gc
import os
import warnings

import jax
import numpy as np
import pytest

import plait

CALLS = int(os.environ.get("PLAIT_GROWTH_CALLS", "1500"))  # 100000 is the long form


def small_model():
    x = plait.Input((8,))
    h = plait.layers.Dense(16, activation="relu")(x)
    model = plait.Model(x, plait.layers.Dense(3)(plait.layers.Dropout(0.5)(h)))
    model.compile("adam", "mse", metrics=["mae"])
    return model


def live():
    """Objects that Python counts, and the bytes of JAX's arrays."""
    gc.collect()
    return len(gc.get_objects()), sum(array.nbytes for array in jax.live_arrays())


class Compilations:
    """How many programs JAX compiles while it is entered; `steps` are those of plait, the rest brings data to the device."""

    def __enter__(self):
        self.count = self.steps = 0
        jax.monitoring.register_event_duration_secs_listener(self._heard)
        return self

    def __exit__(self, *error):
        jax.monitoring.unregister_event_duration_listener(self._heard)

    def _heard(self, name, seconds, fun_name="", **_):
        compiled = name == "/jax/core/compile/backend_compile_duration"
        self.count += compiled
        self.steps += compiled and fun_name.startswith("jit(plait_")


LOOPS = {
    "call": lambda model, x, y: model(x),
    "training call": lambda model, x, y: model(x, training=True),
    "predict": lambda model, x, y: model.predict(x, verbose=0),
    "predict_on_batch": lambda model, x, y: model.predict_on_batch(x),
    "train_on_batch": lambda model, x, y: model.train_on_batch(x, y),
    "test_on_batch": lambda model, x, y: model.test_on_batch(x, y),
}


@pytest.mark.parametrize("kind", list(LOOPS))
def test_many_calls_take_no_memory(kind):
    model, once = small_model(), LOOPS[kind]
    x, y = np.ones((4, 8), "float32"), np.ones((4, 3), "float32")
    for _ in range(5):
        once(model, x, y)
    objects, size = live()
    with Compilations() as compilations:
        for _ in range(CALLS):
            once(model, x, y)
    more_objects, more_size = live()
    assert more_objects - objects < 100 and more_size - size < 4096
    assert compilations.count == 0


@pytest.mark.parametrize("kind", ["fit", "evaluate"])
def test_many_epochs_take_no_memory(kind):
    model = small_model()
    x, y = np.ones((10, 8), "float32"), np.ones((10, 3), "float32")
    run = model.fit if kind == "fit" else model.evaluate
    for _ in range(4):
        run(x, y, batch_size=4, verbose=0)
    objects, size = live()
    for _ in range(CALLS // 50):
        run(x, y, batch_size=4, verbose=0)
    more_objects, more_size = live()
    assert more_objects - objects < 100 and more_size - size < 4096


def test_a_second_fit_compiles_nothing():
    model = small_model()
    x, y = np.ones((70, 8), "float32"), np.ones((70, 3), "float32")

    def all_of_it(shift):
        rows = slice(0, 70)
        model.fit(x[rows] + shift, y[rows], batch_size=32, epochs=3, validation_data=(x, y), verbose=0)
        model.evaluate(x + shift, y, batch_size=32, verbose=0)
        model.predict(x + shift, batch_size=32, verbose=0)

    all_of_it(0.0)
    all_of_it(0.5)  # paces are known now
    with Compilations() as compilations:
        all_of_it(1.0)
    assert compilations.count == 0


def test_the_last_short_batch_is_one_program_more():
    model = small_model()
    x, y = np.ones((64, 8), "float32"), np.ones((64, 3), "float32")
    model.fit(x, y, batch_size=32, epochs=3, verbose=0)
    with Compilations() as compilations:
        model.fit(x[:50], y[:50], batch_size=32, epochs=3, verbose=0)
    steps = compilations.steps
    with Compilations() as compilations:
        model.fit(x[:50], y[:50], batch_size=32, epochs=3, verbose=0)
    assert compilations.count == 0 and steps == 2, "one for the other number of rows, one for the short batch"


def test_a_model_that_is_compiled_again_and_again_says_so():
    model = small_model()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for rows in range(1, 14):
            model(np.ones((rows, 8), "float32"))
    (warning,) = caught
    assert model.name in str(warning.message) and "float32[11, 8] to float32[12, 8]" in str(warning.message)


def test_a_few_shapes_are_no_reason_to_warn():
    model = small_model()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for rows in (1, 2, 32, 33, 1, 2):
            model.predict(np.ones((rows, 8), "float32"), verbose=0)
