"""`plait.ops.nn`: values, gradients, recorded operations and their names are Keras's."""

import functools
import itertools

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import plait
from plait.errors import ArgumentError
from plait.ops import nn


def numbers(*shape: int, seed: int = 0, dtype: str = "float32") -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def probabilities(*shape: int, seed: int = 0) -> np.ndarray:
    raw = np.random.default_rng(seed).uniform(0.05, 1.0, shape).astype("float32")
    return raw / raw.sum(-1, keepdims=True)


VALID_SAME = ["valid", "same"]
LABELS = np.array([[1, 2, 1], [3, 3, 0]])
CAUSAL = np.tril(np.ones((5, 3), bool))[None, None]

# Name, tensors, options, and whether values are compared with a wider tolerance.
CASES: list[tuple[str, list, dict]] = [
    ("moments", [numbers(2, 3, 4)], {"axes": [0, 1]}),
    ("moments", [numbers(2, 3, 4)], {"axes": [2], "keepdims": True}),
    ("normalize", [numbers(2, 3, 4)], {}),
    ("normalize", [numbers(2, 3, 4)], {"axis": None}),
    ("normalize", [numbers(2, 3, 4)], {"axis": (0, 1)}),
    ("normalize", [numbers(2, 3, 4)], {"axis": 0, "order": 1}),
    ("normalize", [numbers(2, 3, 4)], {"axis": 1, "order": 3}),
    ("normalize", [numbers(2, 3) * 1e-9], {"epsilon": 1e-3}),
    ("layer_normalization", [numbers(2, 3, 4)], {}),
    ("layer_normalization", [numbers(2, 3, 4), numbers(4), numbers(4)], {"epsilon": 0.1}),
    ("layer_normalization", [numbers(2, 3, 4), numbers(3), numbers(3)], {"axis": 1}),
    ("layer_normalization", [numbers(2, 3, 4), numbers(3, 4)], {"axis": (1, 2)}),
    ("rms_normalization", [numbers(2, 3, 4)], {}),
    ("rms_normalization", [numbers(2, 3, 4), numbers(4)], {"epsilon": 0.1}),
    ("rms_normalization", [numbers(2, 3, 4), numbers(3, 4)], {"axis": (1, 2)}),
    ("one_hot", [np.array([0, 2, -1, 5])], {"num_classes": 3}),
    ("one_hot", [np.array([[0, 2]])], {"num_classes": 3, "axis": 0, "dtype": "int32"}),
    ("multi_hot", [np.array([[0, 2], [1, 1]])], {"num_classes": 3}),
    ("multi_hot", [np.array([0, 2])], {"num_classes": 4}),
    ("multi_hot", [np.array([[0, 2]])], {"num_classes": 3, "axis": 0}),
    ("multi_hot", [np.array([[[0, 2], [1, 1]]])], {"num_classes": 3}),
    ("categorical_crossentropy", [probabilities(3, 4), probabilities(3, 4, seed=1)], {}),
    ("categorical_crossentropy", [probabilities(3, 4), probabilities(3, 4, seed=1)], {"axis": 0}),
    ("categorical_crossentropy", [probabilities(3, 4), numbers(3, 4)], {"from_logits": True}),
    ("binary_crossentropy", [probabilities(3, 4), probabilities(3, 4, seed=1)], {}),
    ("binary_crossentropy", [probabilities(3, 4), numbers(3, 4)], {"from_logits": True}),
    ("sparse_categorical_crossentropy", [np.array([0, 2, -1]), probabilities(3, 4)], {}),
    ("sparse_categorical_crossentropy", [np.array([0, 2, 4]), numbers(3, 4)], {"from_logits": True}),
    ("sparse_categorical_crossentropy", [np.array([[0], [2]]), numbers(2, 4)], {"from_logits": True}),
    ("psnr", [numbers(2, 3), numbers(2, 3, seed=1)], {"max_val": 2.0}),
    ("polar", [np.array([1.0, 2.0], "float32"), np.array([0.0, 1.0], "float32")], {}),
    ("ctc_loss", [LABELS, numbers(2, 6, 4), np.array([2, 2]), np.array([6, 4])], {}),
    ("ctc_loss", [LABELS, numbers(2, 6, 4), np.array([3, 0]), np.array([5, 4])], {"mask_index": 0}),
    ("ctc_loss", [np.array([[1, 2, 0]]), numbers(1, 6, 4), np.array([3]), np.array([6])], {"mask_index": 3}),
    ("dot_product_attention", [numbers(2, 5, 4, 8), numbers(2, 3, 4, 8), numbers(2, 3, 4, 8, seed=1)], {}),
    ("dot_product_attention", [numbers(2, 5, 4, 8), numbers(2, 3, 2, 8), numbers(2, 3, 2, 8)], {"is_causal": True}),
    (
        "dot_product_attention",
        [numbers(2, 5, 4, 8), numbers(2, 3, 4, 8), numbers(2, 3, 4, 8)],
        {"scale": 0.1, "mask": CAUSAL},
    ),
    (
        "dot_product_attention",
        [numbers(2, 5, 4, 8), numbers(2, 3, 4, 8), numbers(2, 3, 4, 8)],
        {"bias": numbers(1, 4, 5, 3), "mask": np.zeros((2, 1, 5, 3), bool)},
    ),
    ("unfold", [numbers(2, 3, 6, 7)], {"kernel_size": 3}),
    ("unfold", [numbers(2, 3, 6, 7)], {"kernel_size": (2, 3), "dilation": (2, 1), "padding": (1, 2), "stride": (1, 2)}),
    ("fold", [numbers(2, 3 * 4, 9)], {"output_size": (4, 4), "kernel_size": 2}),
    ("fold", [numbers(1, 9, 9)], {"output_size": (5, 5), "kernel_size": 3, "padding": 1, "stride": 2}),
    ("fold", [numbers(1, 8, 16)], {"output_size": (6, 6), "kernel_size": 2, "dilation": 2}),
    ("depth_to_space", [numbers(2, 3, 2, 8)], {"block_size": 2}),
    ("depth_to_space", [numbers(2, 8, 3, 2)], {"block_size": 2, "data_format": "channels_first"}),
    ("space_to_depth", [numbers(2, 4, 6, 3)], {"block_size": 2}),
    ("space_to_depth", [numbers(2, 3, 4, 6)], {"block_size": 2, "data_format": "channels_first"}),
    ("batch_normalization", [numbers(2, 3, 4), numbers(4), numbers(4) ** 2], {"axis": -1}),
    (
        "batch_normalization",
        [numbers(2, 3, 4), numbers(3), numbers(3) ** 2],
        {"axis": 1, "offset": numbers(3, seed=1), "scale": numbers(3, seed=2), "epsilon": 0.1},
    ),
    ("conv", [numbers(2, 9, 4), numbers(3, 4, 5)], {"padding": "same", "strides": 2}),
    ("conv", [numbers(2, 7, 8, 4), numbers(3, 2, 4, 5)], {"strides": (2, 1)}),
    ("conv", [numbers(2, 7, 8, 4), numbers(3, 2, 2, 6)], {"dilation_rate": (1, 2), "padding": "SAME"}),
    ("conv", [numbers(2, 4, 7, 8), numbers(3, 3, 4, 5)], {"data_format": "channels_first", "strides": 2}),
    ("conv", [numbers(1, 4, 5, 6, 2), numbers(2, 3, 2, 2, 3)], {}),
    ("depthwise_conv", [numbers(2, 7, 8, 4), numbers(3, 3, 4, 2)], {"strides": 2, "padding": "same"}),
    ("depthwise_conv", [numbers(2, 4, 9), numbers(3, 4, 2)], {"data_format": "channels_first", "dilation_rate": 2}),
    ("separable_conv", [numbers(2, 7, 8, 4), numbers(3, 3, 4, 2), numbers(1, 1, 8, 5)], {"padding": "same"}),
    ("separable_conv", [numbers(2, 9, 4), numbers(3, 4, 1), numbers(1, 4, 5)], {"strides": 2}),
    ("max_pool", [numbers(2, 7, 8, 3)], {"pool_size": 2, "strides": 2}),
    ("max_pool", [numbers(2, 7, 8, 3)], {"pool_size": (3, 2), "strides": (2, 1), "padding": "same"}),
    ("max_pool", [numbers(2, 3, 9)], {"pool_size": 3, "strides": 2, "data_format": "channels_first"}),
    ("average_pool", [numbers(2, 7, 8, 3)], {"pool_size": 2, "strides": 2}),
    ("average_pool", [numbers(2, 7, 8, 3)], {"pool_size": (3, 2), "strides": (2, 1), "padding": "same"}),
    (
        "average_pool",
        [numbers(2, 3, 4, 5, 6)],
        {"pool_size": 2, "strides": 2, "data_format": "channels_first", "padding": "same"},
    ),
    ("adaptive_average_pool", [numbers(2, 7, 8, 3)], {"output_size": (3, 5)}),
    ("adaptive_average_pool", [numbers(2, 3, 7)], {"output_size": 4, "data_format": "channels_first"}),
    ("adaptive_max_pool", [numbers(2, 7, 8, 3)], {"output_size": (3, 5)}),
    ("adaptive_max_pool", [numbers(2, 4, 5, 6, 2)], {"output_size": 2}),
]
IDS = [f"{index}-{row[0]}" for index, row in enumerate(CASES)]


