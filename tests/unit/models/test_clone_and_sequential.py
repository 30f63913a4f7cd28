"""Clones keep what their model was; a Sequential says what its layers must be, and runs where no graph can be made."""

import numpy as np
import pytest

import plait
from plait import layers

X = np.ones((3, 2), "float32")


class Dictionary(layers.Layer):
    """Takes and gives a dict."""

    def call(self, inputs):
        assert isinstance(inputs, dict)
        return inputs


class Untold(layers.Layer):
    """Cannot tell its shapes beforehand."""

    def call(self, inputs):
        return inputs + 1.0

    def compute_output_spec(self, *args, **kwargs):
        raise NotImplementedError


class Demanding(layers.Layer):
    """Needs more than a tensor."""

    def call(self, inputs, training):
        return inputs


def test_compiled_says_whether_a_model_is_compiled():
    model = plait.Sequential([plait.Input((2,)), layers.Dense(1)])
    assert model.compiled is False
    model.compile("adam", "mse")
    assert model.compiled is True
    assert plait.models.clone_model(model).compiled is True


def test_inner_models_are_cloned_with_the_function_that_calls():
    inner_in = plait.Input((2,))
    inner = plait.Model(inner_in, layers.Dense(2)(inner_in), name="inner")
    x = plait.Input((2,))
    model = plait.Model(x, inner(x))

    def call(layer, *args, **kwargs):
        out = layer(*args, **kwargs)
        return layers.Dropout(0.5)(out) if isinstance(layer, layers.Dense) else out

    clone = plait.models.clone_model(model, call_function=call, recursive=True)
    assert [type(layer).__name__ for layer in clone.get_layer("inner").layers] == ["InputLayer", "Dense", "Dropout"]


def test_tensors_for_a_clone_have_the_structure_of_the_inputs():
    x, y = plait.Input((2,)), plait.Input((2,))
    model = plait.Model({"x": x, "y": y}, x + y)
    assert set(plait.models.clone_model(model, input_tensors={"x": x, "y": y}).input) == {"x", "y"}
    with pytest.raises(ValueError, match=r"`input_tensors` must have the same structure as model.input"):
        plait.models.clone_model(model, input_tensors=(x, y))


def test_layers_of_a_sequential_take_one_tensor():
    model = plait.Sequential([Demanding()], name="chain")
    with pytest.raises(ValueError, match=r"'chain': its layers can only have a single positional argument.*'training'"):
        model.build((None, 2))


def test_a_sequential_of_dicts():
    model = plait.Sequential([Dictionary()])
    out = model({"a": X, "b": X})
    assert set(out) == {"a", "b"}


def test_a_layer_that_cannot_tell_its_shapes():
    model = plait.Sequential([Untold()])
    np.testing.assert_array_equal(model(X), X + 1)


def test_a_sequential_without_layers_is_not_called():
    with pytest.raises(ValueError, match="has no layers"):
        plait.Sequential()(X)


def test_build_for_another_shape_than_the_inputs():
    model = plait.Sequential([plait.Input((2,), batch_size=3), layers.Dense(2)])
    with pytest.raises(ValueError, match=r"already been configured to use input shape \(3, 2\)"):
        model.build((3, 4))
    model.build((3, 2))
    model.build((None, 2))
    assert model.output_shape == (3, 2)


def test_the_path_of_an_output_that_is_not_connected():
    a, b = plait.Input((2,)), plait.Input((2,), name="b")
    with pytest.raises(
        ValueError, match=r"Output with path `second` is not connected to `inputs` .* because it needs the tensor 'b'"
    ):
        plait.Model(a, {"first": a * 2, "second": b * 3})


def test_a_clone_has_metrics_losses_and_an_optimizer_of_its_own():
    x = plait.Input((3,))
    model = plait.Model(x, layers.Dense(1)(x))
    model.compile("adam", plait.losses.Huber(0.5), metrics=[plait.metrics.MeanAbsoluteError(name="error"), "mse"])
    model.fit(np.ones((4, 3)), np.zeros((4, 1)), verbose=0)
    clone = plait.models.clone_model(model)
    held = [*model.variables, *model.optimizer.variables, *model.metrics_variables]
    clone.fit(np.ones((4, 3)), np.zeros((4, 1)), verbose=0)
    mine = [*clone.variables, *clone.optimizer.variables, *clone.metrics_variables]
    assert len(mine) == len(held)
    assert {*map(id, mine)}.isdisjoint(map(id, held))
    assert clone.loss is not model.loss
    assert clone.loss.delta == 0.5


def test_a_clone_has_copies_of_what_its_layers_hold():
    class Counting(layers.Layer):
        def __init__(self, metric, count=None, **kwargs):
            super().__init__(**kwargs)
            self.metric, self.count = metric, count

        def call(self, x):
            self.metric.update_state(self.count(x))
            return x

    x = plait.Input((3,))
    model = plait.Model(x, Counting(plait.metrics.Sum(), count=lambda x: plait.ops.sum(x))(x))
    clone = plait.models.clone_model(model)
    assert {*map(id, clone.metrics_variables)}.isdisjoint(map(id, model.metrics_variables))
    assert clone.layers[1].count is model.layers[1].count  # code has no copy


def test_a_clone_whose_metric_cannot_be_copied_is_left_uncompiled():
    class Odd(plait.metrics.Mean):
        def get_config(self):
            raise NotImplementedError("Odd has no config.")

    x = plait.Input((3,))
    model = plait.Model(x, layers.Dense(1)(x))
    model.compile("adam", "mse", metrics=[Odd()])
    with pytest.warns(UserWarning, match="the clone of .* isn't compiled"):
        clone = plait.models.clone_model(model)
    assert not clone.compiled
    assert len(clone.weights) == 2
