"""What Keras's own tests ask of layers, and plait once did otherwise; each found by `tools/keras_suite.py`."""

import json

import jax.numpy as jnp
import numpy as np
import pytest

import plait
from plait import layers
from plait.core.mask import get_mask, set_mask


@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.Dense(3, activation="relu", kernel_regularizer="l2"),
        lambda: layers.Embedding(5, 2, embeddings_constraint="non_neg"),
        lambda: layers.Bidirectional(layers.GRU(2)),
        lambda: layers.RNN([layers.LSTMCell(2), layers.GRUCell(3)]),
        lambda: layers.TimeDistributed(layers.Dense(2)),
    ],
    ids=["dense", "embedding", "bidirectional", "stacked", "time distributed"],
)
def test_a_config_is_plain_data_and_makes_the_layer_again(make):
    layer = make()
    config = layer.get_config()
    assert json.dumps(type(layer).from_config(config).get_config()) == json.dumps(config)


def test_a_clone_keeps_a_function_that_no_registry_knows():
    model = plait.Sequential([plait.Input((2,)), layers.Dense(1, activation=lambda x: x * 0 + 7)])
    assert float(plait.models.clone_model(model)(np.ones((1, 2)))[0, 0]) == 7


def test_layers_without_weights_are_built_from_the_start():
    class Squares(layers.Activation):
        def build(self, input_shape):
            pass

    assert layers.ReLU().built and layers.MaxPooling2D().built and layers.Dropout(0.5).built
    assert not layers.Dense(2).built and not Squares("relu").built


def test_einsum_dense_has_a_bias_that_fits_axes_left_out_on_the_right():
    layer = layers.EinsumDense("ab...,bc->ac...", output_shape=(4, None, None), bias_axes="c")
    assert layer(np.ones((2, 3, 5, 6))).shape == (2, 4, 5, 6)
    assert layer.bias.shape == (4, 1, 1)


def test_embedding_takes_its_table_at_once():
    assert layers.Embedding(3, 4, weights=np.ones((3, 4))).embeddings.numpy().sum() == 12


def test_dense_without_an_activation_set():
    layer = layers.Dense(1, use_bias=False, kernel_initializer="ones")
    layer.activation = None
    assert layer(np.ones((1, 2))).tolist() == [[2.0]]


def test_states_of_stacked_cells_come_out_cell_by_cell():
    out = layers.RNN([layers.LSTMCell(4), layers.GRUCell(3)], return_state=True)(np.zeros((2, 3, 5)))
    assert len(out) == 3 and [state.shape for state in out[1]] == [(2, 4), (2, 4)] and out[2].shape == (2, 3)


def test_time_distributed_gives_the_mask_to_a_layer_that_takes_one():
    class Masked(layers.Layer):
        def call(self, inputs, mask=None):
            assert mask is not None
            return inputs * jnp.expand_dims(mask, -1)

    inner = Masked()
    inner.supports_masking = True
    layer, mask = layers.TimeDistributed(inner), np.array([[True, False]])
    assert layer(np.ones((1, 2, 1)), mask=mask).tolist() == [[[1.0], [0.0]]]
    with pytest.raises(ValueError, match="The `mask` passed to the `TimeDistributed` layer has a shape"):
        layer(np.ones((1, 3, 1)), mask=mask)


def test_renormalization_starts_from_the_moving_variance_and_follows_the_deviation():
    layer = layers.BatchNormalization(
        renorm=True, momentum=0.5, moving_variance_initializer=plait.initializers.Constant(4.0)
    )
    layer.build((None, 1))
    assert float(layer.renorm_stddev[0]) == float(layer.moving_stddev[0]) == 2.0
    layer(np.array([[0.0], [2.0]], "float32"), training=True)
    stddev = 0.5 * 2 + 0.5 * np.sqrt(1.001)
    np.testing.assert_allclose(layer.moving_variance.numpy(), [stddev**2 - 0.001], rtol=1e-6)
    with pytest.raises(ValueError, match="invalid keys"):
        layers.BatchNormalization(renorm=True, renorm_clipping={"largest": 1.0})


