"""Masks go through ops and operators: a table of all of them, on eager values and on symbolic tensors.

Each array of each row of the parity tables gets a mask in turn. What is handed on must be right: an entry that counts in
a result is the same whatever stands in the masked entries. What isn't must be said, or have no mask by its nature.
"""

import operator
import warnings

import jax.numpy as jnp
import numpy as np
import pytest

import plait
from parity import test_ops_core, test_ops_image, test_ops_linalg, test_ops_math, test_ops_nn, test_ops_numpy
from parity.op_checks import function_of, plain, row
from plait import layers, ops
from plait.common.tree import flatten
from plait.core.graph import Graph
from plait.core.mask import get_mask, set_mask
from plait.core.op import mask_rules
from plait.core.tensor import KerasTensor

X = np.linspace(-1, 1, 24, dtype="float32").reshape(2, 3, 4)
ACTIVATIONS = (
    "relu gelu silu swish softmax log_softmax celu elu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu "
    "log_sigmoid relu6 selu sigmoid soft_shrink softplus softsign sparse_plus sparse_sigmoid sparsemax squareplus tanh_shrink "
    "stop_gradient"
)
MORE = [
    *(row(name, X) for name in ACTIVATIONS.split()),
    row("concatenate", [X, X], axis=1),
    row("concatenate", [X, X], axis=-1),
    row("stack", [X, X], axis=1),
    row("stack", [X, X], axis=-1),
    row("where", X > 0, X, X),
    row("add", X, X[0]),
    row("multiply", X, X[:, :, :1]),
    row("matmul", X, X[0].T),
    row("matmul", X, X[:, 0, :, None]),
    row("dot", X, X[0].T),
    row("einsum", "btd,de->bte", X, X[0].T),
    row("einsum", "btd,bsd->bts", X, X),
    row("take", X, np.array([0, 2]), axis=1),
    row("take", X, np.array([[0, 1, 1], [2, 3, 0]]), axis=0),
    row("expand_dims", X, axis=1),
    row("expand_dims", X, axis=(1, -1)),
    row("squeeze", X[:, None], axis=1),
    row("transpose", X, axes=(1, 0, 2)),
    row("moveaxis", X, 1, 0),
    row("swapaxes", X, 0, 1),
    row("reshape", X, (2, 3, 2, 2)),
    row("reshape", X, (2, 12)),
    row("broadcast_to", X, (2, 3, 4)),
    row("broadcast_to", X, (5, 2, 3, 4)),
    row("split", X, 3, axis=1),
    row("split", X, [1], axis=-1),
    row("unstack", X, axis=-1),
    row("roll", X, 1, axis=1),
    row("flip", X, axis=1),
    row("repeat", X, 2, axis=1),
    row("tile", X, (1, 2, 1)),
    row("tile", X, (1, 1, 2)),
    row("one_hot", np.array([[0, 1, 1], [2, 3, 0]]), 4),
    row("top_k", X, 2),
    row("moments", X, axes=[-1]),
    row("threshold", X, 0.1, 0.0),
    row("rearrange", X, "b t d -> t b d"),
    row("conv_transpose", X, np.ones((2, 5, 4), "float32")),
    row("ctc_decode", X, np.array([3, 3])),
    row("view_as_real", X + 1j),
]


def rows():
    """All rows with arrays, as (name, args, kwargs)."""
    for module in (test_ops_numpy, test_ops_linalg, test_ops_math, test_ops_image):
        yield from ((r.name, plain(list(r.args)), plain(r.kwargs)) for r in module.ROWS if r.symbolic)
    yield from ((name, list(args), dict(kwargs)) for name, args, kwargs, *_ in test_ops_nn.CASES)
    yield from ((name, list(args), dict(kwargs)) for name, args, kwargs, *_ in test_ops_core.CASES)
    yield from ((r.name, list(r.args), r.kwargs) for r in MORE)


def places(args, depth=0):
    """Where arrays stand among arguments: in these, or in lists of them."""
    for place, arg in enumerate(args):
        if isinstance(arg, (np.ndarray, jnp.ndarray)) and np.ndim(arg) and np.asarray(arg).dtype.kind in "fiubc":
            yield (place,)
        elif isinstance(arg, (list, tuple)) and depth == 0:
            yield from ((place, *rest) for rest in places(arg, 1))


def put(args, place, value):
    args = list(args)
    args[place[0]] = value if len(place) == 1 else put(args[place[0]], place[1:], value)
    return args


TABLE = [
    pytest.param(name, args, kwargs, place, id=f"{number}-{name}-{'.'.join(map(str, place))}")
    for number, (name, args, kwargs) in enumerate(rows())
    for place in places(args)
    if not callable(args[0])
]
STATIC = {("repeat", (1,)), ("slice", (1,))}  # arrays that a graph must know
WITH_FUNCTIONS = "associative_scan cond fori_loop jvp map scan switch vectorized_map while_loop".split()


def masked(x):
    """A mask of the first axes: mostly true, and the values with other numbers where it isn't."""
    x = np.asarray(x)
    mask = np.ones(x.shape[:2], bool)
    mask[(-1,) * mask.ndim] = False
    other = x.copy()
    other[~mask] = ~other[~mask] if x.dtype == bool else 1 if x.dtype.kind in "iu" else 0.75
    return x, other, mask


