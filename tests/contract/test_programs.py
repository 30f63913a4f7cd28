"""Programs take in all that they read, and follow what changes between two calls: (who reads) x (entry point).

Each case is a reader: something that a model's program looks at, made anew, with a way to change it. Each entry point
returns numbers that depend on it. The number after the change must be the one that a new model, made with the changed
value from the start, has for the same weights.
"""

from collections import OrderedDict, defaultdict, deque

import numpy as np
import pytest

import plait
from plait import layers, ops

X = np.linspace(-1, 1, 24).reshape(8, 3).astype("float32")
Y = np.linspace(0, 1, 8).reshape(8, 1).astype("float32")


def graph(*between, loss="mse", optimizer=None, metrics=None, model=plait.Model, first=(), **options):
    """A small model with some layers in it, the same weights each time; `first` are options of its first layer."""
    x = plait.Input((3,))
    h = layers.Dense(4, kernel_initializer="ones", name="first", **dict(first))(x)
    for layer in between:
        h = layer(h)
    made = model(x, layers.Dense(1, kernel_initializer="ones", name="last")(h))
    made.compile(optimizer or plait.optimizers.SGD(0.1), loss, metrics=metrics, **options)
    return made


class Scale(layers.Layer):
    """A layer that reads something it doesn't own."""

    def __init__(self, read):
        super().__init__()
        self.read = [read]  # in a list, and so a method: whatever it reads is not an attribute of the layer

    def call(self, x):
        return x * self.read[0]()


class Settable(layers.Layer):
    """A layer of the user's with a plain setting."""

    factor = 1.0

    def call(self, x):
        return x * self.factor


class OwnLoss(plait.losses.Loss):
    factor = 1.0

    def call(self, y, p):
        return self.factor * ops.mean(ops.square(y - p), axis=-1)


class OwnMetric(plait.metrics.Mean):
    factor = 1.0

    def update_state(self, y, p, sample_weight=None):
        return super().update_state(self.factor * ops.mean(ops.square(p)))


class PlainLoss:
    """A callable object of no class of plait's."""

    factor = 1.0
    __name__ = "plain_loss"

    def __call__(self, y, p):
        return self.factor * ops.mean(ops.square(y - p), axis=-1)


class OwnTrainStep(plait.Model):
    """A step of the user's, in Keras's form for JAX, whose loss reads a variable that nobody owns."""

    def train_step(self, state, data):
        import jax

        trainable, rest, optimizer, metrics = state
        x, y = data

        def compute(trainable, rest):
            out, rest = self.stateless_call(trainable, rest, x, training=True)
            return self.reader() * ops.mean(ops.square(y - out)), rest

        (loss, rest), gradients = jax.value_and_grad(compute, has_aux=True)(trainable, rest)
        trainable, optimizer = self.optimizer.stateless_apply(optimizer, gradients, trainable)
        return {"loss": loss}, (trainable, rest, optimizer, metrics)

    def test_step(self, state, data):
        trainable, rest, metrics = state
        out, rest = self.stateless_call(trainable, rest, data[0], training=False)
        return {"loss": self.reader() * ops.mean(ops.square(data[1] - out))}, (trainable, rest, metrics)


def variable_case(build):
    """A case of a variable that nobody owns: from `build(variable)` to a model."""

    def make():
        variable = plait.Variable(1.0, name="outside")
        return build(variable), lambda: variable.assign(3.0)

    return make


def setting_case(build, name, value, before=None):
    """A case of an attribute: from `build()` to (model, object), the attribute's name and its new value."""

    def make():
        model, owner = build()
        if before is not None:
            setattr(owner, name, before)
        return model, lambda: setattr(owner, name, value)

    return make


def with_layer(layer, **options):
    return graph(layer, **options), layer


def with_own(kind, owner):
    return graph(**{kind: [owner] if kind == "metrics" else owner}), owner


def scaled_loss(variable):
    return lambda y, p: variable * ops.mean(ops.square(y - p), axis=-1)


def reading(model, variable):
    model.reader = lambda: variable.value
    return model


class Regularized(plait.regularizers.Regularizer):
    def __init__(self, read):
        self.read = read

    def __call__(self, x):
        return self.read() * ops.sum(ops.square(x))


class Constrained(plait.constraints.Constraint):
    def __init__(self, read):
        self.read = read

    def __call__(self, w):
        return w * self.read()


