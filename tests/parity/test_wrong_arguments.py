"""Wrong arguments: what a constructor of Keras refuses with a ValueError, plait's refuses too.

Every class is made with arguments that are right but for one, which is each of WRONG in turn. Keras says which of those
calls are wrong, by running them; plait has to refuse the same ones, with an error of its own.
"""

import inspect
import warnings

import keras
import pytest

import plait
from plait.errors import PlaitError

WRONG = (-1, 0, 2.5, -0.5, "wrong", "", (), (0, 1), (1, 2, 3, 4), [[1]], {"a": 1}, False)

# Right values of the parameters that have no default, by name.
RIGHT = {
    "activation": "relu",
    "alpha": 0.5,
    "axes": 1,
    "boundaries": [1],
    "values": [0.1, 0.2],
    "cell": lambda library: library.layers.LSTMCell(2),
    "cells": lambda library: [library.layers.LSTMCell(2)],
    "class_id": 0,
    "cropping": 1,
    "decay_rate": 0.5,
    "decay_steps": 10,
    "dims": (2, 1),
    "dtype": "float32",
    "equation": "ab,bc->ac",
    "factor": 0.2,
    "filters": 4,
    "first_decay_steps": 10,
    "fn": lambda library: lambda y_true, y_pred: y_pred,
    "function": lambda library: lambda x: x,
    "head_dim": 4,
    "initial_learning_rate": 0.1,
    "inner_optimizer": lambda library: library.optimizers.SGD(),
    "input_dim": 5,
    "kernel_size": 2,
    "key_dim": 3,
    "layer": lambda library: library.layers.Dense(2),
    "max_value": 2.0,
    "n": 2,
    "name": "named",
    "num_classes": 3,
    "num_heads": 2,
    "num_key_value_heads": 2,
    "num_query_heads": 2,
    "optimizer": lambda library: library.optimizers.SGD(),
    "output_dim": 3,
    "output_shape": 3,
    "output_size": 2,
    "padding": 1,
    "pool_size": 2,
    "precision": 0.5,
    "rate": 0.5,
    "recall": 0.5,
    "scale": 2.0,
    "sensitivity": 0.5,
    "specificity": 0.5,
    "stddev": 0.1,
    "target_class_ids": [0],
    "target_shape": (2, 3),
    "units": 3,
}

# Other right values, by class.
OF_CLASS = {
    "Bidirectional": {"layer": lambda library: library.layers.LSTM(2)},
    "SpectralNormalization": {"layer": lambda library: library.layers.Dense(2)},
    "Cropping1D": {"cropping": 1},
    "RepeatVector": {"n": 2},
    "UpSampling1D": {"size": 2},
    "MeanMetricWrapper": {"fn": lambda library: lambda y_true, y_pred: y_pred},
}
NAMESPACES = (
    "layers",
    "losses",
    "metrics",
    "optimizers",
    "optimizers.schedules",
    "initializers",
    "regularizers",
    "constraints",
)
# What plait takes on purpose, by parameter or by class and parameter: the reason.
TAKEN = {
    "synchronized": "on several devices statistics are those of the whole batch anyway",
    "use_cudnn": "there is no cuDNN here to be told",
    "SGD.momentum": "Keras refuses the integer 0, and takes 0.0",
}
# Nothing that one makes, or what another test makes: input and preprocessing layers, wrappers of other programs.
LEFT_OUT = (
    "Layer Wrapper InputLayer InputSpec JaxLayer FlaxLayer TFSMLayer TorchModuleWrapper Optimizer Metric Loss Constraint "
    "Regularizer Initializer LearningRateSchedule MultiOptimizer OptimizerMap RNN"
).split()


def namespace_of(library, path):
    for part in path.split("."):
        library = getattr(library, part)
    return library


def is_preprocessing(cls):
    return ".preprocessing." in cls.__module__


def rows():
    """A namespace and a name for each class of Keras, each class once."""
    found, seen = [], set()
    for path in NAMESPACES:
        for name, cls in sorted(vars(namespace_of(keras, path)).items()):
            fresh = inspect.isclass(cls) and cls not in seen and name[0].isupper() and not is_preprocessing(cls)
            if fresh and name not in LEFT_OUT and hasattr(namespace_of(plait, path), name):
                seen.add(cls)
                found.append((path, name))
    return found


def right_arguments(library, path, name):
    """Arguments without which the class cannot be made."""
    given = {}
    for parameter in inspect.signature(namespace_of(keras, path).__dict__[name]).parameters.values():
        if parameter.default is parameter.empty and parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
            value = OF_CLASS.get(name, {}).get(parameter.name, RIGHT.get(parameter.name))
            given[parameter.name] = value(library) if callable(value) else value
    return given


def refusal(library, path, name, wrong):
    """The error with which a class refuses a wrong argument, or None."""
    arguments = {**right_arguments(library, path, name), **wrong}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            namespace_of(library, path).__dict__[name](**arguments)
        except Exception as error:
            return error
    return None


ROWS = rows()


@pytest.mark.parametrize("path, name", ROWS, ids=[".".join(row) for row in ROWS])
def test_both_refuse(path, name):
    assert refusal(keras, path, name, {}) is None, "the table of right arguments lacks one"
    accepted = []
    for parameter in inspect.signature(namespace_of(keras, path).__dict__[name]).parameters.values():
        taken = {parameter.name, f"{name}.{parameter.name}"} & set(TAKEN)
        if taken or parameter.kind is not parameter.POSITIONAL_OR_KEYWORD:
            continue
        for value in WRONG:
            wrong = {parameter.name: value}
            if type(refusal(keras, path, name, wrong)) is not ValueError:
                continue
            ours = refusal(plait, path, name, wrong)
            if not isinstance(ours, PlaitError):
                accepted.append((parameter.name, value, ours))
    assert accepted == []