def test_the_order_of_the_axes_of_a_normalization_does_not_matter():
    x = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    for cls in (layers.LayerNormalization, layers.RMSNormalization):
        np.testing.assert_allclose(cls(axis=[-1, -2])(x), cls(axis=[-2, -1])(x), rtol=1e-5, atol=1e-6)


def test_group_normalization_survives_what_half_floats_cannot_hold():
    out = layers.GroupNormalization(2, dtype="mixed_float16")(np.full((2, 4, 8), 70000.0, "float32"))
    assert not np.isnan(np.asarray(out)).any()


def test_merging_takes_shapes_in_a_tuple_and_refuses_one_mask_for_all():
    layer = layers.Add()
    layer.build(((2, 4), (2, 4)))
    tensors = [plait.Input((4,)), plait.Input((4,))]
    with pytest.raises(ValueError, match="`mask` should be a list"):
        layer.compute_mask(tensors, np.ones((2, 4)))


def test_attention_refuses_what_is_no_list():
    x = np.ones((1, 2, 2), "float32")
    for inputs, mask, message in [
        (x, None, "must be called on a list"),
        ([x] * 4, None, "in a list of length 2 or 3"),
        ([x, x], x, "mask must be a list"),
    ]:
        with pytest.raises(ValueError, match=message):
            layers.Attention()(inputs, mask=mask)


def test_attention_axes_may_count_from_the_end():
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 8)).astype("float32")
    ends = [layers.MultiHeadAttention(2, 4, attention_axes=axes) for axes in ((2,), (-2,))]
    ends[1].build(x.shape, x.shape)
    ends[0].build(x.shape, x.shape)
    ends[1].set_weights(ends[0].get_weights())
    np.testing.assert_allclose(ends[1](x, x), ends[0](x, x), rtol=1e-5, atol=1e-6)


def test_alpha_dropout_fills_unknown_sizes_of_its_noise_shape():
    out = layers.AlphaDropout(0.5, noise_shape=(None, 1, None), seed=1)(np.ones((20, 5, 10)), training=True)
    np.testing.assert_array_equal(out[:, 0], out[:, 1])


def test_softmax_refuses_masks_that_do_not_fit():
    x = np.ones((1, 3))
    for mask, message in [(np.ones((2, 3)), "broadcastable"), (np.ones((1, 1, 3)), "must not have more dimensions")]:
        with pytest.raises(ValueError, match=message):
            layers.Softmax()(x, mask=mask)


def test_an_input_refuses_what_contradicts_its_tensor():
    tensor = plait.KerasTensor((2, 3))
    for options in ({"shape": (4,)}, {"batch_size": 5}, {"dtype": "float16"}, {"batch_shape": (2, 4)}):
        with pytest.raises(ValueError, match=f"cannot provide an incompatible `{next(iter(options))}`"):
            layers.InputLayer(input_tensor=tensor, **options)
    with pytest.raises(ValueError, match="non-negative integer"):
        layers.Reshape((-2, 5))


def test_a_symbolic_tensor_says_what_cannot_be_set():
    tensor = plait.KerasTensor((2, 3))
    for name in ("shape", "dtype", "sparse", "ragged"):
        with pytest.raises(AttributeError, match=f"`{name}` attribute of KerasTensor is immutable"):
            setattr(tensor, name, None)


def test_a_mask_goes_on_through_dense():
    out = layers.Dense(2)(layers.Embedding(5, 3, mask_zero=True)(np.array([[1, 0]])))
    assert get_mask(out).tolist() == [[True, False]]


