"""Which ops hand the mask of a tensor on, and how: the table, and the rules that stand in it.

A mask has the first axes of its tensor, mostly (B, T). It can be handed on where the result has these axes too, and what
counts in it hangs on nothing that doesn't: the test of this file changes what is masked and looks at the rest.

    elements      computed element by element: what counts in any operand counts, as in the layers Add, Multiply, ...;
                  an operand without a mask counts everywhere, unless it lacks the axes (a number, a bias) or is a constant
    along         works along an axis: the mask stays where that axis isn't one of its own
    moves         moves entries: the mask moves with them (slices of time, `concatenate`, `flip`, `transpose`, ...)
    products      matrix products, whose rows are the first operand's

Every other op drops the mask, and says so where a graph is made; `QUIET` ones don't, because their result has none by its
nature: zeros, counts. Picking one step of time (`x[:, -1]`) leaves no axis for a mask, and is quiet too.

Differs from Keras: there every op and operator drops masks without a word, so what follows counts the padding.
"""

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import jax

from plait.common.tree import flatten
from plait.core.mask import get_mask
from plait.core.op import DROPS, mask_rules
from plait.core.operators import cast, get_item, logical_or, squeeze, transpose
from plait.core.tensor import KerasTensor
from plait.ops.creation import ones_like
from plait.ops.selecting import take
from plait.ops.shaping import concatenate, expand_dims, flip, repeat, roll, stack

Given = Mapping[str, Any]


def fits(mask: Any, result: Any) -> Any:
    """The mask, if the result has its axes; `DROPS` if not."""
    if mask is None or mask is DROPS:
        return mask
    own, found = tuple(mask.shape), tuple(result.shape)[: len(mask.shape)]
    same = len(own) == len(found) and all(a == b or None in (a, b) for a, b in zip(own, found, strict=True))
    return mask if same else DROPS


def combine(tensors: Any, result: Any) -> Any:
    """The mask of what is computed of some tensors element by element."""
    masks, counts = [], False
    tensors = [leaf for leaf in flatten(tensors) if hasattr(leaf, "shape")]
    rank = max((len(mask.shape) for mask in map(get_mask, tensors) if mask is not None), default=0)
    for tensor in tensors:
        mask = get_mask(tensor)
        if mask is None:
            counts = counts or _fills(tensor, result, rank)
        elif len(tensor.shape) != len(result.shape) or len(mask.shape) != rank:
            return DROPS
        elif not any(mask is other for other in masks):
            masks.append(mask)
    if not masks:  # it is on what is no operand: a limit, a scale
        return DROPS
    return None if counts else fits(reduce(logical_or, masks), result)


def _fills(tensor: Any, result: Any, rank: int) -> bool:
    """Whether a tensor without a mask has entries of its own along the first axes of a result."""
    shape = (1,) * (len(result.shape) - len(tensor.shape)) + tuple(tensor.shape)
    return isinstance(tensor, (KerasTensor, jax.Array)) and 1 not in shape[:rank]


# ---------------------------------------------------------------------------- rules


def elements(*names: str) -> Callable:
    """Element by element, over the operands of these names."""

    def rule(given: Given, result: Any) -> Any:
        return combine([given[name] for name in names], result)

    return rule


def along(*names: str | int, tensor: str = "x") -> Callable:
    """Along the axes that the options of these names say; None is all of them, and a number stands for itself."""

    def rule(given: Given, results: Any) -> Any:
        x = given[tensor]
        mask = get_mask(x)
        if mask is None:  # another operand has one: weights, a scale
            return DROPS
        axes = [given.get(name) if isinstance(name, str) else name for name in names]
        flat = [axis for value in axes for axis in (value if isinstance(value, (list, tuple)) else [value])]
        if any(axis is None or axis % len(x.shape) < len(mask.shape) for axis in flat):
            return DROPS
        return _first(fits(mask, result) for result in flatten(results))

    return rule


