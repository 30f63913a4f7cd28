"""What an object owns is what it holds, whatever it is called.

For each name that a layer, model, metric, loss or optimizer has, public or private, found on the classes and on objects in
use: something with weights under that name counts, is trained, saved and loaded; or the name is refused, with a reason.
"""

import h5py
import keras
import numpy as np
import pytest

import plait
from plait import layers, losses, metrics, optimizers
from plait.errors import NameTakenError
from plait.optimizers.base import COMMON_OPTIONS

X, Y = np.linspace(-1, 1, 24, dtype="float32").reshape(8, 3), np.linspace(0, 1, 16, dtype="float32").reshape(8, 2)


@plait.saving.register_keras_serializable("ownership")
class Named(layers.Layer):
    """A layer that has others under names of the test's choice."""

    def __init__(self, attributes, **kwargs):
        super().__init__(**kwargs)
        for attribute in attributes:
            setattr(self, attribute, layers.Dense(2))
        vars(self)["held_names"] = tuple(attributes)

    def call(self, x):
        return sum(vars(self)[name](x) for name in vars(self)["held_names"])


@plait.saving.register_keras_serializable("ownership")
class NamedModel(plait.Model):
    """A model that has layers under names of the test's choice."""

    def __init__(self, attributes, **kwargs):
        super().__init__(**kwargs)
        for attribute in attributes:
            setattr(self, attribute, layers.Dense(2))
        vars(self)["held_names"] = tuple(attributes)

    def call(self, x):
        return sum(vars(self)[name](x) for name in vars(self)["held_names"])


class NamedMetric(metrics.Metric):
    """A metric that counts in a variable under each of some names."""

    def __init__(self, attributes, **kwargs):
        super().__init__(**kwargs)
        for attribute in attributes:
            setattr(self, attribute, plait.Variable(0.0, trainable=False))
        vars(self)["held_names"] = tuple(attributes)

    def update_state(self, y, y_pred, sample_weight=None):
        for name in vars(self)["held_names"]:
            vars(self)[name].assign_add(1.0)

    def result(self):
        return sum(vars(self)[name].value for name in vars(self)["held_names"])


class NamedLoss(losses.Loss):
    """A loss that multiplies by a variable under each of some names."""

    def __init__(self, attributes, **kwargs):
        super().__init__(**kwargs)
        for attribute in attributes:
            setattr(self, attribute, plait.Variable(1.5, trainable=False))
        vars(self)["held_names"] = tuple(attributes)

    def call(self, y, y_pred):
        return plait.ops.mean((y - y_pred) ** 2, axis=-1) * sum(vars(self)[n].value for n in vars(self)["held_names"])


@plait.saving.register_keras_serializable("ownership")
class NamedOptimizer(optimizers.Optimizer):
    """An optimizer that counts its updates in a variable under each of some names."""

    def __init__(self, attributes, learning_rate=0.1, **kwargs):
        super().__init__(learning_rate, **kwargs)
        for attribute in attributes:
            setattr(self, attribute, plait.Variable(1.0, trainable=False))
        vars(self)["held_names"] = tuple(attributes)

    def update_step(self, gradient, variable, learning_rate):
        self.assign_sub(variable, learning_rate * gradient)
        for name in vars(self)["held_names"]:
            vars(self)[name].assign_add(1.0)

    def get_config(self):
        return {**super().get_config(), "attributes": vars(self)["held_names"]}


# ---------------------------------------------------------------------------- the names


def names_of(cls, *objects):
    """All names of a class and of objects of it that were used, but for Python's own."""
    found = {*dir(cls)}.union(*(vars(thing) for thing in objects))
    return sorted(name for name in found - {"held_names"} if not name.startswith("__"))


def fitted(model, optimizer="sgd"):
    model.compile(optimizer, "mse", metrics=["mae"])
    model.fit(X, Y, verbose=0)
    return model


def all_names():
    x, layer, metric, optimizer = (
        plait.Input((3,)),
        Named(["body"]),
        metrics.Mean(),
        NamedOptimizer(["n"], use_ema=True),
    )
    graph = fitted(plait.Model(x, layer(x)), optimizer)
    metric(X)
    return {
        Named: names_of(layers.Layer, layer),
        NamedModel: names_of(
            plait.Model, graph, fitted(NamedModel(["body"])), fitted(plait.Sequential([layers.Dense(2)]))
        ),
        NamedMetric: names_of(metrics.Metric, metric),
        NamedLoss: names_of(losses.Loss, losses.MeanSquaredError()),
        NamedOptimizer: names_of(optimizers.Optimizer, optimizer),
    }


NAMES = all_names()


