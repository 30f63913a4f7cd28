"""Small things beside models: configs, registered names, sources of tensors, models from text."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import plait
from plait.errors import ArgumentError, MissingError


def test_a_config_is_a_bag_of_values():
    config = plait.utils.Config(units=8)
    config.rate = 0.5
    config["depth"] = 2
    config.update(units=16)
    assert config.as_dict() == {"units": 16, "rate": 0.5, "depth": 2}
    assert (config.get("none", 3), config.pop("depth"), len(config), list(config)) == (3, 2, 2, ["rate", "units"])
    with pytest.raises(MissingError, match="Did you mean 'units'"):
        config.unit


def test_a_frozen_config_stays():
    config = plait.utils.Config(units=8)
    config.freeze()
    for change in (lambda: setattr(config, "units", 1), lambda: config.pop("units"), lambda: config.update(a=1)):
        with pytest.raises(ArgumentError, match="frozen"):
            change()
    config.unfreeze()
    del config.units
    assert "units" not in config


@plait.saving.register_keras_serializable("test_utils")
def twice(x):
    return 2 * x


def test_registered_objects():
    assert plait.utils.get_registered_object("test_utils>twice") is twice
    assert plait.utils.get_registered_object("mine", custom_objects={"mine": twice}) is twice
    assert plait.utils.get_registered_object("nobody") is None


def test_sources_of_a_tensor():
    a, b, unused = plait.Input((3,)), plait.Input((3,)), plait.Input((3,))
    hidden = plait.layers.Add()([plait.layers.Dense(3)(a), b])
    assert plait.utils.get_source_inputs(hidden + a) == [a, b]
    assert plait.utils.get_source_inputs(unused) == [unused]


def test_models_from_text():
    inputs = plait.Input((3,))
    model = plait.Model(inputs, plait.layers.Dense(2)(inputs), name="told")
    copy = plait.models.model_from_json(model.to_json())
    assert (copy.name, copy.output_shape) == ("told", (None, 2))
    with pytest.raises(ArgumentError, match="not JSON"):
        plait.models.model_from_json("{")
    with pytest.raises(ArgumentError, match="doesn't describe a model"):
        plait.models.model_from_json("{}")


def test_a_progress_bar_says_one_line_where_there_is_no_terminal(capsys):
    bar = plait.utils.Progbar(3, stateless_metrics=["mean"])
    bar.update(1, [("mean", [0.0, 2.0]), ("last", 1.0)])
    bar.update(2, [("mean", 4.0), ("last", 5.0)])
    assert capsys.readouterr().out == ""
    bar.update(3, [("mean", 1.0), ("last", 7.0)])
    assert capsys.readouterr().out == "3/3 - mean: 2.0000 - last: 7.0000\n"
    with pytest.raises(ArgumentError, match="Only one of"):
        plait.utils.Progbar(1, stateful_metrics=[], stateless_metrics=[])


def test_arrays_of_jax_stay_such():
    for function, x in ((plait.utils.to_categorical, [0, 2]), (plait.utils.normalize, [[3.0, 4.0], [0.0, 0.0]])):
        plain, own = function(np.array(x)), function(jnp.array(x))
        assert isinstance(plain, np.ndarray) and isinstance(own, jax.Array)
        np.testing.assert_allclose(own, plain, rtol=1e-6)


def test_there_is_no_other_kind_of_data_set():
    with pytest.raises(ArgumentError, match="`format` should be"):
        plait.utils.timeseries_dataset_from_array(np.arange(10), None, 3, format="list")
