"""`tf.GradientTape`: the gradients are those of jax.grad of the same Python function, and what leaves JAX has none."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import plait
from plait import layers, losses, ops
from plait.compat.tensorflow_tape import GradientTape
from plait.core.pure import pure
from plait.errors import ArgumentError, StateError

rng = np.random.default_rng(0)
ROWS = rng.normal(size=(6, 4)).astype("float32")
LABELS = rng.integers(0, 3, 6)
PICTURES = rng.normal(size=(4, 8, 8, 2)).astype("float32")
WORDS = rng.integers(0, 9, (5, 7))


def everything():
    """A functional model with most that matters: regularizers, statistics, draws, a loss from inside."""
    inputs = plait.Input((4,))
    x = layers.Dense(8, activation="relu", kernel_regularizer="l2", activity_regularizer="l1")(inputs)
    x = layers.Dropout(0.3)(layers.BatchNormalization()(x))
    return plait.Model(inputs, layers.Dense(3)(x))


def convolutional():
    inputs = plait.Input((8, 8, 2))
    x = layers.MaxPooling2D()(layers.Conv2D(4, 3, activation="relu")(inputs))
    x = layers.DepthwiseConv2D(2)(layers.Conv2DTranspose(3, 2, strides=2)(x))
    return plait.Model(inputs, layers.Dense(3)(layers.Flatten()(x)))


def recurrent():
    inputs = plait.Input((None,), dtype="int32")
    x = layers.Embedding(9, 4, mask_zero=True)(inputs)
    x = layers.GRU(3)(layers.Bidirectional(layers.LSTM(3, return_sequences=True))(x))
    return plait.Model(inputs, layers.Dense(3)(x))


def attentive():
    inputs = plait.Input((4,))
    x = layers.Reshape((2, 2))(inputs)
    x = layers.LayerNormalization()(layers.MultiHeadAttention(2, 2)(x, x) + x)
    return plait.Model(inputs, layers.Dense(3, activation="softmax")(layers.Flatten()(x)))


class Subclassed(plait.Model):
    def __init__(self):
        super().__init__()
        self.first, self.last, self.drop = layers.Dense(5, "tanh"), layers.Dense(3), layers.Dropout(0.5)

    def call(self, x, training=False):
        x = self.first(x)
        self.add_loss(0.1 * ops.mean(x**2))
        return self.last(self.drop(x, training=training))


def mixed():
    inputs = plait.Input((4,))
    x = layers.Dense(8, activation="gelu", dtype="mixed_bfloat16")(inputs)
    return plait.Model(inputs, layers.Dense(3, dtype="float32")(x))


MODELS = {
    "everything": (everything, ROWS),
    "convolutional": (convolutional, PICTURES),
    "recurrent": (recurrent, WORDS),
    "attentive": (attentive, ROWS),
    "subclassed": (Subclassed, ROWS),
    "mixed precision": (mixed, ROWS),
}


def loss_of(model, data):
    scores = model(data, training=True)
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)(LABELS[: len(data)], scores)
    return ops.mean(loss) + sum(model.losses) + 0.5 * jnp.sum(jnp.square(scores)) ** 0.5


def derived(function, variables, state):
    """Gradients of a function of no arguments by jax.grad; `state` is what it changes, which stays as it was."""
    rest = [variable for variable in state if all(variable is not other for other in variables)]
    stored = [variable.value for variable in rest]

    def loss(values):
        return pure(function, [*variables, *rest])([*values, *stored])[0]

    return jax.grad(loss)([variable.value for variable in variables])


def assert_close(found, expected, tolerance=1e-5):
    for mine, theirs in zip(found, expected, strict=True):
        scale = max(1e-3, float(np.abs(theirs).max()))
        np.testing.assert_allclose(np.asarray(mine) / scale, np.asarray(theirs) / scale, atol=tolerance)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("by_layer", [False, True])
def test_gradients_are_those_of_jax(name, by_layer):
    make, data = MODELS[name]
    model = make()
    model(data)
    model.run_eagerly = by_layer
    variables = model.trainable_variables
    expected = derived(lambda: loss_of(model, data), variables, model.variables)
    with GradientTape() as tape:
        loss = loss_of(model, data)
    assert_close(tape.gradient(loss, variables), expected, 2e-2 if name == "mixed precision" else 1e-5)


def test_the_classic_loop_trains_as_fit_does():
    """Statistics, seeds and the optimizer go on as in a step of `fit`."""
    weights = []
    for by_tape in (True, False):
        plait.utils.set_random_seed(1)
        model, optimizer = everything(), plait.optimizers.Adam(0.01)
        loss_function = losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer, loss_function)
        if by_tape:
            for _ in range(3):
                with GradientTape() as tape:
                    loss = loss_function(LABELS, model(ROWS, training=True))
                    loss += sum(model.losses)
                gradients = tape.gradient(loss, model.trainable_variables)
                optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        else:
            model.fit(ROWS, LABELS, batch_size=6, epochs=3, shuffle=False, verbose=0)
        weights.append(model.get_weights())
    assert all(isinstance(weight, np.ndarray) for weight in weights[0])
    assert_close(*weights, 1e-5)


def test_two_models_are_trained_against_each_other():
    generator = plait.Sequential([plait.Input((4,)), layers.Dense(5, "relu"), layers.Dense(3)])
    judge = plait.Sequential([plait.Input((3,)), layers.Dense(5, "relu"), layers.Dropout(0.2), layers.Dense(1)])
    cross_entropy = losses.BinaryCrossentropy(from_logits=True)

    def loss():
        return cross_entropy(np.ones((6, 1)), judge(generator(ROWS, training=True), training=True))

    expected = derived(loss, generator.trainable_variables, [*generator.variables, *judge.variables])
    with GradientTape(persistent=True) as tape:
        value = loss()
    assert_close(tape.gradient(value, generator.trainable_variables), expected)
    assert all(gradient is not None for gradient in tape.gradient(value, judge.trainable_variables))


def test_a_penalty_on_gradients_goes_through_two_tapes():
    judge = plait.Sequential([plait.Input((4,)), layers.Dense(5, "tanh"), layers.Dense(1)])
    mixed = jnp.asarray(ROWS)

    def penalty():
        return jnp.mean((jnp.linalg.norm(jax.grad(lambda x: jnp.sum(judge(x)))(mixed), axis=1) - 1) ** 2)

    expected = derived(penalty, judge.trainable_variables, judge.variables)
    with GradientTape() as outer:
        with GradientTape() as inner:
            inner.watch(mixed)
            scores = judge(mixed)
        gradients = inner.gradient(scores, mixed)
        loss = jnp.mean((jnp.linalg.norm(gradients, axis=1) - 1) ** 2)
    assert float(loss) == pytest.approx(float(penalty()), rel=1e-5)
    assert_close(outer.gradient(loss, judge.trainable_variables), expected)


def test_what_a_layer_saw_can_be_a_source():
    """As maps of what a class looks at are made."""
    inputs = plait.Input((8, 8, 2))
    features = layers.Conv2D(3, 3, name="features")(inputs)
    scores = layers.Dense(3)(layers.GlobalAveragePooling2D()(layers.ReLU()(features)))
    both = plait.Model(inputs, [features, scores])
    rest = plait.Model(features, scores)
    with GradientTape() as tape:
        seen, outputs = both(PICTURES)
        chosen = outputs[:, 1]
    expected = jax.grad(lambda x: jnp.sum(rest(x)[:, 1]))(jnp.asarray(np.asarray(seen)))
    np.testing.assert_allclose(tape.gradient(chosen, seen), expected, atol=1e-6)


def test_functions_that_use_a_watched_value_from_outside():
    weight, x = plait.Variable([2.0, 3.0]), jnp.array([1.0, -1.0])

    def loss(ready=lambda function: function):
        w = weight * 1.0
        scaled = ready(lambda x: x * w)(x)
        total, _ = jax.lax.scan(lambda carry, item: (carry + jnp.sum(item * w), None), 0.0, jnp.ones((3, 2)))
        chosen = jax.lax.cond(total > 0, lambda: w, lambda: -w)
        again = jax.checkpoint(lambda x: jnp.sin(x * w))(x)
        inner = jax.grad(lambda x: jnp.sum(jnp.sin(x * w)))(x)
        rows = jax.vmap(lambda row: row * w)(jnp.ones((2, 2)))
        return jnp.sum(scaled**2) + total + jnp.sum(chosen**3) + jnp.sum(again) + jnp.sum(inner) + jnp.sum(rows * rows)

    expected = derived(lambda: loss(jax.jit), [weight], [])
    for ready in (jax.jit, lambda function: function):
        with GradientTape() as tape:
            value = loss(ready)
        assert_close([tape.gradient(value, weight)], expected)


def test_own_derivatives_count():
    @jax.custom_vjp
    def reversed_gradient(x):
        return x * 1.0

    reversed_gradient.defvjp(lambda x: (x, None), lambda _, seed: (-seed,))
    x = plait.Variable([1.0, 2.0])
    with GradientTape() as tape:
        y = jnp.sum(reversed_gradient(x.value) ** 2) + jnp.sum(jax.nn.relu(x.value))
    assert tape.gradient(y, x).tolist() == [-1.0, -3.0]


def test_own_derivatives_of_hidden_values_are_refused():
    x = plait.Variable(2.0)
    with GradientTape():
        w = x * 1.0
        with pytest.raises(StateError, match="among its arguments"):
            hidden = jax.custom_vjp(lambda y: y * w)
            hidden.defvjp(lambda y: (y * w, None), lambda _, seed: (seed,))
            hidden(jnp.ones(()))


def test_what_is_not_connected_has_no_gradient():
    x, y, held = plait.Variable(2.0), plait.Variable(3.0), plait.Variable(4.0, trainable=False)
    constant = jnp.ones(())
    with GradientTape(persistent=True) as tape:
        tape.watch(constant)
        loss = x * held + float(y) + y.numpy() + np.asarray(constant * 2) + jax.lax.stop_gradient(constant * y)
        stopped = jax.lax.stop_gradient(constant) * 2 + jax.lax.stop_gradient(x.value)
        index = jnp.argmax(jnp.stack([x.value, y.value]))
    assert tape.gradient(loss, {"x": x, "rest": [y, held, constant]}) == {"x": 4.0, "rest": [None, None, None]}
    assert tape.gradient(stopped, [constant, x]) == [None, None]
    assert tape.gradient(index, [x, y]) == [None, None]
    assert tape.gradient(jnp.ones(()), [x]) == [None]
    assert tape.gradient(loss * 2, [x]) == [None]  # computed outside
    assert tape.gradient(loss, [x, y], unconnected_gradients="zero") == [4.0, 0.0]


def test_partly_connected_values_count_where_they_are():
    x = plait.Variable(2.0)
    with GradientTape() as tape:
        loss = x * x * float(x)
    assert float(tape.gradient(loss, x)) == 8.0  # of x * x, times a number


def test_plaits_own_numpy_in_the_block_is_an_error():
    lookup = layers.Discretization(bin_boundaries=[0.0, 1.0])
    x = plait.Variable([0.5, 2.0])
    with GradientTape():
        recorded = x * 1.0
        with pytest.raises(StateError, match="NumPy"):
            exec("import numpy; numpy.asarray(value)", {"value": recorded, "__name__": "plait.layers.somewhere"})
    assert lookup(recorded).shape == (2,)


def test_several_targets_and_outer_gradients():
    x = jnp.array([1.0, 2.0])
    with GradientTape(persistent=True) as tape:
        tape.watch(x)
        square, cube = x**2, x**3
    np.testing.assert_allclose(tape.gradient([square, cube], x), 2 * x + 3 * x**2, rtol=1e-6)
    np.testing.assert_allclose(tape.gradient(square, x, output_gradients=jnp.array([1.0, -1.0])), [2.0, -4.0])
    np.testing.assert_allclose(tape.gradient(cube, [x, x])[1], 3 * x**2, rtol=1e-6)
    with pytest.raises(ArgumentError, match="2 targets"):
        tape.gradient([square, cube], x, output_gradients=[jnp.ones(2)])


def test_intermediate_sources_leave_the_way_through_them_open():
    x = plait.Variable(3.0)
    with GradientTape() as tape:
        y = x * x
        z = y * x
    assert [float(gradient) for gradient in tape.gradient(z, [x, y])] == [27.0, 3.0]


def test_a_tape_that_is_not_persistent_is_used_once():
    x = plait.Variable(3.0)
    with GradientTape() as tape:
        y = x * x
    tape.gradient(y, x)
    with pytest.raises(StateError, match="persistent=True"):
        tape.gradient(y, x)


def test_gradients_inside_of_the_block():
    x = plait.Variable(3.0)
    with GradientTape(persistent=True) as tape:
        y = x * x
        inside = tape.gradient(y, x)
        z = y * inside
    assert float(inside) == 6.0
    assert float(tape.gradient(z, x)) == 36.0


def test_watching_only_what_is_asked_for():
    x, y = plait.Variable(3.0), plait.Variable(2.0)
    with GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        z = x * y
    assert tape.watched_variables() == (x,)
    assert tape.gradient(z, [x, y]) == [2.0, None]


def test_nothing_is_recorded_while_it_is_stopped():
    x = plait.Variable(3.0)
    with GradientTape(persistent=True) as tape:
        y = x * x
        with tape.stop_recording():
            z = y * x
        w = y * 2
    assert tape.gradient(z, x) is None
    assert float(tape.gradient(w, x)) == 12.0
    tape.reset()
    assert tape.gradient(w, x) is None


def test_a_variable_that_is_assigned_in_the_block():
    x, kept = plait.Variable(3.0), plait.Variable(0.0, trainable=False)
    with GradientTape() as tape:
        y = x * x
        kept.assign(y)
        x.assign(5.0)
        y += 2 * x
    assert float(tape.gradient(y, x)) == 8.0
    assert (float(kept), float(x)) == (9.0, 5.0)
    assert type(kept.value) is type(jnp.ones(()))


def test_an_input_that_its_owner_writes_over():
    x, data = plait.Variable(3.0), np.ones(2, "float32")
    with GradientTape() as tape:
        y = jnp.sum(x.value * data)
    data[:] = 7
    assert float(tape.gradient(y, x)) == 2.0


def test_values_stay_usable_after_the_block(tmp_path):
    x = plait.Variable(3.0)
    mean = plait.metrics.Mean()
    with GradientTape() as tape:
        y = x * x
        mean.update_state(y)
        assert y > 8 and bool(y)
    x.assign(y)
    mean.update_state(y)
    assert float(mean.result()) == 9.0
    assert f"{y:.2f}" == "9.00" and float(y) == y.item() == 9.0 and y.numpy() == 9.0
    assert jax.jit(lambda value: value + 1)(y) == 10.0
    assert float(jax.nn.relu(y) + jnp.stack([y, y]).sum()) == 27.0
    assert isinstance(y, jax.Array) and np.mean([y, y]) == 9.0
    assert float(x) == 9.0
    assert float(tape.gradient(y, x)) == 6.0


def test_wrong_uses_are_named():
    tape = GradientTape()
    with pytest.raises(StateError, match="isn't recording"):
        tape.watch(jnp.ones(()))
    with pytest.raises(StateError, match="nothing was recorded"):
        tape.gradient(jnp.ones(()), [])
    with pytest.raises(StateError, match="nothing to stop"), tape.stop_recording():
        pass
    with tape:
        with pytest.raises(ArgumentError, match=r"tf\.constant"):
            tape.watch(3.0)
        with pytest.raises(StateError, match="recording already"):
            tape.__enter__()
    with pytest.raises(StateError, match=r"jax\.jacobian"):
        tape.jacobian(None, None)


def test_an_exception_in_the_block_ends_the_recording():
    x = plait.Variable(3.0)
    with pytest.raises(ZeroDivisionError), GradientTape():
        1 / 0
    assert type(x * x) is type(jnp.ones(()))


def test_fit_and_other_programs_run_inside_of_a_block():
    model = everything()
    model.compile("sgd", losses.SparseCategoricalCrossentropy(from_logits=True))
    x = plait.Variable(3.0)
    with GradientTape() as tape:
        y = x * x
        model.fit(ROWS, LABELS, verbose=0)
        model.predict(ROWS, verbose=0)
        y += x
    assert float(tape.gradient(y, x)) == 7.0
    assert all(type(variable.value) is type(jnp.ones(())) for variable in model.variables)