def test_a_mask_goes_on_through_a_cast():
    class Asks(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.supports_masking = True

        def call(self, x, mask=None):
            return x if mask is None else x * jnp.expand_dims(mask, -1).astype(x.dtype)

    x = jnp.ones((1, 2, 3))
    set_mask(x, jnp.array([[True, False]]))
    out = Asks(dtype="float16")(x)
    assert out.dtype == "float16" and out[0, :, 0].tolist() == [1, 0] and get_mask(out).tolist() == [[True, False]]


def test_weights_are_made_before_a_layer_is_built():
    class Late(layers.Layer):
        def call(self, x):
            return x * self.add_weight(shape=(), name="late")

    with pytest.raises(ValueError, match="cannot add new elements of state"):
        Late()(np.ones((2, 3)))


def test_the_shape_of_a_weight_may_come_by_position_its_name_not():
    layer = layers.Layer()
    assert layer.add_weight((2,), "ones", "float16", name="w").numpy().tolist() == [1, 1]
    for args, options, message in [
        (("w",), {"shape": (2,)}, "name='w'"),
        (((2,),), {"shape": (2,)}, "`shape` was passed both positionally and as a keyword argument"),
        (((2,), "ones", "float16", True), {}, "at most 3 positional arguments"),
    ]:
        with pytest.raises(ValueError, match=message):
            layer.add_weight(*args, **options)


def test_a_layer_that_only_holds_others_is_built_without_a_call():
    class Holder(layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense, self.weight = layers.Dense(2), self.add_weight((1,), name="weight")

    holder = Holder()
    holder.build(None)
    assert holder.built and len(holder.variables) == 1


def test_the_parameters_of_build_have_the_names_of_those_of_call():
    class WithoutShape(layers.Layer):
        def build(self, first_shape, second):
            pass

        def call(self, first, second=None):
            return first

    class Other(layers.Layer):
        def build(self, first_shape, third_shape):
            pass

        def call(self, first, second=None):
            return first

    class Leaves(layers.Layer):
        def build(self, first_shape, second_shape):
            self.seen = first_shape, second_shape

        def call(self, first, second=None):
            return first

    x = np.ones((4, 1))
    with pytest.raises(ValueError, match="argument `second`, which does not end in `_shape`"):
        WithoutShape()(x, x)
    with pytest.raises(ValueError, match=r"`third_shape`, but `call\(\)` does not have argument `third`"):
        Other()(x, x)
    layer = Leaves()
    layer(x)
    assert layer.seen == ((4, 1), None)


@pytest.mark.parametrize("make", [layers.SimpleRNNCell, layers.LSTMCell, layers.GRUCell])
def test_stacked_cells_drop_the_same_at_each_step(make):
    x = np.ones((4, 6, 3), "float32")
    layer = layers.RNN(
        [make(5, recurrent_dropout=0.3), make(8, dropout=0.9, kernel_initializer="ones", bias_initializer="ones")]
    )
    first, second = layer(x, training=True), layer(x, training=True)
    assert first.shape == (4, 8) and not np.allclose(first, second) and np.allclose(layer(x), layer(x))
    model = plait.Sequential([layer])
    model.compile("sgd", "mse")
    assert np.isfinite(model.fit(x, np.ones((4, 8), "float32"), verbose=0).history["loss"][0])

    class Adds(layers.SimpleRNNCell):
        """What of the inputs comes through."""

        def step(self, x, states, masks):
            return [states[0] + x]

    options = {"kernel_initializer": "identity", "use_bias": False}
    drops = Adds(50, dropout=0.5, seed=1, **options)
    stacked = layers.RNN([layers.SimpleRNNCell(50, activation=None, recurrent_initializer="zeros", **options), drops])
    summed = stacked(np.ones((1, 6, 50), "float32"), training=True)
    assert set(np.unique(summed)) == {0.0, 12.0}


def test_the_call_of_a_cell_of_ones_own_is_used():
    class Doubled(layers.SimpleRNNCell):
        def call(self, inputs, states, training=False):
            out, states = super().call(inputs, states, training=training)
            return 2 * out, states

    x = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    own, plain = layers.RNN(Doubled(5)), layers.RNN(layers.SimpleRNNCell(5))
    own.build(x.shape)
    plain.build(x.shape)
    own.set_weights(plain.get_weights())
    np.testing.assert_allclose(own(x), 2 * plain(x), rtol=1e-5)
    ones = np.ones((1, 6, 50), "float32")
    options = {
        "activation": None,
        "kernel_initializer": "identity",
        "recurrent_initializer": "identity",
        "use_bias": False,
    }
    assert set(np.unique(layers.RNN(Doubled(50, dropout=0.5, **options))(ones, training=True))) == {0.0, 24.0}


def test_a_stateful_layer_refuses_batches_of_another_size():
    layer = layers.LSTM(2, stateful=True)
    layer(np.ones((4, 3, 2)))
    with pytest.raises(ValueError, match="batch size of 4, but got a batch size of 1"):
        layer(np.ones((1, 3, 2)))


def test_full_saturation_is_finite():
    image = np.array([[[[200.0, 50.0, 50.0], [9.0, 9.0, 9.0]]]], "float32")
    out = np.asarray(layers.RandomSaturation((1.0, 1.0))(image, training=True))
    assert np.isfinite(out).all()
    np.testing.assert_allclose(out[0, 0, 1], 9.0, rtol=1e-5)


def test_a_sequential_that_was_built_on_data_takes_other_lengths():
    model = plait.Sequential([layers.Reshape((-1, 6)), layers.Dense(2)])
    assert model(np.ones((2, 4, 3))).shape == (2, 2, 2) and model(np.ones((2, 8, 3))).shape == (2, 4, 2)
    model.compile("sgd", "mse")
    for length in (2, 4, 6):
        model.fit(np.ones((2, 2 * length, 3)), np.ones((2, length, 2)), verbose=0)
    flat = plait.Sequential([layers.Flatten(), layers.Dense(1)])
    flat(np.ones((2, 4, 3)))
    with pytest.raises(ValueError, match="to have value 12"):
        flat(np.ones((2, 4, 5)))
    with pytest.raises(ValueError, match="expected shape"):
        plait.Sequential([plait.Input((4, 3)), layers.Flatten()])(np.ones((2, 4, 5)))


def test_a_pipeline_hands_the_mask_on():
    class Notes(layers.Layer):
        def call(self, x, mask=None):
            self.seen = mask
            return x

        def compute_mask(self, x, previous_mask):
            return previous_mask

    pipeline = layers.Pipeline([Notes(), Notes()])
    with pytest.warns(UserWarning, match="does not support masking"):  # the pipeline's own output has none
        pipeline(np.ones((1, 2)), mask=np.array([[True, False]]))
    assert [layer.seen.tolist() for layer in pipeline.layers] == [[[True, False]]] * 2
    for config in ({"name": "p"}, {"layers": None}):
        with pytest.raises(ValueError, match="'layers'"):
            layers.Pipeline.from_config(config)


def test_concatenate_takes_masks_of_the_whole_shape():
    tensors = [plait.Input((4, 5)), plait.Input((4, 5))]
    mask = layers.Concatenate(axis=1).compute_mask(tensors, [np.ones((2, 4, 5)), np.zeros((2, 4, 5))])
    assert mask.tolist() == [[True] * 4 + [False] * 4] * 2


def test_additive_attention_refuses_what_is_no_list():
    x = np.ones((1, 2, 2), "float32")
    for inputs, message in [(x, "must be called on a list"), ([x] * 4, "in a list of length 2 or 3")]:
        with pytest.raises(ValueError, match=message):
            layers.AdditiveAttention()(inputs)


def test_encodings_go_over_the_last_axis():
    x = np.array([[[0, 1], [1, 1], [2, 0]]])
    for layer in (
        layers.CategoryEncoding(3, output_mode="count"),
        layers.Discretization([0.5, 1.5], output_mode="count"),
        layers.IntegerLookup(vocabulary=[0, 1, 2], num_oov_indices=0, output_mode="count"),
    ):
        assert np.asarray(layer(x)).tolist() == [[[1, 1, 0], [0, 2, 0], [1, 0, 1]]]


def test_boxes_move_by_what_was_cut():
    data = {
        "images": np.zeros((10, 8, 3), "float32"),
        "bounding_boxes": {"boxes": np.array([[2, 1, 4, 3], [6, 4, 8, 6]]), "labels": np.array([1, 2])},
    }
    out = layers.Resizing(20, 20, crop_to_aspect_ratio=True, bounding_box_format="xyxy")(data)
    assert out["bounding_boxes"]["boxes"].tolist() == [[5, 0, 10, 5], [15, 7.5, 20, 12.5]]