def _first(masks: Any) -> Any:
    found = list(masks)
    return DROPS if any(mask is DROPS for mask in found) else found[0]


def _moved(move: Callable, *names: str) -> Callable:
    """The mask goes through the same move, along axes that options of these names say, unless it has none of them."""

    def rule(given: Given, result: Any) -> Any:
        x = given["x"]
        mask = get_mask(x)
        axes = [given[name] for name in names]
        if mask is None or any(not isinstance(axis, int) for axis in axes):
            return DROPS
        own = [axis % len(x.shape) < len(mask.shape) for axis in axes]
        if not any(own):
            return fits(mask, result)
        return move(mask, given, *(axis % len(x.shape) for axis in axes)) if all(own) else DROPS

    return rule


def _get_item(given: Given, result: Any) -> Any:
    x, key = given["x"], given["key"]
    mask = get_mask(x)
    keys = list(key) if isinstance(key, (tuple, list)) else [key]
    if mask is None or not all(k is None or k is Ellipsis or isinstance(k, (int, slice)) for k in keys):
        return DROPS
    if Ellipsis in keys:
        place = keys.index(Ellipsis)
        missing = len(x.shape) - sum(k is not None for k in keys) + 1
        keys[place : place + 1] = [slice(None)] * missing
    own, taken = [], 0
    for k in keys:
        if taken == len(mask.shape) and (k is not None or taken == len(x.shape)):
            break
        if k is None and taken == len(mask.shape):
            break
        own.append(k)
        taken += k is not None
    if all(k == slice(None) for k in own):
        return mask
    return _if_timed(get_item(mask, tuple(own)))


def _if_timed(mask: Any) -> Any:
    """A mask that still has an axis besides that of the batch; None for others."""
    return mask if len(mask.shape) > 1 else None


def _concatenate(tensors: list, axis: int, result: Any) -> Any:
    masks = [get_mask(tensor) for tensor in tensors]
    rank = max(len(mask.shape) for mask in masks if mask is not None)
    axis = axis % len(tensors[0].shape)
    if any(mask is not None and len(mask.shape) != rank for mask in masks):
        return DROPS
    if axis >= rank:
        return None if None in masks else fits(reduce(logical_or, masks), result)
    leading = (slice(None),) * rank + (0,) * (len(tensors[0].shape) - rank)
    full = [
        cast(ones_like(get_item(tensor, leading)), "bool") if mask is None else mask
        for tensor, mask in zip(tensors, masks, strict=True)
    ]
    return concatenate(full, axis=axis)


def _stack(given: Given, result: Any) -> Any:
    tensors, masks = given["x"], [get_mask(tensor) for tensor in given["x"]]
    rank, axis = max(len(mask.shape) for mask in masks if mask is not None), given["axis"] % len(result.shape)
    if None in masks:
        return None if axis >= rank else DROPS
    if any(len(mask.shape) != rank for mask in masks) or len({len(t.shape) for t in tensors}) > 1:
        return DROPS
    return fits(reduce(logical_or, masks), result) if axis >= rank else stack(masks, axis=axis)


def _expand_dims(given: Given, result: Any) -> Any:
    mask, axes = get_mask(given["x"]), given["axis"]
    axes = sorted(a % len(result.shape) for a in (axes if isinstance(axes, (list, tuple)) else [axes]))
    own = [axis for axis in axes if axis < len(mask.shape) + sum(a < axis for a in axes)]
    return expand_dims(mask, axis=own) if own else mask


def _squeeze(given: Given, result: Any) -> Any:
    x, axes = given["x"], given["axis"]
    mask = get_mask(x)
    axes = axes if isinstance(axes, (list, tuple)) else [axes]
    if any(axis is None for axis in axes):
        axes = [place for place, size in enumerate(x.shape) if size == 1]
    own = [a for a in (axis % len(x.shape) for axis in axes) if a < len(mask.shape)]
    return _if_timed(squeeze(mask, axis=tuple(own))) if own else mask