class ReadingMetric(plait.metrics.Mean):
    def __init__(self, read):
        super().__init__(name="reading")
        self.read = read

    def update_state(self, y, p, sample_weight=None):
        return super().update_state(self.read() * ops.mean(ops.square(p)))


def frozen_net(variable_of):
    """A perceptual loss: a frozen model inside another one's loss; `variable_of(net)` is what changes."""

    def make():
        net = plait.Sequential([plait.Input((1,)), layers.Dense(2, kernel_initializer="ones", name="seen")])
        net.trainable = False
        model = graph(loss=lambda y, p: ops.mean(ops.square(net(y) - net(p)), axis=-1))
        return model, lambda: variable_of(net).assign(variable_of(net) * 3.0)

    return make


def annealed_weight():
    weight = plait.Variable(1.0)
    return graph(loss_weights=[weight]), lambda: weight.assign(3.0)


def closure_number():
    factor = [1.0]
    return graph(loss=lambda y, p: factor[0] * ops.mean(ops.square(y - p), axis=-1)), lambda: factor.__setitem__(0, 3.0)


class Slotted:
    __slots__ = ("factor",)

    def __init__(self):
        self.factor = 1.0


def kept_in(container, read, change):
    """A factor of the loss that lies in a container: how it is read from it, and how it becomes 3."""

    def make():
        held = container()
        loss = scaled_loss_of(lambda: read(held))
        return graph(loss=loss), lambda: change(held)

    return make


def scaled_loss_of(factor):
    return lambda y, p: factor() * ops.mean(ops.square(y - p), axis=-1)


def of_module(value, read):
    """A factor of the loss that a global of this module leads to; `value` makes what the global is before and after."""

    def make():
        globals()["of_the_module"] = value(1.0)
        return graph(loss=scaled_loss_of(read)), lambda: globals().update(of_the_module=value(3.0))

    return make


of_the_module = None  # what the cases of globals set


def of_the_module_by_a_helper():
    return of_the_module


class ReadsModule(layers.Layer):
    def call(self, x):
        return x * of_the_module


def module_of_a_layer():
    globals()["of_the_module"] = 1.0
    return graph(ReadsModule()), lambda: globals().update(of_the_module=3.0)


def entry_of_a_global_dict():
    globals()["of_the_module"] = held = {"factor": 1.0}
    return graph(loss=scaled_loss_of(lambda: of_the_module["factor"])), lambda: held.update(factor=3.0)


def layer_of_a_global_net():
    slope = layers.LeakyReLU(0.1)
    globals()["of_the_module"] = plait.Sequential([plait.Input((1,)), slope])
    loss = scaled_loss_of(lambda: ops.sum(of_the_module(-np.ones((1, 1)))))
    return graph(loss=loss), lambda: setattr(slope, "negative_slope", 0.9)


def class_attribute():
    class Layer(layers.Layer):
        factor = 1.0

        def call(self, x):
            return x * self.factor

    return graph(Layer()), lambda: setattr(Layer, "factor", 3.0)


def other_key(held):
    held["c"] = held.pop("a")


def rate_variable():
    """A learning rate that a function reads from a variable."""
    rate = plait.Variable(0.1)
    return graph(optimizer=plait.optimizers.SGD(lambda: rate.value)), lambda: rate.assign(0.3)


class Rate(plait.optimizers.schedules.LearningRateSchedule):
    def __init__(self, read):
        self.read = read

    def __call__(self, step):
        return self.read()

    def get_config(self):
        return {}


def schedule_variable():
    rate = plait.Variable(0.1)
    return graph(optimizer=plait.optimizers.SGD(Rate(lambda: rate.value))), lambda: rate.assign(0.3)


def optimizer_setting(name, value, **options):
    def make():
        optimizer = plait.optimizers.SGD(0.1, **options)
        return graph(optimizer=optimizer), lambda: setattr(optimizer, name, value)

    return make


def late_regularizer():
    model = graph()
    return model, lambda: setattr(model.get_layer("first"), "kernel_regularizer", plait.regularizers.L2(0.5))


def regularizer_factor():
    model = graph(first={"kernel_regularizer": plait.regularizers.L2(0.1)})
    return model, lambda: setattr(model.get_layer("first").kernel_regularizer, "l2", 0.7)


OUTPUTS, LOSSES, TRAINING = "call predict predict_on_batch", "evaluate test_on_batch", "fit train_on_batch"
ALL = f"{OUTPUTS} {LOSSES} {TRAINING}"

