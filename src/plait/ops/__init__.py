"""Operations on tensors: NumPy's functions, those of neural networks, and control flow.

Each works on arrays, and on symbolic tensors, where it is recorded as a node of the graph. Names, arguments and results
are Keras's.
"""

from plait.ops import image as image
from plait.ops import linalg as linalg
from plait.ops import nn as nn
from plait.ops import numpy as numpy
from plait.ops.core import associative_scan as associative_scan
from plait.ops.core import cast as cast
from plait.ops.core import cond as cond
from plait.ops.core import convert_to_numpy as convert_to_numpy
from plait.ops.core import convert_to_tensor as convert_to_tensor
from plait.ops.core import custom_gradient as custom_gradient
from plait.ops.core import dtype as dtype
from plait.ops.core import fori_loop as fori_loop
from plait.ops.core import is_tensor as is_tensor
from plait.ops.core import map as map
from plait.ops.core import saturate_cast as saturate_cast
from plait.ops.core import scan as scan
from plait.ops.core import scatter as scatter
from plait.ops.core import scatter_update as scatter_update
from plait.ops.core import shape as shape
from plait.ops.core import slice as slice
from plait.ops.core import slice_update as slice_update
from plait.ops.core import stop_gradient as stop_gradient
from plait.ops.core import switch as switch
from plait.ops.core import unstack as unstack
from plait.ops.core import vectorized_map as vectorized_map
from plait.ops.core import while_loop as while_loop
from plait.ops.einops import rearrange as rearrange
from plait.ops.linalg import cholesky as cholesky
from plait.ops.linalg import cholesky_inverse as cholesky_inverse
from plait.ops.linalg import det as det
from plait.ops.linalg import eig as eig
from plait.ops.linalg import eigh as eigh
from plait.ops.linalg import inv as inv
from plait.ops.linalg import jvp as jvp
from plait.ops.linalg import lstsq as lstsq
from plait.ops.linalg import lu_factor as lu_factor
from plait.ops.linalg import matrix_rank as matrix_rank
from plait.ops.linalg import norm as norm
from plait.ops.linalg import pinv as pinv
from plait.ops.linalg import qr as qr
from plait.ops.linalg import solve as solve
from plait.ops.linalg import solve_triangular as solve_triangular
from plait.ops.linalg import svd as svd
from plait.ops.math import cdist as cdist
from plait.ops.math import erf as erf
from plait.ops.math import erfc as erfc
from plait.ops.math import erfinv as erfinv
from plait.ops.math import extract_sequences as extract_sequences
from plait.ops.math import fft as fft
from plait.ops.math import fft2 as fft2
from plait.ops.math import ifft2 as ifft2
from plait.ops.math import in_top_k as in_top_k
from plait.ops.math import irfft as irfft
from plait.ops.math import istft as istft
from plait.ops.math import logdet as logdet
from plait.ops.math import logsumexp as logsumexp
from plait.ops.math import rfft as rfft
from plait.ops.math import rsqrt as rsqrt
from plait.ops.math import segment_max as segment_max
from plait.ops.math import segment_min as segment_min
from plait.ops.math import segment_prod as segment_prod
from plait.ops.math import segment_sum as segment_sum
from plait.ops.math import stft as stft
from plait.ops.math import top_k as top_k
from plait.ops.math import view_as_complex as view_as_complex
from plait.ops.math import view_as_real as view_as_real
from plait.ops.nn import adaptive_average_pool as adaptive_average_pool
from plait.ops.nn import adaptive_max_pool as adaptive_max_pool
from plait.ops.nn import average_pool as average_pool
from plait.ops.nn import batch_normalization as batch_normalization
from plait.ops.nn import binary_crossentropy as binary_crossentropy
from plait.ops.nn import categorical_crossentropy as categorical_crossentropy
from plait.ops.nn import celu as celu
from plait.ops.nn import conv as conv
from plait.ops.nn import conv_transpose as conv_transpose
from plait.ops.nn import ctc_decode as ctc_decode
from plait.ops.nn import ctc_loss as ctc_loss
from plait.ops.nn import depth_to_space as depth_to_space
from plait.ops.nn import depthwise_conv as depthwise_conv
from plait.ops.nn import dot_product_attention as dot_product_attention
from plait.ops.nn import elu as elu
from plait.ops.nn import fold as fold
from plait.ops.nn import gelu as gelu
from plait.ops.nn import glu as glu
from plait.ops.nn import hard_shrink as hard_shrink
from plait.ops.nn import hard_sigmoid as hard_sigmoid
from plait.ops.nn import hard_silu as hard_silu
from plait.ops.nn import hard_swish as hard_swish
from plait.ops.nn import hard_tanh as hard_tanh
from plait.ops.nn import layer_normalization as layer_normalization
from plait.ops.nn import leaky_relu as leaky_relu
from plait.ops.nn import log_sigmoid as log_sigmoid
from plait.ops.nn import log_softmax as log_softmax
from plait.ops.nn import max_pool as max_pool
from plait.ops.nn import moments as moments
from plait.ops.nn import multi_hot as multi_hot
from plait.ops.nn import normalize as normalize
from plait.ops.nn import one_hot as one_hot
from plait.ops.nn import polar as polar
from plait.ops.nn import psnr as psnr
from plait.ops.nn import relu as relu
from plait.ops.nn import relu6 as relu6
from plait.ops.nn import rms_normalization as rms_normalization
from plait.ops.nn import selu as selu
from plait.ops.nn import separable_conv as separable_conv
from plait.ops.nn import sigmoid as sigmoid
from plait.ops.nn import silu as silu
from plait.ops.nn import soft_shrink as soft_shrink
from plait.ops.nn import softmax as softmax
from plait.ops.nn import softplus as softplus
from plait.ops.nn import softsign as softsign
from plait.ops.nn import space_to_depth as space_to_depth
from plait.ops.nn import sparse_categorical_crossentropy as sparse_categorical_crossentropy
from plait.ops.nn import sparse_plus as sparse_plus
from plait.ops.nn import sparse_sigmoid as sparse_sigmoid
from plait.ops.nn import sparsemax as sparsemax
from plait.ops.nn import squareplus as squareplus
from plait.ops.nn import swish as swish
from plait.ops.nn import tanh_shrink as tanh_shrink
from plait.ops.nn import threshold as threshold
from plait.ops.nn import unfold as unfold
from plait.ops.numpy import abs as abs
from plait.ops.numpy import absolute as absolute
from plait.ops.numpy import add as add
from plait.ops.numpy import all as all
from plait.ops.numpy import allclose as allclose
from plait.ops.numpy import amax as amax
from plait.ops.numpy import amin as amin
from plait.ops.numpy import angle as angle
from plait.ops.numpy import any as any
from plait.ops.numpy import append as append
from plait.ops.numpy import arange as arange
from plait.ops.numpy import arccos as arccos
from plait.ops.numpy import arccosh as arccosh
from plait.ops.numpy import arcsin as arcsin
from plait.ops.numpy import arcsinh as arcsinh
from plait.ops.numpy import arctan as arctan
from plait.ops.numpy import arctan2 as arctan2
from plait.ops.numpy import arctanh as arctanh
from plait.ops.numpy import argmax as argmax
from plait.ops.numpy import argmin as argmin
from plait.ops.numpy import argpartition as argpartition
from plait.ops.numpy import argsort as argsort
from plait.ops.numpy import array as array
from plait.ops.numpy import array_split as array_split
from plait.ops.numpy import average as average
from plait.ops.numpy import bartlett as bartlett
from plait.ops.numpy import bincount as bincount
from plait.ops.numpy import bitwise_and as bitwise_and
from plait.ops.numpy import bitwise_invert as bitwise_invert
from plait.ops.numpy import bitwise_left_shift as bitwise_left_shift
from plait.ops.numpy import bitwise_not as bitwise_not
from plait.ops.numpy import bitwise_or as bitwise_or
from plait.ops.numpy import bitwise_right_shift as bitwise_right_shift
from plait.ops.numpy import bitwise_xor as bitwise_xor
from plait.ops.numpy import blackman as blackman
from plait.ops.numpy import broadcast_to as broadcast_to
from plait.ops.numpy import cbrt as cbrt
from plait.ops.numpy import ceil as ceil
from plait.ops.numpy import clip as clip
from plait.ops.numpy import concatenate as concatenate
from plait.ops.numpy import conj as conj
from plait.ops.numpy import conjugate as conjugate
from plait.ops.numpy import copy as copy
from plait.ops.numpy import corrcoef as corrcoef
from plait.ops.numpy import correlate as correlate
from plait.ops.numpy import cos as cos
from plait.ops.numpy import cosh as cosh
from plait.ops.numpy import count_nonzero as count_nonzero
from plait.ops.numpy import cross as cross
from plait.ops.numpy import cumprod as cumprod
from plait.ops.numpy import cumsum as cumsum
from plait.ops.numpy import deg2rad as deg2rad
from plait.ops.numpy import diag as diag
from plait.ops.numpy import diagflat as diagflat
from plait.ops.numpy import diagonal as diagonal
from plait.ops.numpy import diff as diff
from plait.ops.numpy import digitize as digitize
from plait.ops.numpy import divide as divide
from plait.ops.numpy import divide_no_nan as divide_no_nan
from plait.ops.numpy import dot as dot
from plait.ops.numpy import dsplit as dsplit
from plait.ops.numpy import dstack as dstack
from plait.ops.numpy import einsum as einsum
from plait.ops.numpy import empty as empty
from plait.ops.numpy import empty_like as empty_like
from plait.ops.numpy import equal as equal
from plait.ops.numpy import exp as exp
from plait.ops.numpy import exp2 as exp2
from plait.ops.numpy import expand_dims as expand_dims
from plait.ops.numpy import expm1 as expm1
from plait.ops.numpy import eye as eye
from plait.ops.numpy import fabs as fabs
from plait.ops.numpy import flip as flip
from plait.ops.numpy import fliplr as fliplr
from plait.ops.numpy import flipud as flipud
from plait.ops.numpy import floor as floor
from plait.ops.numpy import floor_divide as floor_divide
from plait.ops.numpy import fmax as fmax
from plait.ops.numpy import fmin as fmin
from plait.ops.numpy import fmod as fmod
from plait.ops.numpy import full as full
from plait.ops.numpy import full_like as full_like
from plait.ops.numpy import gcd as gcd
from plait.ops.numpy import geomspace as geomspace
from plait.ops.numpy import get_item as get_item
from plait.ops.numpy import greater as greater
from plait.ops.numpy import greater_equal as greater_equal
from plait.ops.numpy import hamming as hamming
from plait.ops.numpy import hanning as hanning
from plait.ops.numpy import heaviside as heaviside
from plait.ops.numpy import histogram as histogram
from plait.ops.numpy import hsplit as hsplit
from plait.ops.numpy import hstack as hstack
from plait.ops.numpy import hypot as hypot
from plait.ops.numpy import i0 as i0
from plait.ops.numpy import identity as identity
from plait.ops.numpy import imag as imag
from plait.ops.numpy import inner as inner
from plait.ops.numpy import isclose as isclose
from plait.ops.numpy import isfinite as isfinite
from plait.ops.numpy import isin as isin
from plait.ops.numpy import isinf as isinf
from plait.ops.numpy import isnan as isnan
from plait.ops.numpy import isneginf as isneginf
from plait.ops.numpy import isposinf as isposinf
from plait.ops.numpy import isreal as isreal
from plait.ops.numpy import kaiser as kaiser
from plait.ops.numpy import kron as kron
from plait.ops.numpy import lcm as lcm
from plait.ops.numpy import ldexp as ldexp
from plait.ops.numpy import left_shift as left_shift
from plait.ops.numpy import less as less
from plait.ops.numpy import less_equal as less_equal
from plait.ops.numpy import linspace as linspace
from plait.ops.numpy import log as log
from plait.ops.numpy import log1p as log1p
from plait.ops.numpy import log2 as log2
from plait.ops.numpy import log10 as log10
from plait.ops.numpy import logaddexp as logaddexp
from plait.ops.numpy import logaddexp2 as logaddexp2
from plait.ops.numpy import logical_and as logical_and
from plait.ops.numpy import logical_not as logical_not
from plait.ops.numpy import logical_or as logical_or
from plait.ops.numpy import logical_xor as logical_xor
from plait.ops.numpy import logspace as logspace
from plait.ops.numpy import matmul as matmul
from plait.ops.numpy import max as max
from plait.ops.numpy import maximum as maximum
from plait.ops.numpy import mean as mean
from plait.ops.numpy import median as median
from plait.ops.numpy import meshgrid as meshgrid
from plait.ops.numpy import min as min
from plait.ops.numpy import minimum as minimum
from plait.ops.numpy import mod as mod
from plait.ops.numpy import moveaxis as moveaxis
from plait.ops.numpy import multiply as multiply
from plait.ops.numpy import nan_to_num as nan_to_num
from plait.ops.numpy import nanargmax as nanargmax
from plait.ops.numpy import nanargmin as nanargmin
from plait.ops.numpy import nancumprod as nancumprod
from plait.ops.numpy import nancumsum as nancumsum
from plait.ops.numpy import nanmax as nanmax
from plait.ops.numpy import nanmean as nanmean
from plait.ops.numpy import nanmedian as nanmedian
from plait.ops.numpy import nanmin as nanmin
from plait.ops.numpy import nanpercentile as nanpercentile
from plait.ops.numpy import nanprod as nanprod
from plait.ops.numpy import nanquantile as nanquantile
from plait.ops.numpy import nanstd as nanstd
from plait.ops.numpy import nansum as nansum
from plait.ops.numpy import nanvar as nanvar
from plait.ops.numpy import ndim as ndim
from plait.ops.numpy import negative as negative
from plait.ops.numpy import nextafter as nextafter
from plait.ops.numpy import nonzero as nonzero
from plait.ops.numpy import not_equal as not_equal
from plait.ops.numpy import ones as ones
from plait.ops.numpy import ones_like as ones_like
from plait.ops.numpy import outer as outer
from plait.ops.numpy import pad as pad
from plait.ops.numpy import percentile as percentile
from plait.ops.numpy import power as power
from plait.ops.numpy import prod as prod
from plait.ops.numpy import ptp as ptp
from plait.ops.numpy import quantile as quantile
from plait.ops.numpy import rad2deg as rad2deg
from plait.ops.numpy import ravel as ravel
from plait.ops.numpy import real as real
from plait.ops.numpy import reciprocal as reciprocal
from plait.ops.numpy import repeat as repeat
from plait.ops.numpy import reshape as reshape
from plait.ops.numpy import right_shift as right_shift
from plait.ops.numpy import roll as roll
from plait.ops.numpy import rot90 as rot90
from plait.ops.numpy import round as round
from plait.ops.numpy import searchsorted as searchsorted
from plait.ops.numpy import select as select
from plait.ops.numpy import sign as sign
from plait.ops.numpy import signbit as signbit
from plait.ops.numpy import sin as sin
from plait.ops.numpy import sinc as sinc
from plait.ops.numpy import sinh as sinh
from plait.ops.numpy import size as size
from plait.ops.numpy import slogdet as slogdet
from plait.ops.numpy import sort as sort
from plait.ops.numpy import split as split
from plait.ops.numpy import sqrt as sqrt
from plait.ops.numpy import square as square
from plait.ops.numpy import squeeze as squeeze
from plait.ops.numpy import stack as stack
from plait.ops.numpy import std as std
from plait.ops.numpy import subtract as subtract
from plait.ops.numpy import sum as sum
from plait.ops.numpy import swapaxes as swapaxes
from plait.ops.numpy import take as take
from plait.ops.numpy import take_along_axis as take_along_axis
from plait.ops.numpy import tan as tan
from plait.ops.numpy import tanh as tanh
from plait.ops.numpy import tensordot as tensordot
from plait.ops.numpy import tile as tile
from plait.ops.numpy import trace as trace
from plait.ops.numpy import transpose as transpose
from plait.ops.numpy import trapezoid as trapezoid
from plait.ops.numpy import tri as tri
from plait.ops.numpy import tril as tril
from plait.ops.numpy import triu as triu
from plait.ops.numpy import true_divide as true_divide
from plait.ops.numpy import trunc as trunc
from plait.ops.numpy import unique as unique
from plait.ops.numpy import unravel_index as unravel_index
from plait.ops.numpy import vander as vander
from plait.ops.numpy import var as var
from plait.ops.numpy import vdot as vdot
from plait.ops.numpy import vectorize as vectorize
from plait.ops.numpy import view as view
from plait.ops.numpy import vsplit as vsplit
from plait.ops.numpy import vstack as vstack
from plait.ops.numpy import where as where
from plait.ops.numpy import zeros as zeros
from plait.ops.numpy import zeros_like as zeros_like