def _transpose(given: Given, result: Any) -> Any:
    x, axes = given["x"], given["axes"]
    return _permuted(get_mask(x), [a % len(x.shape) for a in axes or range(len(x.shape) - 1, -1, -1)])


def _permuted(mask: Any, axes: list) -> Any:
    first = axes[: len(mask.shape)]
    if sorted(first) != list(range(len(mask.shape))):
        return DROPS
    return mask if first == sorted(first) else transpose(mask, axes=first)


def _moveaxis(given: Given, result: Any) -> Any:
    x, (source, destination) = given["x"], (given["source"], given["destination"])
    if not isinstance(source, int) or not isinstance(destination, int):
        return DROPS
    axes = [axis for axis in range(len(x.shape)) if axis != source % len(x.shape)]
    axes.insert(destination % len(x.shape), source % len(x.shape))
    return _permuted(get_mask(x), axes)


def _swapaxes(given: Given, result: Any) -> Any:
    x = given["x"]
    axes = list(range(len(x.shape)))
    one, other = given["axis1"] % len(axes), given["axis2"] % len(axes)
    axes[one], axes[other] = axes[other], axes[one]
    return _permuted(get_mask(x), axes)


def _leading(given: Given, result: Any) -> Any:
    """The mask, if the shape of the result begins as the tensor's, whose entries stay in their rows."""
    x, mask = given["x"], get_mask(given["x"])
    rank = len(mask.shape)
    unknown = sum(size is None for size in tuple(x.shape)[:rank])
    return mask if tuple(x.shape)[:rank] == tuple(result.shape)[:rank] and unknown < 2 else DROPS


def _tile(given: Given, result: Any) -> Any:
    return fits(get_mask(given["x"]), result) if len(given["x"].shape) == len(result.shape) else DROPS


def _take(given: Given, result: Any) -> Any:
    x, indices, axis = given["x"], given["indices"], given["axis"]
    mask, of_indices = get_mask(x), get_mask(indices)
    if mask is None:
        return fits(of_indices, result) if axis is not None and axis % len(x.shape) == 0 else DROPS
    if of_indices is not None or axis is None:
        return DROPS
    if axis % len(x.shape) >= len(mask.shape):
        return fits(mask, result)
    return _if_timed(take(mask, indices, axis=axis % len(x.shape)))


def _split(given: Given, results: Any) -> Any:
    x, axis = given["x"], given["axis"]
    mask = get_mask(x)
    if axis % len(x.shape) >= len(mask.shape):
        return mask
    parts, start = [], 0
    for result in results:
        size = result.shape[axis]
        if size is None:
            return DROPS
        key = (slice(None),) * (axis % len(x.shape)) + (slice(start, start + size),)
        parts.append(get_item(mask, key))
        start += size
    return parts


def _matmul(given: Given, result: Any) -> Any:
    x1, x2 = given["x1"], given["x2"]
    mask = get_mask(x1)
    if mask is None or get_mask(x2) is not None or len(x1.shape) <= len(mask.shape):
        return DROPS
    return fits(mask, result) if len(x1.shape) == len(result.shape) + (len(x2.shape) == 1) else DROPS


def _dot(given: Given, result: Any) -> Any:
    return _matmul(given, result) if len(getattr(given["x2"], "shape", ())) <= 2 else DROPS


def _einsum(given: Given, result: Any) -> Any:
    subscripts, operands = given["subscripts"].replace(" ", ""), given["operands"]
    if "->" not in subscripts or "." in subscripts:
        return DROPS
    inputs, output = subscripts.split("->")
    masks = []
    for letters, operand in zip(inputs.split(","), operands, strict=True):
        mask = get_mask(operand)
        if mask is not None:
            if letters[: len(mask.shape)] != output[: len(mask.shape)] or len(set(letters)) < len(letters):
                return DROPS
            masks.append(mask)
    return fits(reduce(logical_or, masks), result) if len({len(mask.shape) for mask in masks}) == 1 else DROPS