# What reads or is set; the entry points that depend on it.
CASES = {
    "a layer reads a variable": (variable_case(lambda v: graph(Scale(lambda: v.value))), ALL),
    "a Lambda reads a variable": (variable_case(lambda v: graph(layers.Lambda(lambda x: x * v))), ALL),
    "a loss function reads a variable": (variable_case(lambda v: graph(loss=scaled_loss(v))), f"{LOSSES} {TRAINING}"),
    "a loss weight is a variable": (annealed_weight, f"{LOSSES} {TRAINING}"),
    "a regularizer reads a variable": (
        variable_case(lambda v: graph(first={"kernel_regularizer": Regularized(lambda: v.value)})),
        f"{LOSSES} {TRAINING}",
    ),
    "a constraint reads a variable": (
        variable_case(lambda v: graph(first={"kernel_constraint": Constrained(lambda: v.value)})),
        TRAINING,
    ),
    "a metric reads a variable": (variable_case(lambda v: graph(metrics=[ReadingMetric(lambda: v.value)])), LOSSES),
    "a frozen net in a loss": (frozen_net(lambda net: net.weights[0]), f"{LOSSES} {TRAINING}"),
    "a train_step reads a variable": (
        variable_case(lambda v: reading(graph(model=OwnTrainStep), v)),
        f"evaluate {TRAINING}",
    ),
    "a rate function reads a variable": (rate_variable, TRAINING),
    "a schedule reads a variable": (schedule_variable, TRAINING),
    "a number in a loss's closure": (closure_number, f"{LOSSES} {TRAINING}"),
    "a number of a loss's module": (of_module(float, lambda: of_the_module), f"{LOSSES} {TRAINING}"),
    "a number that a comprehension names": (
        of_module(float, lambda: sum(of_the_module for _ in range(2))),
        f"{LOSSES} {TRAINING}",
    ),
    "a number that was None": (
        of_module(lambda n: None if n == 1.0 else n, lambda: 1.0 if of_the_module is None else of_the_module),
        f"{LOSSES} {TRAINING}",
    ),
    "an array of a loss's module": (of_module(ops.convert_to_tensor, lambda: of_the_module), f"{LOSSES} {TRAINING}"),
    "a number that a helper names": (of_module(float, lambda: of_the_module_by_a_helper()), f"{LOSSES} {TRAINING}"),
    "a function of a loss's module": (of_module(lambda n: lambda: n, lambda: of_the_module()), f"{LOSSES} {TRAINING}"),
    "a dict of a loss's module": (entry_of_a_global_dict, f"{LOSSES} {TRAINING}"),
    "a net of a loss's module": (layer_of_a_global_net, f"{LOSSES} {TRAINING}"),
    "a number of a layer's module": (module_of_a_layer, ALL),
    "an attribute of a layer's class": (class_attribute, ALL),
    "a dict with defaults": (
        kept_in(lambda: defaultdict(float, a=1.0), lambda d: d["a"], lambda d: d.update(a=3.0)),
        f"{LOSSES} {TRAINING}",
    ),
    "an ordered dict": (
        kept_in(lambda: OrderedDict(a=1.0), lambda d: d["a"], lambda d: d.update(a=3.0)),
        f"{LOSSES} {TRAINING}",
    ),
    "a dict's key": (kept_in(lambda: {"a": 3.0}, lambda d: d.get("c", 1.0), other_key), f"{LOSSES} {TRAINING}"),
    "a deque": (kept_in(lambda: deque([1.0]), lambda d: d[0], lambda d: d.appendleft(3.0)), f"{LOSSES} {TRAINING}"),
    "a slot": (
        kept_in(Slotted, lambda thing: thing.factor, lambda thing: setattr(thing, "factor", 3.0)),
        f"{LOSSES} {TRAINING}",
    ),
    "a layer's activation": (
        setting_case(lambda: with_layer(layers.Dense(4, kernel_initializer="ones")), "activation", ops.tanh),
        ALL,
    ),
    "a slope": (setting_case(lambda: with_layer(layers.LeakyReLU(0.1)), "negative_slope", 0.9), ALL),
    "a layer's own attribute": (setting_case(lambda: with_layer(Settable()), "factor", 3.0), ALL),
    "a regularizer's factor": (regularizer_factor, f"{LOSSES} {TRAINING}"),
    "a regularizer set on a built layer": (late_regularizer, f"{LOSSES} {TRAINING}"),
    "a Loss's attribute": (setting_case(lambda: with_own("loss", OwnLoss()), "factor", 3.0), f"{LOSSES} {TRAINING}"),
    "a plain object's attribute": (
        setting_case(lambda: with_own("loss", PlainLoss()), "factor", 3.0),
        f"{LOSSES} {TRAINING}",
    ),
    "a Metric's attribute": (setting_case(lambda: with_own("metrics", OwnMetric()), "factor", 3.0), LOSSES),
    "an optimizer's momentum": (optimizer_setting("momentum", 0.9, momentum=0.5), TRAINING),
    "momentum where there was none": (optimizer_setting("momentum", 0.9), TRAINING),
    "an optimizer's clipnorm": (optimizer_setting("clipnorm", 0.01), TRAINING),
    "an optimizer's weight decay": (optimizer_setting("weight_decay", 0.5), TRAINING),
    "a dropout's rate, raised from 0": (
        setting_case(lambda: with_layer(layers.Dropout(0.0, seed=1)), "rate", 1.0),
        TRAINING,
    ),
}