def refusal(cls, attribute):
    """Why an object refuses a name; None where it takes it."""
    if attribute == "learning_rate" and cls is NamedOptimizer:
        return None  # as in Keras, the rate takes the variable's value
    try:
        cls([attribute])
    except NameTakenError as error:
        return str(error)
    return None


FREE = {cls: [name for name in names if refusal(cls, name) is None] for cls, names in NAMES.items()}
FREE[NamedOptimizer] = [name for name in FREE[NamedOptimizer] if name not in ("learning_rate", *COMMON_OPTIONS)]


@pytest.mark.parametrize("cls", NAMES, ids=lambda cls: cls.__name__)
def test_what_is_refused_is_refused_with_a_reason(cls):
    refused = {name: why for name in NAMES[cls] if (why := refusal(cls, name)) is not None}
    assert len(refused) > 3
    assert all(
        f"cannot set `{name}`" in why or f".{name}` attribute is reserved" in why for name, why in refused.items()
    )
    assert all("Choose another name" in message for message in refused.values())


def test_names_that_keras_lets_programs_use_are_free():
    of_layers = (
        "history graph nodes optimizer trainer compilation version loss inputs outputs states_shape view plot tensor"
    )
    assert set(of_layers.split()) & set(NAMES[Named]) <= set(FREE[Named])
    of_models = (
        "loss inputs outputs input_shape output_shape input_names output_names operations compiled states_shape graph nodes "
        "trainer compilation version view plot tensor between history host_part on_host export summary"
    )
    assert set(of_models.split()) & set(NAMES[NamedModel]) <= set(FREE[NamedModel])


# ---------------------------------------------------------------------------- what is held under free names


def test_layers_under_all_free_names_of_layers(tmp_path):
    names, x = FREE[Named], plait.Input((3,))
    layer = Named(names)
    model = plait.Model(x, layer(x))
    check_weights(layer, names)
    check_training(model, tmp_path)


@pytest.mark.parametrize("built_by", ["data", "build"])
def test_layers_under_all_free_names_of_models(built_by, tmp_path):
    names = FREE[NamedModel]
    model = NamedModel(names)
    model(X) if built_by == "data" else plait.Model.build(model, (None, 3))
    check_weights(model, names)
    check_training(model, tmp_path)


def check_weights(owner, names):
    assert [layer.name for layer in owner._layers] == [vars(owner)[name].name for name in names]
    expected = [variable for name in names for variable in vars(owner)[name].weights]
    assert len(expected) == 2 * len(names)
    assert all(a is b for a, b in zip(owner.weights, expected, strict=True))
    assert len(owner.trainable_weights) == len(expected)


