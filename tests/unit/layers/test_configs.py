"""Configs of layers and operations of a program's own: what they were made with, wherever they keep it."""

import json

import numpy as np
import pytest

import plait
from plait import layers
from plait.errors import ConfigError
from plait.saving import register_keras_serializable


@register_keras_serializable("configs")
class Scaled(layers.Layer):
    """Keeps its arguments under other names, changed, and one not at all."""

    def __init__(self, units, factor=2.0, *, sizes=(3, 3), **kwargs):
        super().__init__(**kwargs)
        self.units = units * 10
        self._scale = factor
        self.dense = layers.Dense(units)

    def call(self, x):
        return self.dense(x) * self._scale


@register_keras_serializable("configs")
class Bare(layers.Layer):
    """Takes no name, no dtype, no `**kwargs`."""

    def __init__(self, factor):
        super().__init__()
        self._factor = factor

    def call(self, x):
        return x * self._factor


@register_keras_serializable("configs")
class Shifted(plait.Operation):
    """An operation with arguments."""

    def __init__(self, shift, times=1, name=None):
        super().__init__(name=name)
        self._shift = shift * times

    def call(self, x):
        return x + self._shift


def own(layer):
    """The part of a config that its class's own arguments make."""
    return {key: value for key, value in layer.get_config().items() if key not in ("name", "trainable", "dtype")}


def test_a_layer_is_made_again_of_what_it_was_given():
    layer = Scaled(4, sizes=[1, 2], name="mine")
    assert own(layer) == {"units": 4, "factor": 2.0, "sizes": [1, 2]}
    again = Scaled.from_config(json.loads(json.dumps(layer.get_config())))
    assert again.name == "mine" and again.units == 40 and again.get_config() == layer.get_config()


def test_arguments_are_what_was_given_whatever_becomes_of_them():
    class Eats(layers.Layer):
        def __init__(self, sizes, **kwargs):
            super().__init__(**kwargs)
            self.total = 0
            while sizes:
                self.total += sizes.pop()

    given = [1, 2, 3]
    layer = Eats(given)
    layer.sizes = "something else"
    assert given == [] and own(layer) == {"sizes": [1, 2, 3]} and Eats.from_config(layer.get_config()).total == 6


def test_what_goes_on_to_the_parent_is_told_too():
    class Passes(layers.Layer):
        def __init__(self, units, **kwargs):
            self.extra = kwargs.pop("extra", None)
            super().__init__(**kwargs)

    layer = Passes(1, extra="x", autocast=False, activity_regularizer="l2", dtype="float16")
    again = Passes.from_config(layer.get_config())
    assert own(layer)["extra"] == "x" and (again.extra, again.autocast, again.dtype) == ("x", False, "float16")
    assert again.get_config() == layer.get_config()


def test_a_constructor_that_takes_no_name_gets_it_set():
    layer = Bare(3.0)
    layer.trainable = False
    again = Bare.from_config({**layer.get_config(), "name": "other", "dtype": "float16"})
    assert (again.name, again.trainable, again.dtype) == ("other", False, "float16")
    assert float(again(np.float16(2.0))) == 6.0


def test_operations_tell_their_arguments():
    assert Shifted(2, name="by").get_config() == {"shift": 2, "times": 1, "name": "by"}
    again = Shifted.from_config(Shifted(2, times=3).get_config())
    assert float(again(np.float32(1))) == 7.0

    class Nameless(plait.Operation):
        def __init__(self, shift):
            super().__init__()

    assert Nameless(1).get_config() == {"shift": 1}
    assert plait.Operation(name="plain").get_config() == {"name": "plain"}


@pytest.mark.parametrize("way", ["file", "clone", "json"])
def test_models_of_them_are_saved_and_cloned(way, tmp_path):
    x = plait.Input((3,))
    model = plait.Model(x, Shifted(2.0, times=2)(Bare(0.5)(Scaled(4, factor=3.0)(x))))
    if way == "file":
        model.save(tmp_path / "m.keras")
        again = plait.load_model(tmp_path / "m.keras")
    elif way == "clone":
        again = plait.models.clone_model(model)
    else:
        again = plait.models.model_from_json(model.to_json())
    again.set_weights(model.get_weights())
    data = np.linspace(-1, 1, 6, dtype="float32").reshape(2, 3)
    np.testing.assert_array_equal(again(data), model(data))
    assert [type(layer) for layer in again.layers] == [type(layer) for layer in model.layers]


