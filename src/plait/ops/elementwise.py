"""Functions that work element by element: of one tensor, of two that broadcast, and the few with options.

Most are jax.numpy's, each one line of a table: name, class in Keras's files, function, its result.
"""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from plait.common.dtypes import dtype_name, narrow
from plait.core.infer import infer
from plait.core.op import op
from plait.core.operators import absolute
from plait.core.tensor import KerasTensor
from plait.core.variable import convert_to_tensor
from plait.errors import ArgumentError
from plait.ops.operands import floating, operand, tensors

_NUMPY = "keras.src.ops.numpy"


def _one(
    name: str, class_name: str, function: Callable, summary: str, prepare: Callable = convert_to_tensor
) -> Callable[..., Any]:
    def operate(x: Any) -> Any:
        return function(prepare(x))

    operate.__name__ = operate.__qualname__ = name
    operate.__doc__ = f"{summary}, element by element."
    return op(operate, name=class_name, module=_NUMPY)


def _real(name: str, class_name: str, function: Callable, summary: str) -> Callable[..., Any]:
    """A function with fractional values: integers become `floatx` before."""
    return _one(name, class_name, function, summary, floating)


def _two(
    name: str, class_name: str, function: Callable, summary: str, prepare: Callable = operand
) -> Callable[..., Any]:
    def operate(x1: Any, x2: Any) -> Any:
        return function(prepare(x1), prepare(x2))

    operate.__name__ = operate.__qualname__ = name
    operate.__doc__ = f"{summary}, element by element, with broadcasting.\n\nShapes: any two that broadcast."
    return op(operate, name=class_name, module=_NUMPY)


def _fraction(name: str, class_name: str, function: Callable, summary: str) -> Callable[..., Any]:
    """A function of two with fractional values, in which Python numbers aren't weak."""

    def fractional(x1: Any, x2: Any) -> Any:
        exact = not any(jnp.issubdtype(x.dtype, jnp.inexact) for x in (x1, x2))
        return function(floating(x1), x2) if exact else function(x1, x2)

    return _two(name, class_name, fractional, summary, convert_to_tensor)


def _bits(name: str, class_name: str, function: Callable, summary: str) -> Callable[..., Any]:
    def operate(x: Any, y: Any) -> Any:
        return function(operand(x), operand(y))

    operate.__name__ = operate.__qualname__ = name
    operate.__doc__ = f"{summary}, of integers, with broadcasting.\n\nShapes: any two that broadcast."
    return op(operate, name=class_name, module=_NUMPY)


# ---------------------------------------------------------------------------- of one tensor

abs = absolute
arccos = _real("arccos", "Arccos", jnp.arccos, "The angle that has this cosine, in radians from 0 to π")
arccosh = _real("arccosh", "Arccosh", jnp.arccosh, "The inverse of the hyperbolic cosine")
arcsin = _real("arcsin", "Arcsin", jnp.arcsin, "The angle that has this sine, in radians from -π/2 to π/2")
arcsinh = _real("arcsinh", "Arcsinh", jnp.arcsinh, "The inverse of the hyperbolic sine")
arctan = _real("arctan", "Arctan", jnp.arctan, "The angle that has this tangent, in radians from -π/2 to π/2")
arctanh = _real("arctanh", "Arctanh", jnp.arctanh, "The inverse of the hyperbolic tangent")
cbrt = _real("cbrt", "Cbrt", jnp.cbrt, "The cube root")
ceil = _real("ceil", "Ceil", jnp.ceil, "The nearest whole number that isn't smaller, as a float")
cos = _real("cos", "Cos", jnp.cos, "The cosine of an angle in radians")
cosh = _real("cosh", "Cosh", jnp.cosh, "The hyperbolic cosine")
deg2rad = _real("deg2rad", "Deg2rad", jnp.deg2rad, "An angle given in degrees, in radians")
exp = _real("exp", "Exp", jnp.exp, "e to the power of x")
exp2 = _real("exp2", "Exp2", jnp.exp2, "2 to the power of x")
expm1 = _real("expm1", "Expm1", jnp.expm1, "exp(x) - 1, exact where x is nearly 0")
fabs = _real("fabs", "Fabs", jnp.fabs, "The absolute value, as a float")
floor = _real("floor", "Floor", jnp.floor, "The nearest whole number that isn't larger, as a float")
i0 = _real("i0", "I0", jnp.i0, "The modified Bessel function of the first kind and order 0")
log = _real("log", "Log", jnp.log, "The natural logarithm")
log10 = _real("log10", "Log10", jnp.log10, "The logarithm to base 10")
log1p = _real("log1p", "Log1p", jnp.log1p, "log(1 + x), exact where x is nearly 0")
log2 = _real("log2", "Log2", jnp.log2, "The logarithm to base 2")
rad2deg = _real("rad2deg", "Rad2deg", jnp.rad2deg, "An angle given in radians, in degrees")
reciprocal = _real("reciprocal", "Reciprocal", jnp.reciprocal, "1 / x")
sin = _real("sin", "Sin", jnp.sin, "The sine of an angle in radians")
sinc = _real("sinc", "Sinc", jnp.sinc, "sin(πx) / (πx), and 1 where x is 0")
sinh = _real("sinh", "Sinh", jnp.sinh, "The hyperbolic sine")
sqrt = _real("sqrt", "Sqrt", jnp.sqrt, "The square root")
tan = _real("tan", "Tan", jnp.tan, "The tangent of an angle in radians")
tanh = _real("tanh", "Tanh", jnp.tanh, "The hyperbolic tangent")