def check_training(model, tmp_path):
    """A fit changes all weights; a file brings them back. Methods may be covered, so they are called on the class."""
    cls = plait.Model
    before = cls.get_weights(model)
    cls.compile(model, "sgd", "mse", metrics=["mae"])
    cls.fit(model, X, Y, verbose=0)
    assert all(np.any(a != b) for a, b in zip(before, cls.get_weights(model), strict=True))
    assert np.isfinite(cls.evaluate(model, X, Y, verbose=0)).all()
    cls.save(model, tmp_path / "m.keras")
    loaded = plait.models.load_model(tmp_path / "m.keras")
    for mine, theirs in zip(cls.get_weights(model), cls.get_weights(loaded), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    expected = cls.predict(model, X, verbose=0)
    np.testing.assert_array_equal(cls.predict(loaded, X, verbose=0), expected)
    assert cls.fit(model, X, Y, verbose=0).history["loss"]
    assert cls.get_compile_config(model)["optimizer"] is model.optimizer


def test_variables_under_all_free_names_of_metrics():
    names = FREE[NamedMetric]
    metric = NamedMetric(names)
    assert [id(variable) for variable in metric.variables] == [id(vars(metric)[name]) for name in names]
    model = plait.Sequential([plait.Input((3,)), layers.Dense(2)])
    model.compile("sgd", "mse", metrics=[metric])
    assert model.fit(X, Y, batch_size=4, epochs=2, verbose=0).history[metric.name] == [2 * len(names)] * 2


def test_variables_under_all_free_names_of_losses():
    names = FREE[NamedLoss]
    loss = NamedLoss(names)
    model = plait.Sequential([plait.Input((3,)), layers.Dense(2)])
    model.compile("sgd", loss)
    error = float(np.mean((model.predict(X, verbose=0) - Y) ** 2))
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(1.5 * len(names) * error, rel=1e-5)


def test_variables_under_all_free_names_of_optimizers(tmp_path):
    names = FREE[NamedOptimizer]
    optimizer = NamedOptimizer(names)
    model = plait.Sequential([plait.Input((3,)), layers.Dense(2)])
    model.compile(optimizer, "mse")
    model.fit(X, Y, batch_size=4, verbose=0)
    held = [vars(optimizer)[name] for name in names]
    assert [id(v) for v in optimizer.variables[2:]] == [id(v) for v in held]
    assert [float(v) for v in held] == [5.0] * len(names)  # two updates of two weights
    model.save(tmp_path / "m.keras")
    loaded = plait.models.load_model(tmp_path / "m.keras").optimizer
    assert [float(v) for v in loaded.variables[2:]] == [5.0] * len(names)


# ---------------------------------------------------------------------------- what shows and what covers it


def test_what_is_set_over_a_shown_property_gives_way_to_the_next_compile_and_fit():
    model = plait.Sequential([plait.Input((3,)), layers.Dense(2)])
    assert (model.optimizer, model.loss, model.compiled, model.history) == (None, None, False, None)
    model.loss, model.history, model.compiled = "mine", "mine", "mine"
    assert (model.loss, model.history, model.compiled) == ("mine", "mine", "mine")
    model.compile("sgd", "mse")
    assert (model.loss, model.compiled, model.history) == ("mse", True, "mine")
    assert model.fit(X, Y, verbose=0) is model.history
    model.loss = "mine"
    model.compile("sgd")
    assert model.loss == "mine"  # as in Keras, a compile without a loss leaves it


def test_deep_containers_deletion_and_late_attributes_are_seen():
    layer = layers.Layer()
    first, second, third = (plait.Variable(0.0) for _ in range(3))
    layer.tower = [{"a": (first, [second])}, {third}]
    assert layer.weights == [first, second, third]
    layer.tower[0]["a"] = (first,)
    assert layer.weights == [first, third]
    layer.late = second
    assert layer.weights == [first, second, third]  # as they were made
    del layer.tower
    assert layer.weights == [second]


def test_a_property_of_the_programs_own_may_stand_for_a_name():
    class Aliased(layers.Layer):
        def __init__(self):
            super().__init__()
            self._inner = layers.Dense(2)

        @property
        def losses(self):
            return [*super().losses, 1.0]

        @property
        def optimizer(self):
            return self._inner

        def call(self, x):
            return self.optimizer(x)

    layer = Aliased()
    layer(X)
    assert len(layer.weights) == 2
    assert layer.losses == [1.0]
    with pytest.raises(AttributeError, match="cannot set `optimizer`"):
        layer.optimizer = layers.Dense(2)


def test_files_name_objects_by_the_names_that_they_have(tmp_path):
    model = NamedModel(["history", "graph", "between"])
    model(X)
    model.save_weights(tmp_path / "m.weights.h5")
    with h5py.File(tmp_path / "m.weights.h5") as file:
        assert {"history", "graph", "between"} <= set(file)
    other = NamedModel(["between", "graph", "history"])
    other(X)
    other.load_weights(tmp_path / "m.weights.h5")
    np.testing.assert_array_equal(other.history.kernel, model.history.kernel)


def test_optimizers_hold_what_keras_has_them_hold():
    def shapes(library):
        class Counting(library.optimizers.Optimizer):
            def __init__(self):
                super().__init__(learning_rate=0.1)
                self.counts = [
                    library.Variable(np.zeros(3, "float32")),
                    {"a": library.Variable(np.zeros(4, "float32"))},
                ]

            def build(self, variables):
                if not self.built:
                    super().build(variables)
                    self.mine = self.add_optimizer_variables(variables, "mine")
                    self.after = library.Variable(np.zeros(5, "float32"), trainable=False)

        optimizer = Counting()
        optimizer.build([library.Variable(np.zeros(2, "float32"))])
        return [tuple(variable.shape) for variable in optimizer.variables]

    assert shapes(plait) == shapes(keras)


COMMON_METHODS = (
    "_run _build _convert _note _forward _apply _init _setup _step _encode _decode _compute _loss _reset _update _prepare "
    "_make _check _trace _state _transform _process _mask _attend _split _merge _project _norm _params _config _graph_of"
)


def test_methods_of_a_program_may_have_common_private_names(tmp_path):
    def refuse(self, *args):
        raise AssertionError("plait called a method of the program's own")

    own = dict.fromkeys(COMMON_METHODS.split(), refuse)
    mine = type("Mine", (layers.Layer,), {"call": lambda self, x: 2.0 * x, **own})
    model = plait.Sequential([plait.Input((3,)), mine(activity_regularizer="l2"), layers.Dense(2)])
    fitted(model)
    assert model.predict(X, verbose=0).shape == (8, 2)
    assert mine().get_config() == layers.Layer(name="mine_1").get_config()
    whole = type("Whole", (plait.Model,), {"call": lambda self, x: x[:, :2] * self.scale, **own})()
    whole.scale = plait.Variable(2.0)
    assert fitted(whole).evaluate(X, Y, verbose=0)
    whole.save_weights(tmp_path / "m.weights.h5")
