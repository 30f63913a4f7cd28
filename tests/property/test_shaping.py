"""Reshaping, reordering, joining, cutting and slicing over random shapes, against NumPy."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from plait import ops
from property.shapes import agree, array, quick, shapes, symbolic_agrees


@st.composite
def regrouped(draw):
    """A shape, and another of as many elements, perhaps with one size left out."""
    shape = draw(shapes)
    factors = [f for n in shape for f in ((2, 2) if n == 4 else (n,))]
    factors = draw(st.permutations(factors))
    cuts = sorted(draw(st.sets(st.integers(1, len(factors)), max_size=len(factors))))
    parts = np.split(np.array(factors), cuts)
    target = [int(np.prod(part)) for part in parts]
    if draw(st.booleans()):
        target[draw(st.integers(0, len(target) - 1))] = -1
    return shape, tuple(target)


@quick
@given(regrouped())
def test_reshape(pair):
    shape, target = pair
    agree(ops.reshape(array(shape), target), array(shape).reshape(target))


@st.composite
def permuted(draw):
    shape = draw(shapes)
    return shape, tuple(draw(st.permutations(range(len(shape)))))


@quick
@given(permuted())
def test_orders_of_axes(pair):
    shape, order = pair
    x = array(shape)
    found = ops.transpose(x, order)
    agree(found, x.transpose(order))
    symbolic_agrees(lambda tensor: ops.transpose(tensor, order), x, found)
    agree(ops.moveaxis(x, tuple(range(len(order))), order), np.moveaxis(x, range(len(order)), order))
    agree(ops.swapaxes(x, order[0], order[-1]), x.swapaxes(order[0], order[-1]))


@st.composite
def with_axis(draw, extra=0):
    shape = draw(shapes)
    rank = len(shape) + extra
    return shape, draw(st.integers(-rank, rank - 1))


@quick
@given(with_axis(extra=1))
def test_axes_of_one(pair):
    shape, axis = pair
    x = array(shape)
    wider = ops.expand_dims(x, axis)
    agree(wider, np.expand_dims(x, axis))
    agree(ops.squeeze(wider, axis), x)
    agree(ops.stack([x, x + 1, x], axis), np.stack([x, x + 1, x], axis))


@quick
@given(with_axis(), st.integers(1, 3), st.integers(-5, 5))
def test_along_an_axis(pair, count, shift):
    shape, axis = pair
    x = array(shape)
    agree(ops.concatenate([x] * count, axis), np.concatenate([x] * count, axis))
    agree(ops.repeat(x, count, axis), np.repeat(x, count, axis))
    agree(ops.roll(x, shift, axis), np.roll(x, shift, axis))
    agree(ops.flip(x, axis), np.flip(x, axis))
    tiles = tuple(count if i == axis % len(shape) else 1 for i in range(len(shape)))
    agree(ops.tile(x, tiles), np.tile(x, tiles))


@quick
@given(with_axis(), st.data())
def test_splitting_and_taking(pair, data):
    shape, axis = pair
    x, size = array(shape), shape[axis]
    cuts = sorted(data.draw(st.sets(st.integers(0, size), max_size=2)))
    for found, expected in zip(ops.split(x, cuts, axis), np.split(x, cuts, axis), strict=True):
        agree(found, expected)
    picked = data.draw(st.lists(st.integers(-size, size - 1), min_size=1, max_size=5))
    agree(ops.take(x, np.array(picked), axis), np.take(x, picked, axis))
    for found, expected in zip(ops.unstack(x, axis=axis), np.moveaxis(x, axis, 0), strict=True):
        agree(found, expected)


@quick
@given(shapes, st.data())
def test_padding(shape, data):
    margins = data.draw(st.lists(st.tuples(*[st.integers(0, 3)] * 2), min_size=len(shape), max_size=len(shape)))
    x = array(shape)
    agree(ops.pad(x, margins), np.pad(x, margins))
    agree(ops.pad(x, margins, mode="constant", constant_values=7.0), np.pad(x, margins, constant_values=7.0))
    modes = ["symmetric"] + (["reflect"] if min(shape) > 3 else [])
    for mode in modes:
        if all(max(margin) <= size for margin, size in zip(margins, shape, strict=True)):
            agree(ops.pad(x, margins, mode=mode), np.pad(x, margins, mode=mode))


@st.composite
def indexed(draw):
    """A shape, and an index of numbers, slices, None and an ellipsis that fits it."""
    shape = draw(shapes)
    key = []
    for size in shape[: draw(st.integers(0, len(shape)))]:
        bound = st.none() | st.integers(-size - 1, size + 1)
        step = st.none() | st.sampled_from([-2, -1, 1, 2])
        key.append(draw(st.one_of(st.integers(-size, size - 1), st.builds(slice, bound, bound, step))))
    if draw(st.booleans()):
        key.append(Ellipsis)
    if draw(st.booleans()):
        key.insert(draw(st.integers(0, len(key))), None)
    return shape, tuple(key)


@quick
@given(indexed())
def test_indexing(pair):
    shape, key = pair
    x = array((3, *shape))
    found = ops.get_item(x, (slice(None), *key))
    agree(found, x[(slice(None), *key)])
    symbolic_agrees(lambda tensor: tensor[(slice(None), *key)], x, found)


@quick
@given(shapes, st.data())
def test_slices_and_their_update(shape, data):
    sizes = [data.draw(st.integers(1, n)) for n in shape]
    starts = [data.draw(st.integers(0, n - size)) for n, size in zip(shape, sizes, strict=True)]
    x, part = array(shape), array(tuple(sizes), 5)
    key = tuple(slice(start, start + size) for start, size in zip(starts, sizes, strict=True))
    agree(ops.slice(x, starts, sizes), x[key])
    expected = x.copy()
    expected[key] = part
    agree(ops.slice_update(x, starts, part), expected)


@quick
@given(st.integers(1, 5), st.integers(1, 3), st.data())
def test_scattering(size, width, data):
    rows = data.draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=6))
    values = array((len(rows), width))
    expected = np.zeros((size, width), "float32")
    np.add.at(expected, rows, values)
    agree(ops.scatter(np.array(rows)[:, None], values, (size, width)), expected)


@quick
@given(shapes, st.sampled_from([("tril", -1), ("tril", 1), ("triu", 0), ("triu", 2)]))
def test_triangles_and_diagonals(shape, kind):
    name, k = kind
    x = array((*shape, 3, 4))
    agree(getattr(ops, name)(x, k), getattr(np, name)(x, k))
    agree(ops.diagonal(x, k, -2, -1), np.diagonal(x, k, -2, -1))
    agree(ops.trace(x, k, -2, -1), np.trace(x, k, -2, -1))


@quick
@given(st.lists(st.integers(1, 3), min_size=1, max_size=3), st.data())
def test_broadcasting(shape, data):
    """Two shapes that broadcast, with operators on symbolic tensors telling the shape."""
    other = tuple(n if data.draw(st.booleans()) else 1 for n in shape)[data.draw(st.integers(0, len(shape) - 1)) :]
    x, y = array((2, *shape)), array(other, 3)
    for name in ("add", "multiply", "maximum", "less"):
        found = getattr(ops, name)(x, y)
        agree(found, getattr(np, name)(x, y))
        symbolic_agrees(lambda tensor, name=name: getattr(ops, name)(tensor, y), x, found)
    agree(ops.broadcast_to(y, shape), np.broadcast_to(y, shape))