angle = _real("angle", "Angle", jnp.angle, "The angle of a complex number, in radians")
conjugate = _one("conjugate", "Conjugate", jnp.conjugate, "The complex conjugate")
conj = conjugate
imag = _one("imag", "Imag", jnp.imag, "The imaginary part")
real = _one("real", "Real", jnp.real, "The real part")
isreal = _one("isreal", "Isreal", jnp.isreal, "Whether the imaginary part is 0")

bitwise_invert = _one("bitwise_invert", "BitwiseInvert", jnp.bitwise_invert, "All bits of an integer flipped")
bitwise_not = _one("bitwise_not", "BitwiseNot", jnp.bitwise_not, "All bits of an integer flipped")
copy = _one("copy", "Copy", jnp.copy, "The same values in an array of their own")
isfinite = _one("isfinite", "Isfinite", jnp.isfinite, "Whether it is neither infinite nor NaN")
isinf = _one("isinf", "Isinf", jnp.isinf, "Whether it is infinite")
isnan = _one("isnan", "Isnan", jnp.isnan, "Whether it is NaN")
isneginf = _one("isneginf", "Isneginf", jnp.isneginf, "Whether it is negative infinity")
isposinf = _one("isposinf", "Isposinf", jnp.isposinf, "Whether it is positive infinity")
sign = _one("sign", "Sign", jnp.sign, "-1, 0 or 1, by the sign")
signbit = _one("signbit", "Signbit", jnp.signbit, "Whether the sign is negative, that of -0.0 too")
square = _one("square", "Square", jnp.square, "The square")
trunc = _one("trunc", "Trunc", jnp.trunc, "The value without its fraction")

# ---------------------------------------------------------------------------- of two tensors

_ANGLE = "The angle of the point (x2, x1), in radians from -π to π"
arctan2 = _fraction("arctan2", "Arctan2", jnp.arctan2, _ANGLE)
fmax = _two("fmax", "Fmax", jnp.fmax, "The larger one; a number rather than NaN")
fmin = _two("fmin", "Fmin", jnp.fmin, "The smaller one; a number rather than NaN")
fmod = _two("fmod", "Fmod", jnp.fmod, "The remainder of a division, with the dividend's sign")
gcd = _two("gcd", "Gcd", jnp.gcd, "The greatest common divisor of two integers")
heaviside = _two("heaviside", "Heaviside", jnp.heaviside, "0 where x1 is negative, 1 where positive, x2 where it is 0")
hypot = _two("hypot", "Hypot", jnp.hypot, "sqrt(x1² + x2²), without overflow")
lcm = _two("lcm", "Lcm", jnp.lcm, "The least common multiple of two integers")
ldexp = _two("ldexp", "Ldexp", jnp.ldexp, "x1 times 2 to the power of the integer x2")
logaddexp = _fraction("logaddexp", "Logaddexp", jnp.logaddexp, "log(exp(x1) + exp(x2)), without overflow")
logaddexp2 = _fraction("logaddexp2", "Logaddexp2", jnp.logaddexp2, "log2(2**x1 + 2**x2), without overflow")
maximum = _two("maximum", "Maximum", jnp.maximum, "The larger one; NaN if one is NaN")
minimum = _two("minimum", "Minimum", jnp.minimum, "The smaller one; NaN if one is NaN")
nextafter = _two("nextafter", "Nextafter", jnp.nextafter, "The float next to x1 on the way to x2")