@register_keras_serializable("configs")
class Two(plait.Model):
    """A subclassed model whose argument is another layer's."""

    def __init__(self, width, **kwargs):
        super().__init__(**kwargs)
        self.first, self.second = layers.Dense(width, activation="relu"), layers.Dense(1)

    def call(self, x):
        return self.second(self.first(x))


def test_a_subclassed_model_is_loaded_with_its_arguments(tmp_path):
    model = Two(5)
    data = np.ones((2, 3), "float32")
    expected = model(data)
    model.save(tmp_path / "m.keras")
    again = plait.load_model(tmp_path / "m.keras")
    assert again.get_config() == model.get_config() and again.get_config()["width"] == 5
    np.testing.assert_array_equal(again(data), expected)


def test_objects_are_told_by_their_configs():
    class Holds(layers.Layer):
        def __init__(self, inner, scale, **kwargs):
            super().__init__(**kwargs)
            self.inner, self.scale = inner, scale

    layer = Holds(layers.Dense(2, name="d"), np.float64(0.5))
    config = json.loads(json.dumps(layer.get_config()))
    again = Holds.from_config(config)
    assert isinstance(again.inner, layers.Dense) and again.inner.units == 2 and again.scale == 0.5


def test_what_no_config_can_hold_is_an_error_that_names_it():
    class Anything:
        pass

    class Holds(layers.Layer):
        def __init__(self, thing, *rest, **kwargs):
            super().__init__(**kwargs)
            self.thing = thing

    with pytest.raises(NotImplementedError, match="argument `thing`"):
        Holds(Anything()).get_config()
    with pytest.raises(ConfigError, match="'rest' by position only"):
        Holds(1, 2, 3).get_config()
    assert own(Holds(1)) == {"thing": 1}


def test_a_class_that_writes_its_config_gets_the_common_part():
    class Writes(layers.Layer):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)

        def get_config(self):
            return {**super().get_config(), "units": "written"}

    assert own(Writes(3)) == {"units": "written"}

    class Below(Writes):
        def __init__(self, units, more=1, **kwargs):
            super().__init__(units, **kwargs)

    assert own(Below(3)) == {"units": "written"}


def test_plaits_own_layers_tell_what_they_hold_now():
    layer = layers.Dropout(0.5)
    layer.rate = 0.25
    assert layer.get_config()["rate"] == 0.25


@register_keras_serializable("configs")
class OfGraph(plait.Model):
    """A subclass that takes inputs and outputs as Model does."""

    def __init__(self, inputs, outputs, name=None, seen=0, **kwargs):
        super().__init__(inputs, outputs, name=name, **kwargs)
        self._count = seen


@register_keras_serializable("configs")
class MakesGraph(plait.Model):
    """A subclass that makes its own graph of an argument."""

    def __init__(self, width):
        x = plait.Input((3,))
        super().__init__(x, layers.Dense(width)(x))


@pytest.mark.parametrize("kind", [OfGraph, MakesGraph])
def test_subclasses_with_a_graph_are_saved_and_cloned(kind, tmp_path):
    x = plait.Input((3,))
    model = kind(4) if kind is MakesGraph else kind(x, layers.Dense(4)(x), name="mine", seen=3)
    model.save(tmp_path / "m.keras")
    again = plait.load_model(tmp_path / "m.keras")
    data = np.ones((2, 3), "float32")
    assert type(again) is kind and again.name == model.name
    assert getattr(again, "_count", None) == getattr(model, "_count", None)
    np.testing.assert_array_equal(again(data), model(data))


def test_a_subclass_that_adds_to_the_config_of_a_graph_gets_it_back():
    class Adds(plait.Model):
        def __init__(self, *args, param=1, **kwargs):
            super().__init__(*args, **kwargs)
            self.param = param

        def get_config(self):
            return {**super().get_config(), "param": self.param}

    x = plait.Input((3,))
    again = Adds.from_config(Adds(inputs=x, outputs=layers.Dense(5)(x), param=3).get_config())
    assert again.param == 3 and again.output_shape == (None, 5)
