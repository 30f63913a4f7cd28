"""Reductions and running sums over random axes, against NumPy."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from plait import ops
from property.shapes import agree, array, quick, shapes, symbolic_agrees

REDUCTIONS = "sum mean max min prod var std any all count_nonzero median nansum nanmean".split()
POSITIONS = "argmax argmin".split()


@st.composite
def shapes_and_axes(draw, several=True):
    """A shape, and an axis of it, several, or None for all."""
    shape = draw(shapes)
    rank = len(shape)
    one = st.integers(-rank, rank - 1)
    choices = [st.none(), one]
    if several:
        choices.append(st.sets(st.integers(0, rank - 1), min_size=1).map(lambda axes: tuple(sorted(axes))))
    return shape, draw(st.one_of(choices))


def counted(axis):
    return axis is None or 0 in (axis if isinstance(axis, tuple) else (axis,))


@quick
@given(st.sampled_from(REDUCTIONS), shapes_and_axes(), st.booleans())
def test_reductions(name, shape_and_axis, keepdims):
    shape, axis = shape_and_axis
    x = array(shape) / 4
    if name in ("any", "all"):
        x = x > 0
    options = {} if name == "count_nonzero" else {"keepdims": keepdims}
    found = getattr(ops, name)(x, axis=axis, **options)
    agree(found, getattr(np, name)(x, axis=axis, **options), 1e-3)
    symbolic_agrees(lambda tensor: getattr(ops, name)(tensor, axis=axis, **options), x, found)


@quick
@given(st.sampled_from(POSITIONS), shapes_and_axes(several=False), st.booleans())
def test_positions_of_extremes(name, shape_and_axis, keepdims):
    shape, axis = shape_and_axis
    x = array(shape)
    agree(getattr(ops, name)(x, axis=axis, keepdims=keepdims), getattr(np, name)(x, axis=axis, keepdims=keepdims))


@quick
@given(st.sampled_from(["cumsum", "cumprod"]), shapes_and_axes(several=False))
def test_running_totals(name, shape_and_axis):
    shape, axis = shape_and_axis
    x = array(shape) / 8
    agree(getattr(ops, name)(x, axis=axis), getattr(np, name)(x, axis=axis))


@quick
@given(shapes_and_axes(), st.booleans())
def test_log_of_a_sum_of_exponentials(shape_and_axis, keepdims):
    shape, axis = shape_and_axis
    x = array(shape)
    expected = np.log(np.sum(np.exp(x.astype("float64")), axis=axis, keepdims=keepdims))
    agree(ops.logsumexp(x, axis=axis, keepdims=keepdims), expected)


@quick
@given(shapes_and_axes(several=False), st.integers(1, 3))
def test_sorting_and_the_largest(shape_and_axis, k):
    shape, axis = shape_and_axis
    x = array(shape)
    if axis is not None:
        agree(ops.sort(x, axis=axis), np.sort(x, axis=axis))
        agree(ops.argsort(x, axis=axis), np.argsort(x, axis=axis))
    k = min(k, shape[-1])
    values, places = ops.top_k(x, k)
    expected = np.flip(np.sort(x, axis=-1), -1)[..., :k]
    agree(values, expected)
    agree(np.take_along_axis(x, np.asarray(places), -1), expected)


@quick
@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=12),
    st.integers(5, 7),
    st.sampled_from(["sum", "max", "min", "prod"]),
)
def test_reductions_by_segment(numbers, count, kind):
    x, ids = array((len(numbers), 2)), np.array(numbers)
    found = np.asarray(getattr(ops, f"segment_{kind}")(x, ids, num_segments=count))
    for segment in set(numbers):
        agree(found[segment], getattr(np, kind)(x[ids == segment], axis=0))