# ---------------------------------------------------------------------------- the table

_ONE = (
    "absolute angle arccos arccosh arcsin arcsinh arctan arctanh array bitwise_invert bitwise_not cast cbrt ceil celu clip "
    "conjugate convert_to_tensor copy cos cosh deg2rad elu erf erfc erfinv exp exp2 expm1 fabs floor gelu hard_shrink "
    "hard_sigmoid hard_silu hard_tanh i0 imag isfinite isinf isnan isneginf isposinf isreal leaky_relu log log10 "
    "log1p log2 log_sigmoid logical_not nan_to_num negative rad2deg real reciprocal relu relu6 round rsqrt saturate_cast selu "
    "sigmoid sign signbit silu sin sinc sinh soft_shrink softplus softsign sparse_plus sparse_sigmoid sqrt square squareplus "
    "tan tanh tanh_shrink threshold trunc digitize batch_normalization"
)
_TWO = (
    "add arctan2 divide divide_no_nan equal floor_divide fmax fmin fmod gcd greater greater_equal heaviside hypot isclose lcm "
    "ldexp less less_equal logaddexp logaddexp2 logical_and logical_or logical_xor maximum minimum mod multiply nextafter "
    "not_equal power subtract true_divide where"
)
_TWO_OF_XY = "bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor left_shift right_shift"
_ALONG = (
    "all amax amin any argmax argmin argpartition argsort count_nonzero cumprod cumsum glu layer_normalization log_softmax "
    "logsumexp max mean median min nanargmax nanargmin nancumprod nancumsum nanmax nanmean nanmedian nanmin nanprod nanstd "
    "nansum nanvar norm normalize prod ptp rms_normalization softmax sort sparsemax std sum take_along_axis unstack var"
)

QUIET = "ones_like zeros_like full_like empty_like size ndim nonzero unique bincount histogram allclose"

mask_rules |= {
    **dict.fromkeys(_ONE.split(), elements("x")),
    **dict.fromkeys(_TWO.split(), elements("x1", "x2")),
    **dict.fromkeys(_TWO_OF_XY.split(), elements("x", "y")),
    **dict.fromkeys(_ALONG.split(), along("axis")),
    "average": along("axis"),
    "diff": along("axis", tensor="a"),
    "trapezoid": along("axis", tensor="y"),
    "moments": along("axes"),
    "top_k": along(-1),
    "polar": elements("abs_", "angle"),
    "select": elements("choicelist"),
    "stop_gradient": elements("variable"),
    "isin": elements("x1"),
    "searchsorted": elements("values"),
    "one_hot": elements("x"),
    "binary_crossentropy": elements("output"),
    "categorical_crossentropy": along("axis", tensor="output"),
    "sparse_categorical_crossentropy": along("axis", tensor="output"),
    "get_item": _get_item,
    "concatenate": lambda given, result: _concatenate(given["xs"], given["axis"], result),
    "stack": _stack,
    "expand_dims": _expand_dims,
    "squeeze": _squeeze,
    "transpose": _transpose,
    "moveaxis": _moveaxis,
    "swapaxes": _swapaxes,
    "flip": _moved(lambda mask, given, axis: flip(mask, axis=axis), "axis"),
    "roll": _moved(lambda mask, given, axis: roll(mask, given["shift"], axis=axis), "axis"),
    "repeat": _moved(lambda mask, given, axis: repeat(mask, given["repeats"], axis=axis), "axis"),
    "reshape": _leading,
    "broadcast_to": _leading,
    "view": _leading,
    "tile": _tile,
    "take": _take,
    "split": _split,
    "array_split": _split,
    "matmul": _matmul,
    "dot": _dot,
    "einsum": _einsum,
    **dict.fromkeys(QUIET.split(), lambda given, result: None),
}