def enter(model, entry):
    """What an entry point computes, as flat numbers. Those that train report the weights."""
    if entry == "call":
        return np.asarray(model(X)).ravel()
    if entry in ("predict", "predict_on_batch"):
        options = {"verbose": 0} if entry == "predict" else {}
        return np.asarray(getattr(model, entry)(X, **options)).ravel()
    if entry == "evaluate":
        return np.atleast_1d(np.asarray(model.evaluate(X, Y, verbose=0)))
    if entry == "test_on_batch":
        return np.atleast_1d(np.asarray(model.test_on_batch(X, Y)))
    if entry == "fit":
        model.fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    else:
        model.train_on_batch(X, Y)
        model.train_on_batch(X, Y)
    return np.concatenate([np.ravel(w) for w in model.get_weights()])


PAIRS = [(who, entry) for who, (_, entries) in CASES.items() for entry in entries.split()]


@pytest.mark.parametrize("who, entry", PAIRS, ids=[f"{who}-{entry}" for who, entry in PAIRS])
def test_a_change_is_seen_by_the_next_call(who, entry):
    make = CASES[who][0]
    model, change = make()
    start = model.get_weights()
    before = enter(model, entry)
    model.set_weights(start)
    for variable in model.optimizer.variables[2:]:
        variable.assign(np.zeros(variable.shape, variable.dtype))
    change()
    after = enter(model, entry)

    fresh, change = make()
    change()
    expected = enter(fresh, entry)
    assert not np.allclose(before, expected, atol=1e-6), "the change makes no difference, so the case tests nothing"
    np.testing.assert_allclose(after, expected, rtol=1e-5, atol=1e-6)


# --- what calls assign ------------------------------------------------------------------------------------------------


def counting(where):
    """A model, and a variable that nobody owns and that is counted up once a step: in a layer or in the loss."""
    count = plait.Variable(0.0, name="count", trainable=False)

    def counted(value):
        count.assign_add(1.0)
        return value

    class Counts(layers.Layer):
        def call(self, x):
            return counted(x)

    holder = [Counts()]

    class Hidden(layers.Layer):
        def call(self, x):
            return x + 0.0 * counted(ops.sum(x))

    del holder
    if where == "layer":
        return graph(Hidden()), count
    return graph(loss=lambda y, p: counted(ops.mean(ops.square(y - p), axis=-1))), count


@pytest.mark.parametrize(
    "entry, steps",
    [
        ("call", 1),
        ("predict", 2),
        ("predict_on_batch", 1),
        ("evaluate", 2),
        ("test_on_batch", 1),
        ("train_on_batch", 1),
    ],
)
def test_what_a_layer_assigns_is_carried_out(entry, steps):
    model, count = counting("layer")
    model(X), count.assign(0.0)  # built and traced; tracing counts nothing
    options = {"batch_size": 4} if entry in ("predict", "evaluate") else {}
    data = (X,) if entry in ("call", "predict", "predict_on_batch") else (X, Y)
    verb = model if entry == "call" else getattr(model, entry)
    for _ in range(2):
        verb(*data, **options)
    assert float(count) == 2 * steps