__all__ = [
    "abs",
    "absolute",
    "adaptive_average_pool",
    "adaptive_max_pool",
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
    "associative_scan",
    "average",
    "average_pool",
    "bartlett",
    "batch_normalization",
    "binary_crossentropy",
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
    "cast",
    "categorical_crossentropy",
    "cbrt",
    "cdist",
    "ceil",
    "celu",
    "cholesky",
    "cholesky_inverse",
    "clip",
    "concatenate",
    "cond",
    "conj",
    "conjugate",
    "conv",
    "conv_transpose",
    "convert_to_numpy",
    "convert_to_tensor",
    "copy",
    "corrcoef",
    "correlate",
    "cos",
    "cosh",
    "count_nonzero",
    "cross",
    "ctc_decode",
    "ctc_loss",
    "cumprod",
    "cumsum",
    "custom_gradient",
    "deg2rad",
    "depth_to_space",
    "depthwise_conv",
    "det",
    "diag",
    "diagflat",
    "diagonal",
    "diff",
    "digitize",
    "divide",
    "divide_no_nan",
    "dot",
    "dot_product_attention",
    "dsplit",
    "dstack",
    "dtype",
    "eig",
    "eigh",
    "einsum",
    "elu",
    "empty",
    "empty_like",
    "equal",
    "erf",
    "erfc",
    "erfinv",
    "exp",
    "exp2",
    "expand_dims",
    "expm1",
    "extract_sequences",
    "eye",
    "fabs",
    "fft",
    "fft2",
    "flip",
    "fliplr",
    "flipud",
    "floor",
    "floor_divide",
    "fmax",
    "fmin",
    "fmod",
    "fold",
    "fori_loop",
    "full",
    "full_like",
    "gcd",
    "gelu",
    "geomspace",
    "get_item",
    "glu",
    "greater",
    "greater_equal",
    "hamming",
    "hanning",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "heaviside",
    "histogram",
    "hsplit",
    "hstack",
    "hypot",
    "i0",
    "identity",
    "ifft2",
    "imag",
    "image",
    "in_top_k",
    "inner",
    "inv",
    "irfft",
    "is_tensor",
    "isclose",
    "isfinite",
    "isin",
    "isinf",
    "isnan",
    "isneginf",
    "isposinf",
    "isreal",
    "istft",
    "jvp",
    "kaiser",
    "kron",
    "layer_normalization",
    "lcm",
    "ldexp",
    "leaky_relu",
    "left_shift",
    "less",
    "less_equal",
    "linalg",
    "linspace",
    "log",
    "log10",
    "log1p",
    "log2",
    "log_sigmoid",
    "log_softmax",
    "logaddexp",
    "logaddexp2",
    "logdet",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "logspace",
    "logsumexp",
    "lstsq",
    "lu_factor",
    "map",
    "matmul",
    "matrix_rank",
    "max",
    "max_pool",
    "maximum",
    "mean",
    "median",
    "meshgrid",
    "min",
    "minimum",
    "mod",
    "moments",
    "moveaxis",
    "multi_hot",
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
    "nn",
    "nonzero",
    "norm",
    "normalize",
    "not_equal",
    "numpy",
    "one_hot",
    "ones",
    "ones_like",
    "outer",
    "pad",
    "percentile",
    "pinv",
    "polar",
    "power",
    "prod",
    "psnr",
    "ptp",
    "qr",
    "quantile",
    "rad2deg",
    "ravel",
    "real",
    "rearrange",
    "reciprocal",
    "relu",
    "relu6",
    "repeat",
    "reshape",
    "rfft",
    "right_shift",
    "rms_normalization",
    "roll",
    "rot90",
    "round",
    "rsqrt",
    "saturate_cast",
    "scan",
    "scatter",
    "scatter_update",
    "searchsorted",
    "segment_max",
    "segment_min",
    "segment_prod",
    "segment_sum",
    "select",
    "selu",
    "separable_conv",
    "shape",
    "sigmoid",
    "sign",
    "signbit",
    "silu",
    "sin",
    "sinc",
    "sinh",
    "size",
    "slice",
    "slice_update",
    "slogdet",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "solve",
    "solve_triangular",
    "sort",
    "space_to_depth",
    "sparse_categorical_crossentropy",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "split",
    "sqrt",
    "square",
    "squareplus",
    "squeeze",
    "stack",
    "std",
    "stft",
    "stop_gradient",
    "subtract",
    "sum",
    "svd",
    "swapaxes",
    "swish",
    "switch",
    "take",
    "take_along_axis",
    "tan",
    "tanh",
    "tanh_shrink",
    "tensordot",
    "threshold",
    "tile",
    "top_k",
    "trace",
    "transpose",
    "trapezoid",
    "tri",
    "tril",
    "triu",
    "true_divide",
    "trunc",
    "unfold",
    "unique",
    "unravel_index",
    "unstack",
    "vander",
    "var",
    "vdot",
    "vectorize",
    "vectorized_map",
    "view",
    "view_as_complex",
    "view_as_real",
    "vsplit",
    "vstack",
    "where",
    "while_loop",
    "zeros",
    "zeros_like",
]