def arrays(options: dict) -> dict:
    return {key: jnp.asarray(value) if isinstance(value, np.ndarray) else value for key, value in options.items()}


def with_gradients(function, tensors):
    """A function's values, and gradients that tell every output from the others."""
    floating = tuple(i for i, tensor in enumerate(tensors) if jnp.issubdtype(tensor.dtype, jnp.floating))

    def weighted(*values):
        out = function(*values)
        floats = [leaf for leaf in jax.tree.leaves(out) if jnp.issubdtype(leaf.dtype, jnp.floating)]
        return sum(jnp.sum(x * jnp.cos(jnp.arange(x.size).reshape(x.shape))) for x in floats) + 0.0, out

    return jax.grad(weighted, floating, has_aux=True)(*tensors) if floating else ((), function(*tensors))


@pytest.mark.parametrize("name, tensors, options", CASES, ids=IDS)
def test_values_and_gradients_are_the_same(name, tensors, options):
    tensors, options = [jnp.asarray(tensor) for tensor in tensors], arrays(options)
    functions = [functools.partial(getattr(library.ops, name), **options) for library in (plait, keras)]
    program = jax.jit(lambda *values: [with_gradients(function, values) for function in functions])
    (gradients, out), (wanted, expected) = program(*tensors)
    for a, b in zip(jax.tree.leaves(out), jax.tree.leaves(expected), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=2e-5)
    for a, b in zip(gradients, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


KERAS_CANNOT_RECORD = {"adaptive_average_pool", "adaptive_max_pool"}  # or gives another shape than it computes


@pytest.mark.parametrize("name, tensors, options", CASES, ids=IDS)
def test_symbolic_calls_are_recorded_alike(name, tensors, options):
    options = arrays(options)
    ours = jax.tree.leaves(getattr(nn, name)(*[plait.KerasTensor(t.shape, t.dtype.name) for t in tensors], **options))
    computed = jax.eval_shape(lambda *x: getattr(nn, name)(*x, **options), *tensors)
    for symbolic, real in zip(ours, jax.tree.leaves(computed), strict=True):
        assert (symbolic.shape, symbolic.dtype) == (real.shape, real.dtype)
    if (name == "conv" and tensors[0].shape[-1] != tensors[1].shape[-2]) or name == "separable_conv":
        return  # Keras refuses groups on symbolic tensors
    symbols = [keras.KerasTensor(t.shape, t.dtype.name) for t in tensors]
    theirs = jax.tree.leaves(getattr(keras.ops, name)(*symbols, **options)) if name not in KERAS_CANNOT_RECORD else []
    if theirs:
        operation, expected = ours[0]._keras_history.operation, theirs[0]._keras_history.operation
        assert type(operation).__name__ == type(expected).__name__
        assert plait.common.registry.homes[type(operation)][0] == type(expected).__module__
        assert set(operation.get_config()) <= set(expected.get_config()) == {"name", *operation.options}


@pytest.mark.parametrize("window, stride, dilation", list(itertools.product([1, 2, 3, 4], [1, 2, 3], [1, 2])))
def test_transposed_convolutions_are_the_same(window, stride, dilation):
    if stride > 1 and dilation > 1:
        return  # Keras refuses both together
    x, kernel = jnp.asarray(numbers(1, 4, 2)), jnp.asarray(numbers(window, 3, 2))
    for padding, longer in itertools.product(VALID_SAME, [None, *range(stride)]):
        options = {"strides": stride, "padding": padding, "output_padding": longer, "dilation_rate": dilation}
        try:
            expected = keras.ops.conv_transpose(x, kernel, **options)
        except ValueError:
            continue
        np.testing.assert_allclose(nn.conv_transpose(x, kernel, **options), expected, atol=1e-5, err_msg=str(options))


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_transposed_convolutions_of_images_are_the_same(data_format):
    x, kernel = (
        jnp.asarray(numbers(2, 3, 4, 3) if data_format == "channels_last" else numbers(2, 3, 4, 5)),
        numbers(3, 2, 5, 3),
    )
    for padding in VALID_SAME:
        options = {"strides": (2, 3), "padding": padding, "data_format": data_format}
        expected = keras.ops.conv_transpose(x, jnp.asarray(kernel), **options)
        np.testing.assert_allclose(nn.conv_transpose(x, kernel, **options), expected, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_dtypes_of_several_kinds_of_operands(dtype):
    logits, other = jnp.asarray(numbers(1, 6, 4), dtype), jnp.asarray(numbers(1, 6, 2, 4), "float16")
    calls = [
        lambda ops: ops.ctc_loss([[1, 2]], logits, [2], [6]),
        lambda ops: ops.ctc_decode(logits, [6])[1],
        lambda ops: ops.ctc_decode(logits, [6], strategy="beam_search")[1],
        lambda ops: ops.dot_product_attention(jnp.asarray(other, dtype), other, other),
    ]
    assert [call(nn).dtype for call in calls] == [call(keras.ops).dtype for call in calls]


def test_a_softmax_over_one_value_warns():
    with pytest.warns(UserWarning, match="Did you mean to use a sigmoid"):
        assert nn.softmax(numbers(3, 1)).tolist() == [[1.0]] * 3


def test_half_floats_keep_their_dtype():
    half = jnp.asarray(numbers(2, 3, 4)).astype("float16")
    for name, options in [
        ("layer_normalization", {}),
        ("rms_normalization", {}),
        ("normalize", {}),
        ("moments", {"axes": [0]}),
    ]:
        got, expected = (jax.tree.leaves(getattr(x.ops, name)(half * 100, **options)) for x in (plait, keras))
        for a, b in zip(got, expected):
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a.astype("float32"), b.astype("float32"), rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"merge_repeated": False},
        {"mask_index": 3},
        {"strategy": "beam_search", "beam_width": 100, "top_paths": 2},
        {"strategy": "beam_search", "beam_width": 100, "top_paths": 3, "mask_index": 2},
    ],
)
def test_decoding_is_the_same(options):
    x, lengths = jnp.asarray(numbers(2, 6, 4) * 2), jnp.array([6, 4])
    both = jax.jit(lambda x: [library.ops.ctc_decode(x, lengths, **options) for library in (plait, keras)])
    got, expected = both(x)
    np.testing.assert_array_equal(got[0], expected[0])
    np.testing.assert_allclose(got[1], expected[1], rtol=1e-5)


