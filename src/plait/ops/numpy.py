"""NumPy's functions, on arrays and on symbolic tensors: names, arguments and result dtypes are Keras's.

What has an operator of Python (`+`, `@`, `[]`, ...) comes from `core/operators`; the rest lies by idea in `elementwise`,
`reductions`, `shaping`, `selecting`, `products` and `creation`.
"""

from plait.core.operators import absolute as absolute
from plait.core.operators import add as add
from plait.core.operators import divide as divide
from plait.core.operators import equal as equal
from plait.core.operators import floor_divide as floor_divide
from plait.core.operators import get_item as get_item
from plait.core.operators import greater as greater
from plait.core.operators import greater_equal as greater_equal
from plait.core.operators import less as less
from plait.core.operators import less_equal as less_equal
from plait.core.operators import logical_and as logical_and
from plait.core.operators import logical_not as logical_not
from plait.core.operators import logical_or as logical_or
from plait.core.operators import logical_xor as logical_xor
from plait.core.operators import matmul as matmul
from plait.core.operators import mod as mod
from plait.core.operators import multiply as multiply
from plait.core.operators import negative as negative
from plait.core.operators import not_equal as not_equal
from plait.core.operators import power as power
from plait.core.operators import reshape as reshape
from plait.core.operators import round as round
from plait.core.operators import squeeze as squeeze
from plait.core.operators import subtract as subtract
from plait.core.operators import transpose as transpose
from plait.core.operators import true_divide as true_divide
from plait.ops.creation import arange as arange
from plait.ops.creation import array as array
from plait.ops.creation import bartlett as bartlett
from plait.ops.creation import blackman as blackman
from plait.ops.creation import empty as empty
from plait.ops.creation import empty_like as empty_like
from plait.ops.creation import eye as eye
from plait.ops.creation import full as full
from plait.ops.creation import full_like as full_like
from plait.ops.creation import geomspace as geomspace
from plait.ops.creation import hamming as hamming
from plait.ops.creation import hanning as hanning
from plait.ops.creation import identity as identity
from plait.ops.creation import kaiser as kaiser
from plait.ops.creation import linspace as linspace
from plait.ops.creation import logspace as logspace
from plait.ops.creation import meshgrid as meshgrid
from plait.ops.creation import ones as ones
from plait.ops.creation import ones_like as ones_like
from plait.ops.creation import tri as tri
from plait.ops.creation import zeros as zeros
from plait.ops.creation import zeros_like as zeros_like
from plait.ops.elementwise import abs as abs
from plait.ops.elementwise import allclose as allclose
from plait.ops.elementwise import angle as angle
from plait.ops.elementwise import arccos as arccos
from plait.ops.elementwise import arccosh as arccosh
from plait.ops.elementwise import arcsin as arcsin
from plait.ops.elementwise import arcsinh as arcsinh
from plait.ops.elementwise import arctan as arctan
from plait.ops.elementwise import arctan2 as arctan2
from plait.ops.elementwise import arctanh as arctanh
from plait.ops.elementwise import bitwise_and as bitwise_and
from plait.ops.elementwise import bitwise_invert as bitwise_invert
from plait.ops.elementwise import bitwise_left_shift as bitwise_left_shift
from plait.ops.elementwise import bitwise_not as bitwise_not
from plait.ops.elementwise import bitwise_or as bitwise_or
from plait.ops.elementwise import bitwise_right_shift as bitwise_right_shift
from plait.ops.elementwise import bitwise_xor as bitwise_xor
from plait.ops.elementwise import cbrt as cbrt
from plait.ops.elementwise import ceil as ceil
from plait.ops.elementwise import clip as clip
from plait.ops.elementwise import conj as conj
from plait.ops.elementwise import conjugate as conjugate
from plait.ops.elementwise import copy as copy
from plait.ops.elementwise import cos as cos
from plait.ops.elementwise import cosh as cosh
from plait.ops.elementwise import deg2rad as deg2rad
from plait.ops.elementwise import divide_no_nan as divide_no_nan
from plait.ops.elementwise import exp as exp
from plait.ops.elementwise import exp2 as exp2
from plait.ops.elementwise import expm1 as expm1
from plait.ops.elementwise import fabs as fabs
from plait.ops.elementwise import floor as floor
from plait.ops.elementwise import fmax as fmax
from plait.ops.elementwise import fmin as fmin
from plait.ops.elementwise import fmod as fmod
from plait.ops.elementwise import gcd as gcd
from plait.ops.elementwise import heaviside as heaviside
from plait.ops.elementwise import hypot as hypot
from plait.ops.elementwise import i0 as i0
from plait.ops.elementwise import imag as imag
from plait.ops.elementwise import isclose as isclose
from plait.ops.elementwise import isfinite as isfinite
from plait.ops.elementwise import isin as isin
from plait.ops.elementwise import isinf as isinf
from plait.ops.elementwise import isnan as isnan
from plait.ops.elementwise import isneginf as isneginf
from plait.ops.elementwise import isposinf as isposinf
from plait.ops.elementwise import isreal as isreal
from plait.ops.elementwise import lcm as lcm
from plait.ops.elementwise import ldexp as ldexp
from plait.ops.elementwise import left_shift as left_shift
from plait.ops.elementwise import log as log
from plait.ops.elementwise import log1p as log1p
from plait.ops.elementwise import log2 as log2
from plait.ops.elementwise import log10 as log10
from plait.ops.elementwise import logaddexp as logaddexp
from plait.ops.elementwise import logaddexp2 as logaddexp2
from plait.ops.elementwise import maximum as maximum
from plait.ops.elementwise import minimum as minimum
from plait.ops.elementwise import nan_to_num as nan_to_num
from plait.ops.elementwise import nextafter as nextafter
from plait.ops.elementwise import rad2deg as rad2deg
from plait.ops.elementwise import real as real
from plait.ops.elementwise import reciprocal as reciprocal
from plait.ops.elementwise import right_shift as right_shift
from plait.ops.elementwise import select as select
from plait.ops.elementwise import sign as sign
from plait.ops.elementwise import signbit as signbit
from plait.ops.elementwise import sin as sin
from plait.ops.elementwise import sinc as sinc
from plait.ops.elementwise import sinh as sinh
from plait.ops.elementwise import sqrt as sqrt
from plait.ops.elementwise import square as square
from plait.ops.elementwise import tan as tan
from plait.ops.elementwise import tanh as tanh
from plait.ops.elementwise import trunc as trunc
from plait.ops.elementwise import view as view
from plait.ops.elementwise import where as where
from plait.ops.products import cross as cross
from plait.ops.products import dot as dot
from plait.ops.products import einsum as einsum
from plait.ops.products import inner as inner
from plait.ops.products import kron as kron
from plait.ops.products import outer as outer
from plait.ops.products import slogdet as slogdet
from plait.ops.products import tensordot as tensordot
from plait.ops.products import vdot as vdot
from plait.ops.products import vectorize as vectorize
from plait.ops.reductions import all as all
from plait.ops.reductions import amax as amax
from plait.ops.reductions import amin as amin
from plait.ops.reductions import any as any
from plait.ops.reductions import argmax as argmax
from plait.ops.reductions import argmin as argmin
from plait.ops.reductions import average as average
from plait.ops.reductions import bincount as bincount
from plait.ops.reductions import corrcoef as corrcoef
from plait.ops.reductions import correlate as correlate
from plait.ops.reductions import count_nonzero as count_nonzero
from plait.ops.reductions import cumprod as cumprod
from plait.ops.reductions import cumsum as cumsum
from plait.ops.reductions import diff as diff
from plait.ops.reductions import histogram as histogram
from plait.ops.reductions import max as max
from plait.ops.reductions import mean as mean
from plait.ops.reductions import median as median
from plait.ops.reductions import min as min
from plait.ops.reductions import nanargmax as nanargmax
from plait.ops.reductions import nanargmin as nanargmin
from plait.ops.reductions import nancumprod as nancumprod
from plait.ops.reductions import nancumsum as nancumsum
from plait.ops.reductions import nanmax as nanmax
from plait.ops.reductions import nanmean as nanmean
from plait.ops.reductions import nanmedian as nanmedian
from plait.ops.reductions import nanmin as nanmin
from plait.ops.reductions import nanpercentile as nanpercentile
from plait.ops.reductions import nanprod as nanprod
from plait.ops.reductions import nanquantile as nanquantile
from plait.ops.reductions import nanstd as nanstd
from plait.ops.reductions import nansum as nansum
from plait.ops.reductions import nanvar as nanvar
from plait.ops.reductions import percentile as percentile
from plait.ops.reductions import prod as prod
from plait.ops.reductions import ptp as ptp
from plait.ops.reductions import quantile as quantile
from plait.ops.reductions import std as std
from plait.ops.reductions import sum as sum
from plait.ops.reductions import trapezoid as trapezoid
from plait.ops.reductions import var as var
from plait.ops.selecting import argpartition as argpartition
from plait.ops.selecting import argsort as argsort
from plait.ops.selecting import diag as diag
from plait.ops.selecting import diagflat as diagflat
from plait.ops.selecting import diagonal as diagonal
from plait.ops.selecting import digitize as digitize
from plait.ops.selecting import nonzero as nonzero
from plait.ops.selecting import searchsorted as searchsorted
from plait.ops.selecting import sort as sort
from plait.ops.selecting import take as take
from plait.ops.selecting import take_along_axis as take_along_axis
from plait.ops.selecting import trace as trace
from plait.ops.selecting import tril as tril
from plait.ops.selecting import triu as triu
from plait.ops.selecting import unique as unique
from plait.ops.selecting import unravel_index as unravel_index
from plait.ops.selecting import vander as vander
from plait.ops.shaping import append as append
from plait.ops.shaping import array_split as array_split
from plait.ops.shaping import broadcast_to as broadcast_to
from plait.ops.shaping import concatenate as concatenate
from plait.ops.shaping import dsplit as dsplit
from plait.ops.shaping import dstack as dstack
from plait.ops.shaping import expand_dims as expand_dims
from plait.ops.shaping import flip as flip
from plait.ops.shaping import fliplr as fliplr
from plait.ops.shaping import flipud as flipud
from plait.ops.shaping import hsplit as hsplit
from plait.ops.shaping import hstack as hstack
from plait.ops.shaping import moveaxis as moveaxis
from plait.ops.shaping import ndim as ndim
from plait.ops.shaping import pad as pad
from plait.ops.shaping import ravel as ravel
from plait.ops.shaping import repeat as repeat
from plait.ops.shaping import roll as roll
from plait.ops.shaping import rot90 as rot90
from plait.ops.shaping import size as size
from plait.ops.shaping import split as split
from plait.ops.shaping import stack as stack
from plait.ops.shaping import swapaxes as swapaxes
from plait.ops.shaping import tile as tile
from plait.ops.shaping import vsplit as vsplit
from plait.ops.shaping import vstack as vstack