bitwise_and = _bits("bitwise_and", "BitwiseAnd", jnp.bitwise_and, "The bits that are set in both")
bitwise_or = _bits("bitwise_or", "BitwiseOr", jnp.bitwise_or, "The bits that are set in one or both")
bitwise_xor = _bits("bitwise_xor", "BitwiseXor", jnp.bitwise_xor, "The bits that are set in just one")
bitwise_left_shift = _bits("bitwise_left_shift", "BitwiseLeftShift", jnp.left_shift, "x with its bits moved y up")
bitwise_right_shift = _bits("bitwise_right_shift", "BitwiseRightShift", jnp.right_shift, "x with its bits moved y down")
left_shift = _bits("left_shift", "LeftShift", jnp.left_shift, "x with its bits moved y up")
right_shift = _bits("right_shift", "RightShift", jnp.right_shift, "x with its bits moved y down")

# ---------------------------------------------------------------------------- with options


@op(module=_NUMPY)
def divide_no_nan(x1: Any, x2: Any) -> Any:
    """x1 / x2, and 0 where x2 is 0. Its gradients are 0 there too. Shapes: any two that broadcast."""
    x1, x2 = operand(x1), operand(x2)
    zero = jnp.equal(x2, 0)
    quotient = jnp.true_divide(x1, jnp.where(zero, jnp.ones_like(x2), x2))
    return jnp.where(zero, jnp.zeros_like(quotient), quotient)


@op(module=_NUMPY, options=("x_min", "x_max"))
def clip(x: Any, x_min: Any, x_max: Any) -> Any:
    """The values, but none below x_min or above x_max; None leaves that side open. The bounds may broadcast.

    >>> clip([-1.0, 0.5, 2.0], 0, 1).tolist()
    [0.0, 0.5, 1.0]
    """
    x = operand(x)
    x = jnp.asarray(x, "int32") if isinstance(x, bool) or getattr(x, "dtype", None) == "bool" else x
    return jnp.clip(x, *(None if bound is None else operand(bound) for bound in (x_min, x_max)))


@op(module=_NUMPY)
def nan_to_num(x: Any, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """The values, with others for NaN and the infinities; None stands for the largest or least number of the dtype."""
    return jnp.nan_to_num(convert_to_tensor(x), nan=nan, posinf=posinf, neginf=neginf)


@op(module=_NUMPY, options=("equal_nan",))
def isclose(x1: Any, x2: Any, rtol: Any = 1e-5, atol: Any = 1e-8, equal_nan: bool = False) -> Any:
    """Whether |x1 - x2| <= atol + rtol |x2|, element by element. Shapes: any two that broadcast."""
    return jnp.isclose(operand(x1), operand(x2), rtol, atol, equal_nan)


@op(module=_NUMPY, name="AllClose")
def allclose(x1: Any, x2: Any, rtol: Any = 1e-5, atol: Any = 1e-8, equal_nan: bool = False) -> Any:
    """Whether all elements are close, as `isclose` says. Shapes: any two that broadcast; returns one boolean ()."""
    return jnp.allclose(operand(x1), operand(x2), rtol, atol, equal_nan)


@op(module=_NUMPY, name="IsIn")
def isin(x1: Any, x2: Any, assume_unique: bool = False, invert: bool = False) -> Any:
    """Whether each element of x1 is (or, inverted, isn't) among those of x2. Gives booleans of x1's shape."""
    return jnp.isin(operand(x1), operand(x2), assume_unique=assume_unique, invert=invert)


def _where_spec(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    if x1 is None and x2 is None:
        return tuple(KerasTensor((None,), "int32") for _ in condition.shape)
    return infer(_where, (condition, x1, x2), {})


def _where(condition: Any, x1: Any, x2: Any) -> Any:
    return jnp.where(convert_to_tensor(condition), operand(x1), operand(x2))


@op(module=_NUMPY, options=(), spec=_where_spec)
def where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    """x1 where the condition is true, else x2. Given the condition only, like `nonzero`. Shapes: any that broadcast.

    >>> where([True, False], 1.0, [2.0, 3.0]).tolist()
    [1.0, 3.0]

    Raises: ArgumentError if only one of x1 and x2 is given.
    """
    if (x1 is None) != (x2 is None):
        raise ArgumentError("where: `x1` and `x2` go together, but one of them is None.")
    if x1 is None:
        return tuple(index.astype("int32") for index in jnp.nonzero(convert_to_tensor(condition)))
    return _where(condition, x1, x2)


@op(module=_NUMPY, options=())
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    """From several tensors, element by element, the first whose condition is true; else the default.

    Shapes: all that broadcast, as many conditions (boolean) as choices.
    """
    return jnp.select(tensors(condlist), [operand(choice) for choice in choicelist], operand(default))


@op(module=_NUMPY)
def view(x: Any, dtype: Any = None) -> Any:
    """The same bytes read as another dtype. Shapes: (..., n) becomes (..., n * old size / new size)."""
    x = convert_to_tensor(x)
    return x if dtype is None else x.view(narrow(dtype_name(dtype)))