def test_beam_search_finds_the_most_likely_labels():
    """Against the sum over all paths, one by one."""
    x = numbers(1, 5, 3, seed=4)
    logs = np.asarray(jax.nn.log_softmax(x))[0]
    sums: dict[tuple, float] = {}
    for path in itertools.product(range(3), repeat=5):
        labels = tuple(c for c, _ in itertools.groupby(path) if c != 0)
        sums[labels] = sums.get(labels, 0.0) + float(np.exp(sum(logs[t, c] for t, c in enumerate(path))))
    best = sorted(sums.items(), key=lambda item: -item[1])[:3]
    labels, scores = nn.ctc_decode(x, [5], strategy="beam_search", beam_width=60, top_paths=3)
    for path, score, (expected, probability) in zip(np.asarray(labels)[:, 0], np.asarray(scores)[0], best):
        assert tuple(path[path >= 0]) == expected
        assert np.exp(score) == pytest.approx(probability, rel=1e-4)


def test_what_keras_refuses_works():
    assert nn.normalize([[3, 4]]).dtype == "float32"
    q, kv = numbers(2, 5, 4, 8), numbers(2, 3, 4, 8)
    capped = nn.dot_product_attention(q, kv, kv, attn_logits_soft_cap=1e6)
    np.testing.assert_allclose(capped, nn.dot_product_attention(q, kv, kv), atol=1e-4)
    logits = np.array([[0.0, -np.inf]], "float32")
    assert float(nn.sparse_categorical_crossentropy([0], logits, from_logits=True)[0]) == 0.0
    np.testing.assert_array_equal(nn.max_pool(logits[..., None, None], (2, 1)).ravel(), [0.0])
    assert nn.max_pool(plait.KerasTensor((None, None, 8, 3)), 2).shape == (None, None, 4, 3)
    assert nn.sparse_categorical_crossentropy(np.zeros((2, 3)), numbers(2, 4, 3), axis=1).shape == (2, 3)
    too_long = jax.jit(nn.ctc_loss)(np.array([[3, 3, 3]]), numbers(1, 6, 4), np.array([3]), np.array([2]))
    assert 1e5 < float(too_long[0]) < 1.1e5
    assert nn.adaptive_max_pool(plait.KerasTensor((None, None, 3)), 2).shape == (None, 2, 3)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: nn.conv(numbers(1, 5, 3), numbers(2, 2, 4)),
        lambda: nn.conv(numbers(1, 5, 3), numbers(2, 2, 3, 4)),
        lambda: nn.conv(numbers(1, 5, 3), numbers(2, 3, 4), padding="sam"),
        lambda: nn.conv(numbers(1, 5, 3), numbers(2, 3, 4), strides=0),
        lambda: nn.conv(numbers(1, 5, 3), numbers(2, 3, 4), data_format="last"),
        lambda: nn.conv_transpose(numbers(1, 5, 3), numbers(2, 3, 4)),
        lambda: nn.conv_transpose(numbers(1, 5, 3), numbers(2, 4, 3), output_padding=-1),
        lambda: nn.depthwise_conv(numbers(1, 5, 3), numbers(2, 4, 1)),
        lambda: nn.max_pool(numbers(5, 3), 2),
        lambda: nn.normalize(numbers(2, 3), order=0),
        lambda: nn.categorical_crossentropy(numbers(2, 3), numbers(1, 3)),
        lambda: nn.categorical_crossentropy(1.0, 1.0),
        lambda: nn.binary_crossentropy(numbers(2, 3), numbers(1, 3)),
        lambda: nn.sparse_categorical_crossentropy([0, 1, 2], numbers(2, 3)),
        lambda: nn.psnr(numbers(2, 3), numbers(3), 1.0),
        lambda: nn.multi_hot([[0]]),
        lambda: nn.glu(numbers(2, 3)),
        lambda: nn.dot_product_attention(numbers(5, 4, 8), numbers(3, 4, 8), numbers(3, 4, 8)),
        lambda: nn.dot_product_attention(numbers(1, 5, 4, 8), numbers(1, 3, 3, 8), numbers(1, 3, 3, 8)),
        lambda: nn.fold(numbers(1, 8, 8), (4, 4), 2),
        lambda: nn.depth_to_space(numbers(1, 2, 2, 3), 2),
        lambda: nn.depth_to_space(numbers(1, 2, 2, 4), 0),
        lambda: nn.space_to_depth(numbers(1, 2, 2, 3), 1),
        lambda: nn.batch_normalization(numbers(2, 3), numbers(3), numbers(3), axis=-1, offset=numbers(1)),
        lambda: nn.space_to_depth(numbers(1, 3, 2, 3), 2),
        lambda: nn.ctc_decode(numbers(1, 2, 3), [2], strategy="best"),
        lambda: nn.layer_normalization(numbers(2, 3, 4), numbers(4), axis=(1, 2)),
    ],
)
def test_wrong_arguments_are_refused(wrong):
    with pytest.raises(ArgumentError):
        wrong()