__all__ = [
    "abs",
    "absolute",
    "add",
    "all",
    "allclose",
    "amax",
    "amin",
    "angle",
    "any",
    "append",
    "arange",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "argmax",
    "argmin",
    "argpartition",
    "argsort",
    "array",
    "array_split",
    "average",
    "bartlett",
    "bincount",
    "bitwise_and",
    "bitwise_invert",
    "bitwise_left_shift",
    "bitwise_not",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "blackman",
    "broadcast_to",
    "cbrt",
    "ceil",
    "clip",
    "concatenate",
    "conj",
    "conjugate",
    "copy",
    "corrcoef",
    "correlate",
    "cos",
    "cosh",
    "count_nonzero",
    "cross",
    "cumprod",
    "cumsum",
    "deg2rad",
    "diag",
    "diagflat",
    "diagonal",
    "diff",
    "digitize",
    "divide",
    "divide_no_nan",
    "dot",
    "dsplit",
    "dstack",
    "einsum",
    "empty",
    "empty_like",
    "equal",
    "exp",
    "exp2",
    "expand_dims",
    "expm1",
    "eye",
    "fabs",
    "flip",
    "fliplr",
    "flipud",
    "floor",
    "floor_divide",
    "fmax",
    "fmin",
    "fmod",
    "full",
    "full_like",
    "gcd",
    "geomspace",
    "get_item",
    "greater",
    "greater_equal",
    "hamming",
    "hanning",
    "heaviside",
    "histogram",
    "hsplit",
    "hstack",
    "hypot",
    "i0",
    "identity",
    "imag",
    "inner",
    "isclose",
    "isfinite",
    "isin",
    "isinf",
    "isnan",
    "isneginf",
    "isposinf",
    "isreal",
    "kaiser",
    "kron",
    "lcm",
    "ldexp",
    "left_shift",
    "less",
    "less_equal",
    "linspace",
    "log",
    "log10",
    "log1p",
    "log2",
    "logaddexp",
    "logaddexp2",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "logspace",
    "matmul",
    "max",
    "maximum",
    "mean",
    "median",
    "meshgrid",
    "min",
    "minimum",
    "mod",
    "moveaxis",
    "multiply",
    "nan_to_num",
    "nanargmax",
    "nanargmin",
    "nancumprod",
    "nancumsum",
    "nanmax",
    "nanmean",
    "nanmedian",
    "nanmin",
    "nanpercentile",
    "nanprod",
    "nanquantile",
    "nanstd",
    "nansum",
    "nanvar",
    "ndim",
    "negative",
    "nextafter",
    "nonzero",
    "not_equal",
    "ones",
    "ones_like",
    "outer",
    "pad",
    "percentile",
    "power",
    "prod",
    "ptp",
    "quantile",
    "rad2deg",
    "ravel",
    "real",
    "reciprocal",
    "repeat",
    "reshape",
    "right_shift",
    "roll",
    "rot90",
    "round",
    "searchsorted",
    "select",
    "sign",
    "signbit",
    "sin",
    "sinc",
    "sinh",
    "size",
    "slogdet",
    "sort",
    "split",
    "sqrt",
    "square",
    "squeeze",
    "stack",
    "std",
    "subtract",
    "sum",
    "swapaxes",
    "take",
    "take_along_axis",
    "tan",
    "tanh",
    "tensordot",
    "tile",
    "trace",
    "transpose",
    "trapezoid",
    "tri",
    "tril",
    "triu",
    "true_divide",
    "trunc",
    "unique",
    "unravel_index",
    "vander",
    "var",
    "vdot",
    "vectorize",
    "view",
    "vsplit",
    "vstack",
    "where",
    "zeros",
    "zeros_like",
]