def taken(args, place):
    for part in place:
        args = args[part]
    return args


@pytest.mark.parametrize("name, args, kwargs, place", TABLE)
def test_ops_hand_masks_on_or_say_that_they_drop_them(name, args, kwargs, place):
    function = function_of(plait, name)
    x, other, mask = masked(taken(args, place))
    with_mask, mask_of = jnp.asarray(x), jnp.asarray(mask)
    set_mask(with_mask, mask_of)
    found = [leaf for leaf in flatten(function(*put(args, place, with_mask), **kwargs)) if hasattr(leaf, "shape")]
    elsewhere = [leaf for leaf in flatten(function(*put(args, place, other), **kwargs)) if hasattr(leaf, "shape")]
    masks = [get_mask(leaf) for leaf in found]
    for leaf, changed, its in zip(found, elsewhere, masks, strict=True):
        if its is not None:
            assert its.shape == leaf.shape[: its.ndim] and its.dtype == bool
            counts = np.asarray(its)
            np.testing.assert_array_equal(np.asarray(leaf)[counts], np.asarray(changed)[counts])
    is_same = any(leaf is with_mask for leaf in found)  # grey images made grey
    if hasattr(function, "operation") and (name, place) not in STATIC and not is_same:
        check_symbolic(function, args, kwargs, place, masks)


def check_symbolic(function, args, kwargs, place, masks):
    """A graph hands on the same masks; where it hands on none, it warns, or the result has none by its nature."""
    x, _, mask = masked(taken(args, place))
    tensor, mask_in = KerasTensor(x.shape, x.dtype), KerasTensor(mask.shape, "bool")
    set_mask(tensor, mask_in)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        outputs = [t for t in flatten(function(*put(args, place, tensor), **kwargs)) if isinstance(t, KerasTensor)]
    found = [get_mask(output) for output in outputs]
    masks = masks or [None] * len(found)  # of numbers of axes
    assert [m is None for m in found] == [m is None for m in masks]
    says = any("drops the mask" in str(warning.message) for warning in told)
    quiet = mask_rules.get(function.operation.function.__name__) is not None
    assert says != any(m is not None for m in found) or (quiet and not says)
    wanted = [(m, e) for m, e in zip(found, masks, strict=True) if m is not None]
    if wanted:
        given = [*Graph([tensor, mask_in], [m for m, _ in wanted]).run([jnp.asarray(x), jnp.asarray(mask)])]
        for one, (_, expected) in zip(given, wanted, strict=True):
            np.testing.assert_array_equal(one, expected)


def test_every_op_has_a_row():
    names = {n for n in ops.__all__ if hasattr(getattr(ops, n), "operation")}
    named = {parameters.values[0].split(".")[-1] for parameters in TABLE}
    assert names - named - set(WITH_FUNCTIONS) == set()
    assert set(mask_rules) <= {getattr(ops, n).operation.function.__name__ for n in names}


# --- operators -----------------------------------------------------------------------------------------------------------

OPERATORS = [
    *(getattr(operator, name) for name in "add sub mul truediv floordiv mod pow eq ne lt le gt ge".split()),
    lambda a, b: (a > 0) & b,
    lambda a, b: (a > 0) | b,
    lambda a, b: (a > 0) ^ b,
]
SINGLE = [operator.neg, operator.pos, operator.abs, lambda x: ~(x > 0), round, lambda x: x.astype("float16")]


def sequence(name="ids"):
    ids = plait.Input((5,), dtype="int32", name=name)
    return ids, layers.Embedding(9, 4, mask_zero=True)(ids)


@pytest.mark.parametrize("number", range(len(OPERATORS)))
def test_operators_hand_masks_on(number):
    apply = OPERATORS[number]
    _, x = sequence()
    other, plain_one = sequence("others")[1], plait.Input((5, 4))
    assert get_mask(apply(x, 2)) is get_mask(apply(x, True)) is get_mask(x)
    assert get_mask(apply(x, np.ones(4, "float32"))) is get_mask(x)
    if number < 13:
        assert get_mask(apply(2, x)) is get_mask(x)
    assert get_mask(apply(x, x)) is get_mask(x)
    assert get_mask(apply(x, plain_one)) is None  # as the layers: what has no mask counts
    both = get_mask(apply(x, other))
    assert both.shape == (None, 5) and both.node.operation.name.startswith("logical_or")


@pytest.mark.parametrize("number", range(len(SINGLE)))
def test_operators_of_one_operand_hand_masks_on(number):
    _, x = sequence()
    assert get_mask(SINGLE[number](x)) is get_mask(x)