@pytest.mark.parametrize("steps_per_execution", [None, 1, 4])
@pytest.mark.parametrize("where", ["layer", "loss"])
def test_what_a_step_assigns_is_carried_from_step_to_step(where, steps_per_execution):
    model, count = counting(where)
    model.compile("sgd", model.loss, steps_per_execution=steps_per_execution)
    model.fit(X, Y, batch_size=2, epochs=3, verbose=0)
    assert float(count) == 12
    model.evaluate(X, Y, batch_size=2, verbose=0)
    assert float(count) == 16


def test_an_assignment_that_would_be_lost_is_an_error_that_names_the_variable():
    import jax

    count = plait.Variable(0.0, name="lost_count", trainable=False)

    class Model(plait.Model):
        def train_step(self, state, data):
            trainable, rest, optimizer, metrics = state

            def compute(trainable):
                count.assign_add(ops.mean(trainable[0]))
                return ops.mean(ops.square(self.stateless_call(trainable, rest, data[0])[0]))

            gradients = jax.grad(compute)(trainable)
            trainable, optimizer = self.optimizer.stateless_apply(optimizer, gradients, trainable)
            return {}, (trainable, rest, optimizer, metrics)

    model = graph(model=Model)
    before = model.get_weights()
    with pytest.raises(plait.errors.StateError, match="lost_count"):
        model.fit(X, Y, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights()))


def test_a_function_that_makes_variables_while_it_is_traced_ends():
    def loss(y, p):
        made = plait.Variable(2.0)
        made.assign_add(1.0)
        return made * ops.mean(ops.square(y - p), axis=-1)

    model = graph(loss=loss)
    plain = graph()
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(3 * plain.evaluate(X, Y, verbose=0), rel=1e-5)
    model.fit(X, Y, verbose=0)


def test_a_counter_that_a_layer_keeps_compiles_nothing_again():
    class Counts(layers.Layer):
        calls = 0

        def call(self, x):
            self.calls += 1
            return x

    layer = Counts()
    model = graph(layer)
    model(X), model.predict(X, verbose=0), model.evaluate(X, Y, verbose=0), model.fit(X, Y, verbose=0)
    model(X), model.predict(X, verbose=0), model.evaluate(X, Y, verbose=0), model.fit(X, Y, verbose=0)
    before = layer.calls
    for _ in range(3):
        model(X), model.predict(X, verbose=0), model.evaluate(X, Y, verbose=0), model.fit(X, Y, verbose=0)
    assert layer.calls == before


def test_a_global_counter_compiles_nothing_again(monkeypatch):
    monkeypatch.setitem(globals(), "of_the_module", 0)

    class Counts(layers.Layer):
        def call(self, x):
            global of_the_module
            of_the_module += 1
            return x

    model = graph(Counts())
    for _ in range(2):
        model.predict(X, verbose=0), model.evaluate(X, Y, verbose=0), model.train_on_batch(X, Y)
    before = of_the_module
    for _ in range(3):
        model.predict(X, verbose=0), model.evaluate(X, Y, verbose=0), model.train_on_batch(X, Y)
    assert of_the_module == before


def test_a_number_that_a_loss_does_not_read_compiles_nothing_again(monkeypatch):
    """`y.ndim` is no global `ndim`, whatever the module has under that name."""
    traces = []
    monkeypatch.setitem(globals(), "ndim", -1)

    def loss(y, p):
        traces.append(y.ndim)
        return ops.mean(ops.square(y - p), axis=-1)

    model = graph(loss=loss)
    model.train_on_batch(X, Y)
    first = len(traces)
    for ndim in range(3):
        monkeypatch.setitem(globals(), "ndim", ndim)
        model.train_on_batch(X, Y)
    assert len(traces) == first


def test_a_loss_that_looks_at_a_variables_value_keeps_it_and_follows_it():
    switch = plait.Variable(0, dtype="int32", name="switch")

    def loss(y, p):
        return ops.mean(ops.square(y - p), axis=-1) * (10.0 if int(switch) else 1.0)

    model = graph(loss=loss)
    first = model.evaluate(X, Y, verbose=0)
    switch.assign(1)
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(10 * first)
    switch.assign(0)
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(first)


def test_a_value_that_is_looked_at_compiles_nothing_again_while_it_stays_the_same():
    """A step of its owner puts a new array in its place, but the same number."""
    traces = []
    owner = graph()
    factor = owner.get_layer("last").bias
    owner.get_layer("last").trainable = False

    def loss(y, p):
        traces.append(None)
        return (1.0 + factor.numpy()[0]) * ops.mean(ops.square(y - p), axis=-1)

    model = graph(loss=loss)
    model.train_on_batch(X, Y)
    first = len(traces)
    for _ in range(3):
        owner.train_on_batch(X, Y)
        model.train_on_batch(X, Y)
    assert len(traces) == first
    factor.assign([1.0])
    model.train_on_batch(X, Y)
    assert len(traces) > first


