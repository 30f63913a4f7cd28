"""What packages written for Keras do that isn't in its documentation; keras-hub and kimm did each of these."""

import keras as real_keras
import numpy as np
import pytest

import plait

LIBRARIES = pytest.mark.parametrize("library", [real_keras, plait], ids=["keras", "plait"])


@pytest.fixture
def hook():
    plait.compat.install()
    yield
    plait.compat.uninstall()


@LIBRARIES
def test_a_layer_that_states_its_shape_is_called_by_keyword(library):
    class Between(library.layers.Layer):
        def call(self, decoder_sequence, encoder_sequence=None, padding_mask=None):
            return decoder_sequence

        def compute_output_shape(self, decoder_sequence_shape):
            return decoder_sequence_shape

    x, y, mask = library.Input((None, 8)), library.Input((5, 3)), library.Input((None,), dtype="int32")
    found = Between()(decoder_sequence=x, encoder_sequence=y, padding_mask=mask)
    assert tuple(found.shape) == (None, None, 8)


@LIBRARIES
def test_a_layer_that_states_its_shape_sees_those_of_all_its_inputs(library):
    class Crossed(library.layers.Layer):
        def call(self, query, value):
            return library.ops.einsum("bqd,bvd->bqv", query, value)

        def compute_output_shape(self, query_shape, value_shape):
            return (*query_shape[:2], value_shape[1])

    found = Crossed()(library.Input((4, 8)), value=library.Input((6, 8)))
    assert tuple(found.shape) == (None, 4, 6)


@LIBRARIES
def test_attention_is_taken_apart_by_a_subclass(library):
    class Cached(library.layers.MultiHeadAttention):
        def call(self, query, value):
            parts = self._query_dense(query), self._key_dense(value), self._value_dense(value)
            mixed, _ = self._compute_attention(query=parts[0], key=parts[1], value=parts[2], training=False)
            return self._output_dense(mixed)

    x = np.random.default_rng(0).normal(size=(2, 5, 8)).astype("float32")
    layer = Cached(num_heads=2, key_dim=4)
    whole = library.layers.MultiHeadAttention(num_heads=2, key_dim=4)
    expected = whole(x, x)
    layer.build(x.shape, x.shape)
    layer.set_weights(whole.get_weights())
    assert (layer._num_heads, layer._key_dim) == (2, 4)
    np.testing.assert_allclose(np.asarray(layer(x, x)), np.asarray(expected), atol=1e-6)


def test_attention_with_dropout_draws_as_keras_does():
    x = np.ones((1, 3, 4), "float32")
    found = []
    for library in (real_keras, plait):
        library.utils.set_random_seed(4)
        layer = library.layers.MultiHeadAttention(2, 2, dropout=0.5)
        layer(x, x)
        found.append([*layer.get_weights(), library.layers.Dropout(0.5).seed_generator.state.numpy()])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-7)


@LIBRARIES
def test_a_layer_that_takes_lists_as_they_are(library):
    class Packed(library.layers.Layer):
        def __init__(self):
            super().__init__()
            self._convert_input_args = False
            self._allow_non_tensor_positional_args = True

        def call(self, values):
            return [*values, "end"]

    assert Packed()([1, 2]) == [1, 2, "end"]


def test_internals_that_packages_import(hook):
    from keras.src.backend import get_keras_mask, set_keras_mask
    from keras.src.utils.backend_utils import in_grain_data_pipeline
    from keras.src.utils.module_utils import LazyModule

    x = plait.ops.ones((2, 3))
    set_keras_mask(x, plait.ops.ones((2, 3), "bool"))
    assert get_keras_mask(x).shape == (2, 3)
    assert not in_grain_data_pipeline()
    assert LazyModule("json").available and LazyModule("json").dumps([1]) == "[1]"
    nowhere = LazyModule("nowhere_to_be_found", pip_name="nowhere")
    assert not nowhere.available
    with pytest.raises(ImportError, match="pip install nowhere"):
        _ = nowhere.something


def test_a_name_of_keras_own_files_that_is_not_here(hook):
    with pytest.raises(ImportError, match="DropoutRNNCell"):
        exec("from keras.src.layers.rnn.dropout_rnn_cell import DropoutRNNCell")
    from keras.src.backend import some_function

    with pytest.raises(AttributeError, match=r"plait has no keras\.src\.backend\.some_function"):
        some_function()


@LIBRARIES
def test_a_layer_that_states_its_shape_is_asked_inside_of_models_too(library):
    """No length that is tried out would be short enough for its table."""

    class Table(library.layers.Layer):
        def build(self, input_shape):
            self.table = self.add_weight(shape=(12, input_shape[-1]), name="table")

        def call(self, x):
            return x + self.table[: x.shape[1]] * library.ops.ones((x.shape[1], 1))

        def compute_output_shape(self, input_shape):
            return input_shape

    inputs = library.Input((None, 4))
    inner = library.Model(inputs, Table()(inputs))
    again = library.Input((None, 4))
    model = library.Model(again, library.layers.Dense(2)(inner(again)))
    assert tuple(model.output_shape) == (None, None, 2)
    assert np.asarray(model(np.ones((3, 5, 4), "float32"))).shape == (3, 5, 2)