SLICES = {
    "[:, 1:]": (lambda x: x[:, 1:], lambda m: m[:, 1:]),
    "[:, ::2]": (lambda x: x[:, ::2], lambda m: m[:, ::2]),
    "[:, ::-1]": (lambda x: x[:, ::-1], lambda m: m[:, ::-1]),
    "[1:]": (lambda x: x[1:], lambda m: m[1:]),
    "[..., 0]": (lambda x: x[..., 0], lambda m: m),
    "[..., :2]": (lambda x: x[..., :2], lambda m: m),
    "[:, :-1, 1]": (lambda x: x[:, :-1, 1], lambda m: m[:, :-1]),
    "[:, None]": (lambda x: x[:, None], lambda m: m[:, None]),
    "[..., None]": (lambda x: x[..., None], lambda m: m),
    "[:, -1]": (lambda x: x[:, -1], None),
    "[0]": (lambda x: x[0], None),
}


@pytest.mark.parametrize("name", SLICES)
def test_slices_hand_masks_on(name):
    cut, cut_mask = SLICES[name]
    ids, x = sequence()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = get_mask(cut(x))
    values = np.array([[1, 2, 0, 3, 0], [0, 4, 5, 0, 6]])
    if cut_mask is None:
        assert found is None
    else:
        np.testing.assert_array_equal(Graph([ids], [found]).run([jnp.asarray(values)])[0], cut_mask(values != 0))


# --- what follows --------------------------------------------------------------------------------------------------------

IDS = np.array([[1, 2, 3, 0, 0], [4, 5, 0, 0, 0]])


def test_layers_after_operators_leave_the_padding_out():
    ids, x = sequence()
    direct = plait.Model(ids, layers.GlobalAveragePooling1D()(layers.Rescaling(2.0)(x)))
    written = plait.Model(ids, layers.GlobalAveragePooling1D()(ops.relu(x * 4) / 2 - ops.relu(-x * 2.0)))
    np.testing.assert_allclose(written.predict(IDS, verbose=0), direct.predict(IDS, verbose=0), rtol=1e-5)


class Written(plait.Model):
    """Without a graph: masks of values go through ops, too."""

    def __init__(self):
        super().__init__()
        self.table, self.pool = layers.Embedding(9, 4, mask_zero=True), layers.GlobalAveragePooling1D()

    def call(self, x):
        return self.pool(ops.multiply(self.table(x), 2.0))


def test_values_hand_masks_on_in_a_subclass():
    model = Written()
    found = model(IDS)
    table = np.asarray(model.table.embeddings) * 2
    expected = [np.mean([table[i] for i in line if i], axis=0) for line in IDS]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_allclose(model.predict(IDS, verbose=0), expected, rtol=1e-5)


class Plain(layers.Layer):
    def call(self, x):
        return ops.relu(x)


def test_masks_of_ops_end_with_the_layer_that_calls_them():
    x = layers.Embedding(9, 4, mask_zero=True)(IDS)
    with pytest.warns(UserWarning, match="does not support masking"):
        assert get_mask(Plain()(x)) is None
    assert get_mask(x) is not None


def test_the_loss_leaves_the_padding_out():
    ids, x = sequence()
    y = np.ones((2, 5, 4), "float32")
    written = plait.Model(ids, x * 2)
    written.compile("sgd", "mse")
    errors = (np.asarray(written(IDS)) - y) ** 2
    assert written.evaluate(IDS, y, verbose=0) == pytest.approx(errors.mean(-1)[IDS != 0].mean(), rel=1e-5)


def test_files_keep_what_ops_do_with_masks(tmp_path):
    ids, x = sequence()
    model = plait.Model(ids, layers.SimpleRNN(3)(ops.relu(x[:, 1:] * 2)))
    model.save(tmp_path / "m.keras")
    np.testing.assert_array_equal(plait.saving.load_model(tmp_path / "m.keras")(IDS), model(IDS))


def test_a_graph_of_kerases_runs_as_there():
    """There ops drop masks, and a file says nothing of it."""
    keras = pytest.importorskip("keras")
    ids = keras.Input((5,), dtype="int32")
    x = keras.layers.Embedding(9, 4, mask_zero=True)(ids) * 2.0
    theirs = keras.Model(ids, [keras.layers.SimpleRNN(3)(x), keras.layers.GlobalAveragePooling1D()(x)])
    ours = plait.models.model_from_json(theirs.to_json())
    ours.set_weights(theirs.get_weights())
    again = plait.Model.from_config(ours.get_config())
    again.set_weights(theirs.get_weights())
    for model in (ours, again):
        for one, expected in zip(model(IDS), theirs.predict(IDS, verbose=0), strict=True):
            np.testing.assert_allclose(one, expected, rtol=1e-5)


@pytest.mark.parametrize("kind", ["SimpleRNN", "LSTM", "GRU"])
@pytest.mark.parametrize("wrong", [(2, 4), (3, 5), (2, 5, 4, 1)])
def test_recurrent_layers_refuse_masks_of_another_length(kind, wrong):
    layer, x = getattr(layers, kind)(3), np.ones((2, 5, 4), "float32")
    with pytest.raises(plait.errors.ShapeError, match=r"mask.*\(B, T\).*got bool"):
        layer(x, mask=np.ones(wrong, bool))
    with pytest.raises(plait.errors.ShapeError, match=r"mask.*\(B, T\).*got bool"):
        layer(plait.Input((5, 4), batch_size=2), mask=plait.Input(wrong[1:], batch_size=wrong[0], dtype="bool"))
