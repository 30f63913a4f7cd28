"""Optimizers beside Keras's: the same gradients, the same weights after 20 steps, the same variables in the same order."""

import inspect
import json

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import plait.optimizers
from plait.common.names import forget_names
from plait.common.scope import name_scope
from plait.core.variable import Variable

SHAPES = {"kernel": (3, 4), "bias": (4,), "scale": (), "filters": (2, 2, 3), "tall": (5, 2)}
STEPS = 20

rng = np.random.default_rng(7)
WEIGHTS = {name: rng.normal(size=shape).astype("float32") for name, shape in SHAPES.items()}
GRADIENTS = [3 * rng.normal(size=(STEPS, *shape)).astype("float32") for shape in SHAPES.values()]

FAST = {"learning_rate": 0.05}
DECAYED = {**FAST, "weight_decay": 0.1}
AVERAGED = {"use_ema": True, "ema_momentum": 0.7}


def decay(library, **options):
    """A schedule of a library."""
    return {"learning_rate": library.schedules.ExponentialDecay(0.1, 5, 0.5), **options}


CASES = {
    "SGD": [
        {},
        {"momentum": 0.9, "clipnorm": 1.0},
        {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
        {"gradient_accumulation_steps": 3, "clipvalue": 0.5},
        {**AVERAGED, "ema_overwrite_frequency": 3},
    ],
    "Adam": [
        {},
        {**FAST, "amsgrad": True, "global_clipnorm": 2.0},
        {**DECAYED, "gradient_accumulation_steps": 3, "loss_scale_factor": 8.0},
        {**FAST, **AVERAGED, "ema_overwrite_frequency": 2, "amsgrad": True},
        lambda library: decay(library),
        lambda library: decay(library, weight_decay=0.05, clipnorm=0.5),
        lambda library: {"learning_rate": lambda: 0.05},
    ],
    "AdamW": [{}, {**FAST, "weight_decay": 0.2, "amsgrad": True}],
    "Adamax": [{**FAST}, {**DECAYED, "beta_1": 0.5, "epsilon": 1e-2}],
    "Nadam": [{**FAST}, {**DECAYED, "clipnorm": 1.0}],
    "RMSprop": [
        {**FAST},
        {**FAST, "momentum": 0.9},
        {**FAST, "centered": True, "rho": 0.5},
        {**DECAYED, "momentum": 0.5, "centered": True},
    ],
    "Adagrad": [{**FAST}, {**DECAYED, "initial_accumulator_value": 0.0, "epsilon": 1e-3}],
    "Adadelta": [{"learning_rate": 1.0}, {**DECAYED, "rho": 0.5}],
    "Ftrl": [
        {**FAST},
        {
            "learning_rate": 0.5,
            "learning_rate_power": -0.3,
            "l1_regularization_strength": 0.1,
            "l2_regularization_strength": 0.1,
            "l2_shrinkage_regularization_strength": 0.01,
            "beta": 0.2,
        },
    ],
    "Lion": [{**FAST}, {**DECAYED, "beta_2": 0.5}],
    "Lamb": [{**FAST}, {**DECAYED, "epsilon": 1e-3}],
    "Adafactor": [
        {},
        {"learning_rate": 0.3, "relative_step": False, "clip_threshold": 0.5, "beta_2_decay": -0.5},
        {**DECAYED, "epsilon_1": 1e-3, "epsilon_2": 0.1},
    ],
    "Muon": [
        {**FAST},
        {**FAST, "exclude_layers": ["ker.*"], "adam_lr_ratio": 0.3, "weight_decay": 0.1, "adam_weight_decay": None},
        {**FAST, "rms_rate": None, "nesterov": False, "ns_steps": 2},
    ],
    "ScheduleFreeAdamW": [{**FAST}, {**DECAYED, "warmup_steps": 5}],
    "LossScaleOptimizer": [
        lambda library: {
            "inner_optimizer": library.Adam(0.05, clipnorm=1.0, name="inner"),
            "initial_scale": 4.0,
            "dynamic_growth_steps": 3,
        }
    ],
    "MultiOptimizer": [
        lambda library: {
            "optimizer_map": library.OptimizerMap(
                library.SGD(momentum=0.9, name="default"),
                {"net/k.*": library.Adam(0.05, name="first"), "net/bias": library.Lion(name="second")},
            )
        }
    ],
}
TABLE = [
    pytest.param(name, options, id=f"{name}-{number}")
    for name, rows in CASES.items()
    for number, options in enumerate(rows)
]
CLASSES = list(CASES)
PLAIN = [name for name in CLASSES if name not in ("LossScaleOptimizer", "MultiOptimizer")]


def weights_of(library):
    """The same weights as variables of a library."""
    scope, variable = (name_scope, Variable) if library is plait.optimizers else (keras.name_scope, keras.Variable)
    with scope("net"):
        return [variable(value, dtype="float32", name=name) for name, value in WEIGHTS.items()]


def both(name, options):
    """An optimizer of each library, built, with its weights."""
    forget_names()
    keras.utils.clear_session()
    for library in (keras.optimizers, plait.optimizers):
        given = options(library) if callable(options) else options
        optimizer, weights = getattr(library, name)(name="opt", **given), weights_of(library)
        optimizer.build(weights)
        yield optimizer, weights


def step_of(optimizer):
    """An optimizer's pure function from (state, gradients, weights) to (weights, state)."""
    return optimizer.update if isinstance(optimizer, plait.optimizers.Optimizer) else optimizer.stateless_apply


def train(step, optimizer, weights, gradients=GRADIENTS):
    """The values of weights and of the optimizer's variables after all steps, which run as one program."""

    def body(carry, given):
        after, state = step(carry[1], list(given), carry[0])
        return (after, state), None

    start = [variable.value for variable in weights], [variable.value for variable in optimizer.variables]
    (after, state), _ = jax.jit(lambda start, gradients: jax.lax.scan(body, start, gradients))(start, gradients)
    return after, state


def assert_close(ours, theirs, tolerance=1e-6):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name, options", TABLE)
def test_twenty_steps_are_those_of_keras(name, options):
    (theirs, their_weights), (ours, our_weights) = both(name, options)
    assert [v.path for v in ours.variables] == [v.path for v in theirs.variables]
    assert [(v.shape, v.dtype) for v in ours.variables] == [(v.shape, v.dtype) for v in theirs.variables]
    assert_close([v.value for v in ours.variables], [v.value for v in theirs.variables])
    after, state = train(step_of(ours), ours, our_weights)
    expected, expected_state = train(step_of(theirs), theirs, their_weights)
    assert_close(after, expected)
    assert_close(state, expected_state, tolerance=1e-5)


@pytest.mark.parametrize("name", ["SGD", "Adam", "LossScaleOptimizer"])
def test_accumulated_steps_are_one_of_keras_on_the_mean(name):
    """Schedules and averages count updates; in Keras they count steps where gradients are accumulated."""

    def options(steps):
        def made(library):
            given = decay(
                library, **AVERAGED, ema_overwrite_frequency=3, clipnorm=0.5, gradient_accumulation_steps=steps
            )
            return given if name != "LossScaleOptimizer" else {"inner_optimizer": library.Adam(**given, name="inner")}

        return made

    _, (ours, our_weights) = both(name, options(4))
    after, _ = train(step_of(ours), ours, our_weights)
    (theirs, their_weights), _ = both(name, options(None))
    means = [np.mean(given.reshape(STEPS // 4, 4, *given.shape[1:]), axis=1) for given in GRADIENTS]
    expected, _ = train(step_of(theirs), theirs, their_weights, means)
    assert_close(after, expected, tolerance=1e-5)


@pytest.mark.parametrize("name, options", [row for row in TABLE if not row.id.startswith("Adam-6")])
def test_configs_are_those_of_keras(name, options):
    (theirs, _), (ours, _) = both(name, options)
    config = plait.optimizers.serialize(ours)
    assert json.loads(json.dumps(config)) == json.loads(json.dumps(keras.optimizers.serialize(theirs)))
    again = plait.optimizers.deserialize(config)
    assert type(again) is type(ours)
    assert again.get_config() == ours.get_config()


@pytest.mark.parametrize("name", [*CLASSES, "Optimizer", "OptimizerMap"])
def test_signatures_are_those_of_keras(name):
    ours = inspect.signature(getattr(plait.optimizers, name)).parameters.values()
    theirs = inspect.signature(getattr(keras.optimizers, name).__init__).parameters.values()
    known = {parameter.name: parameter.default for parameter in ours}
    expected = {parameter.name: parameter.default for parameter in theirs if parameter.name != "self"}
    assert {key: default for key, default in known.items() if key != "kwargs"} == {
        key: default for key, default in expected.items() if key != "kwargs"
    }


@pytest.mark.parametrize("excluded", [{"var_names": ["bia", "^scale$"]}, {"var_list": [0, 3]}], ids=["names", "list"])
@pytest.mark.parametrize("name", ["AdamW", "Muon"])
def test_exclusion_from_weight_decay(name, excluded):
    results = []
    for optimizer, weights in both(name, {"learning_rate": 0.5, "weight_decay": 0.5}):
        chosen = (
            {"var_list": [weights[index] for index in excluded["var_list"]]} if "var_list" in excluded else excluded
        )
        optimizer.exclude_from_weight_decay(**chosen)
        results.append(train(step_of(optimizer), optimizer, weights, [0 * gradient[:2] for gradient in GRADIENTS])[0])
    assert_close(*results)


@pytest.mark.parametrize("options", [{}, {"gradient_accumulation_steps": 2}, {**AVERAGED, "weight_decay": 0.1}])
def test_constraints_and_weights_replaced_by_gradients(options):
    results = []
    for library in (keras.optimizers, plait.optimizers):
        optimizer, weights = library.Adam(0.05, name="opt", **options), weights_of(library)
        weights[0].constraint = lambda w: w * 0.5
        weights[1].overwrite_with_gradient = True
        optimizer.build(weights)
        paths = [variable.path for variable in optimizer.variables]
        results.append((paths, *train(step_of(optimizer), optimizer, weights, [g[:7] for g in GRADIENTS])))
    assert results[0][0] == results[1][0]
    assert_close(results[1][1], results[0][1])
    assert_close(results[1][2], results[0][2])


def test_the_loss_scale_follows_gradients_that_are_not_finite():
    gradients = [gradient.copy() for gradient in GRADIENTS]
    gradients[0][[0, 5, 6, 13]] = np.inf
    gradients[1][[9]] = np.nan
    (theirs, their_weights), (ours, our_weights) = both("LossScaleOptimizer", CASES["LossScaleOptimizer"][0])
    after, state = train(step_of(ours), ours, our_weights, gradients)
    expected, expected_state = train(step_of(theirs), theirs, their_weights, gradients)
    assert_close(after, expected)
    assert_close(state, expected_state)
    assert int(ours.variables[2].value) == 0


def a_class_written_for_keras(library):
    """SGD with momentum, as a program for Keras defines it."""

    class Heavy(library.Optimizer):
        def __init__(self, learning_rate=0.1, momentum=0.9, name="opt", **kwargs):
            super().__init__(learning_rate=learning_rate, name=name, **kwargs)
            self.momentum = momentum

        def build(self, variables):
            if self.built:
                return
            super().build(variables)
            self.momentums = []
            for variable in variables:
                self.momentums.append(self.add_variable_from_reference(reference_variable=variable, name="momentum"))
            self.counter = self.add_variable(shape=(), name="counter")

        def update_step(self, gradient, variable, learning_rate):
            index = self._get_variable_index(variable)
            momentum = self.momentums[index]
            self.assign(momentum, self.momentum * momentum + gradient)
            self.assign_sub(variable, learning_rate * momentum)
            self.assign_add(self.counter, 1.0)

        def get_config(self):
            return {**super().get_config(), "momentum": self.momentum}

    return Heavy


@pytest.mark.parametrize("options", [{}, {"weight_decay": 0.1, "clipnorm": 1.0}, {"gradient_accumulation_steps": 3}])
def test_a_class_written_for_keras(options):
    results = []
    for library in (keras.optimizers, plait.optimizers):
        optimizer, weights = a_class_written_for_keras(library)(**options), weights_of(library)
        optimizer.build(weights)
        results.append(([v.path for v in optimizer.variables], *train(step_of(optimizer), optimizer, weights)))
        assert type(optimizer).from_config(optimizer.get_config()).momentum == 0.9
    assert results[0][0] == results[1][0]
    assert_close(results[1][1], results[0][1])
    assert_close(results[1][2], results[0][2])


def test_a_subclass_that_scales_the_gradients_of_adam():
    results = []
    for library in (keras.optimizers, plait.optimizers):

        class Halved(library.Nadam):
            def update_step(self, gradient, variable, learning_rate):
                super().update_step(gradient * 0.5 + variable, variable, learning_rate)

        optimizer, weights = Halved(0.05, name="opt"), weights_of(library)
        optimizer.build(weights)
        results.append(train(step_of(optimizer), optimizer, weights)[0])
    assert_close(results[1], results[0])


def test_averages_take_the_place_of_the_weights_at_the_end():
    results = []
    for optimizer, weights in both("SGD", {"learning_rate": 0.1, **AVERAGED}):
        for index in range(4):
            optimizer.apply([jnp.asarray(gradient[index]) for gradient in GRADIENTS], weights)
        optimizer.finalize_variable_values(weights)
        results.append([weight.value for weight in weights])
    assert_close(results[1], results[0])


@pytest.mark.parametrize("name", ["Adam", "LossScaleOptimizer", "MultiOptimizer", "Adafactor"])
def test_variables_saved_by_keras_are_loaded(name):
    (theirs, _), (ours, _) = both(name, CASES[name][0])
    for number, variable in enumerate(theirs.variables):
        variable.assign(np.full(variable.shape, number + 1))
    store = {}
    theirs.save_own_variables(store)
    ours.load_own_variables(store)
    assert_close([v.value for v in ours.variables], [v.value for v in theirs.variables])
    again = {}
    ours.save_own_variables(again)
    assert list(again) == list(store)


WRONG = [
    ("SGD", {"learning_rate": 1}),
    ("SGD", {"learning_rate": "fast"}),
    ("SGD", {"rate": 0.1}),
    ("SGD", {"momentum": 2.0}),
    ("SGD", {"clipnorm": 1.0, "clipvalue": 1.0}),
    ("SGD", {"use_ema": True, "ema_momentum": 2.0}),
    ("SGD", {"use_ema": True, "ema_overwrite_frequency": 0.5}),
    ("SGD", {"gradient_accumulation_steps": 1}),
    ("AdamW", {"weight_decay": None}),
    ("Lion", {"beta_1": 0.0}),
    ("Ftrl", {"initial_accumulator_value": -1.0}),
    ("Ftrl", {"learning_rate_power": 1.0}),
    ("Ftrl", {"l1_regularization_strength": -1.0}),
]


@pytest.mark.parametrize("name, options", WRONG, ids=[f"{name}-{list(options)[-1]}" for name, options in WRONG])
def test_what_keras_refuses_is_refused(name, options):
    for library in (keras.optimizers, plait.optimizers):
        with pytest.raises(ValueError):
            getattr(library, name)(**options)


@pytest.mark.parametrize("name", [name for name in PLAIN if name != "Lamb"])
def test_names_that_keras_knows_are_known(name):
    for written in (name, name.lower(), name.upper()):
        ours, theirs = plait.optimizers.get(written), keras.optimizers.get(written)
        assert type(ours).__name__ == type(theirs).__name__ == name