def test_run_takes_in_what_its_step_reads_and_assigns():
    factor, seen = plait.Variable(1.0), plait.Variable(0.0)

    def step(state, batch):
        seen.assign_add(1.0)
        return state + factor * ops.sum(batch), {}

    first, _ = plait.training.run(step, 0.0, np.ones(8, "float32"), batch_size=4)
    factor.assign(10.0)
    second, _ = plait.training.run(step, 0.0, np.ones(8, "float32"), batch_size=4)
    assert (float(first), float(second), float(seen)) == (8.0, 80.0, 4.0)


def test_a_tape_sees_variables_that_a_models_program_reads():
    from plait.compat.tensorflow_tape import GradientTape

    factor = plait.Variable(2.0)
    model = graph(layers.Lambda(lambda x: x * factor))
    model(X)
    with GradientTape() as tape:
        value = ops.sum(model(X) ** 2)
    gradient = tape.gradient(value, factor)
    np.testing.assert_allclose(gradient, 2 * float(value) / 2.0, rtol=1e-4)  # the square of something linear in it
    factor.assign(4.0)
    with GradientTape() as tape:
        value = ops.sum(model(X) ** 2)
    np.testing.assert_allclose(tape.gradient(value, factor), 2 * float(value) / 4.0, rtol=1e-4)


# --- calls with Variables ---------------------------------------------------------------------------------------------


def test_stateless_call_takes_variables_as_keras_documents_it():
    model = graph()
    outputs, rest = model.stateless_call(model.trainable_variables, model.non_trainable_variables, X)
    np.testing.assert_allclose(outputs, model(X), rtol=1e-6)
    assert rest == []


def test_calls_results_and_losses_may_be_variables():
    class Constant(layers.Layer):
        def build(self, shape):
            self.w = self.add_weight(shape=(2,), initializer="ones")

        def call(self, x):
            return {"b": self.w, "a": [self.w, x]}

    layer = Constant()
    assert not isinstance(layer(X)["b"], plait.Variable)
    x = plait.Input((3,))
    assert layer(x)["b"].shape == (2,)
    model = plait.Model(x, layer(x))
    assert np.asarray(model(X)["a"][0]).tolist() == [1, 1]

    class Held(plait.metrics.Metric):
        def __init__(self):
            super().__init__(name="held")
            self.kept = self.add_variable((), "zeros", name="kept")

        def update_state(self, y, p, sample_weight=None):
            self.kept.assign_add(1.0)

        def result(self):
            return self.kept

    model = graph(metrics=[Held()])
    assert model.fit(X, Y, batch_size=2, verbose=0).history["held"] == [4.0]
    assert model.evaluate(X, Y, batch_size=4, verbose=0)[1] == 2.0
    weight = plait.Variable(2.0)
    assert graph(loss=lambda y, p: weight).evaluate(X, Y, verbose=0) == 2.0


@pytest.mark.parametrize("call", ["call", "predict", "evaluate"])
def test_a_setting_of_the_program_is_followed(call):
    x = np.ones((2, 3), "float32")
    model = plait.Sequential([plait.Input((3,)), layers.Lambda(lambda x: x * 0 + plait.config.epsilon())])
    model.compile(loss="mae")
    run = {
        "call": lambda: float(model(x)[0, 0]),
        "predict": lambda: float(model.predict(x, verbose=0)[0, 0]),
        "evaluate": lambda: model.evaluate(x, x * 0, verbose=0),
    }[call]
    before = run()
    plait.config.set_epsilon(0.25)
    try:
        assert (before, run()) == (pytest.approx(1e-7), 0.25)
    finally:
        plait.config.set_epsilon(1e-7)


def test_compile_in_the_middle_of_a_fit_is_refused():
    class Recompile(plait.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.compile("adam", "mae", metrics=["mse"])

    model = plait.Sequential([plait.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(plait.errors.StateError, match="cannot compile in the middle of its `fit`"):
        model.fit(X, Y, verbose=0, callbacks=[Recompile()])
    model.compile("adam", "mae")
    model.fit(X, Y, verbose=0)
