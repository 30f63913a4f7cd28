"""`optimizer.x = ...` for every hyperparameter: before `compile`, after it, and between two steps."""

import inspect

import numpy as np
import pytest

import plait
from plait import layers, optimizers

OTHERS = {
    "learning_rate": 0.07,
    "rho": 0.8,
    "epsilon": 1e-2,
    "weight_decay": 0.1,
    "clipnorm": 0.01,
    "clipvalue": 0.01,
    "global_clipnorm": 0.01,
    "use_ema": True,
    "ema_momentum": 0.5,
    "ema_overwrite_frequency": 1,
    "loss_scale_factor": 8.0,
    "gradient_accumulation_steps": 2,
    "beta_1": 0.5,
    "beta_2": 0.6,
    "beta_2_decay": -0.5,
    "epsilon_1": 1e-2,
    "epsilon_2": 1e-1,
    "clip_threshold": 0.3,
    "relative_step": False,
    "initial_accumulator_value": 0.7,
    "amsgrad": True,
    "learning_rate_power": -0.7,
    "l1_regularization_strength": 0.2,
    "l2_regularization_strength": 0.3,
    "l2_shrinkage_regularization_strength": 0.2,
    "beta": 0.4,
    "adam_beta_1": 0.5,
    "adam_beta_2": 0.6,
    "adam_weight_decay": 0.2,
    "exclude_layers": ["first"],
    "exclude_embeddings": False,
    "muon_a": 3.3,
    "muon_b": -4.6,
    "muon_c": 2.1,
    "adam_lr_ratio": 0.3,
    "momentum": 0.4,
    "ns_steps": 2,
    "nesterov": True,
    "rms_rate": 0.5,
    "centered": True,
    "warmup_steps": 3,
}
UNSET = {"Adam": {}, "SGD": {"momentum": 0.3}, "RMSprop": {"momentum": 0.3}}
EMA = {"ema_momentum": {"use_ema": True}, "ema_overwrite_frequency": {"use_ema": True}}
MAKES_STATE = {
    *("amsgrad use_ema gradient_accumulation_steps initial_accumulator_value centered exclude_layers".split()),
    *("exclude_embeddings momentum".split()),
}
NAMES = [
    name
    for name in sorted(optimizers.__all__)
    if inspect.isclass(getattr(optimizers, name))
    and issubclass(getattr(optimizers, name), optimizers.Optimizer)
    and "learning_rate" in inspect.signature(getattr(optimizers, name)).parameters
    and name != "Optimizer"
]
COMMON = {"learning_rate", *list(inspect.signature(optimizers.Optimizer).parameters)[1:]}  # of Adam and SGD is enough
PAIRS = [
    (name, key)
    for name in NAMES
    for key in inspect.signature(getattr(optimizers, name)).parameters
    if key not in ("name", "kwargs") and (key not in COMMON or name in ("Adam", "SGD"))
]
X = np.linspace(-1, 1, 24, dtype="float32").reshape(8, 3)
Y = X.sum(1, keepdims=True) * 3


def made(name, key, **options):
    parameters = inspect.signature(getattr(optimizers, name)).parameters
    given = {**UNSET.get(name, {}), **EMA.get(key, {})}
    given = {k: v for k, v in given.items() if k in parameters and k != key}
    return getattr(optimizers, name)(**{**given, **options})


def model():
    plait.utils.set_random_seed(5)
    x = plait.Input((3,))
    return plait.Model(x, layers.Dense(1, name="second")(layers.Dense(3, name="first", activation="tanh")(x)))


def steps(network, count=2):
    for _ in range(count):
        network.train_on_batch(X, Y)
    return network.get_weights()


def same(ours, expected):
    return all(np.allclose(a, b, rtol=1e-5, atol=1e-7) for a, b in zip(ours, expected, strict=True))


@pytest.mark.parametrize("name, key", PAIRS)
def test_a_hyperparameter_that_is_set_is_that_of_the_constructor(name, key):
    reference = model()
    reference.compile(made(name, key, **{key: OTHERS[key]}), "mse", run_eagerly=True)
    expected = steps(reference)
    for moment in ("before", "after"):
        network, optimizer = model(), made(name, key)
        if moment == "before":
            setattr(optimizer, key, OTHERS[key])
        network.compile(optimizer, "mse", run_eagerly=True)
        if moment == "after":
            setattr(network.optimizer, key, OTHERS[key])
        assert same(steps(network), expected), moment
        assert optimizer.get_config()[key] == pytest.approx(OTHERS[key])


@pytest.mark.parametrize("name, key", [pair for pair in PAIRS if pair[1] not in MAKES_STATE])
def test_a_hyperparameter_may_change_between_two_steps(name, key):
    """As if another optimizer went on from the first one's state."""
    network, reference = model(), model()
    for one in (network, reference):
        one.compile(made(name, key), "mse", run_eagerly=True)
        steps(one, 1)
    setattr(network.optimizer, key, OTHERS[key])
    successor = made(name, key, **{key: OTHERS[key]})
    successor.build(reference.trainable_variables)
    for new, old in zip(successor.variables, reference.optimizer.variables, strict=True):
        if "learning_rate" not in new.path:
            new.assign(old.value)
    reference.compile(successor, "mse", run_eagerly=True)
    assert same(steps(network, 2), steps(reference, 2))


@pytest.mark.parametrize("name", ["Adam", "SGD"])
def test_compiled_steps_follow(name):
    for key in [key for other, key in PAIRS if other == name and key not in MAKES_STATE]:
        weights = []
        for eagerly in (True, False):
            network = model()
            network.compile(made(name, key), "mse", run_eagerly=eagerly)
            steps(network, 1)
            setattr(network.optimizer, key, OTHERS[key])
            weights.append(steps(network, 2))
        assert same(*weights), key
