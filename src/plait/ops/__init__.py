"""Operations on tensors: NumPy's functions, those of neural networks, and control flow.

Each works on arrays, and on symbolic tensors, where it is recorded as a node of the graph. Names, arguments and results
are Keras's.
"""

from plait.ops import nn as nn
from plait.ops.activation import celu as celu
from plait.ops.activation import elu as elu
from plait.ops.activation import gelu as gelu
from plait.ops.activation import glu as glu
from plait.ops.activation import hard_shrink as hard_shrink
from plait.ops.activation import hard_sigmoid as hard_sigmoid
from plait.ops.activation import hard_silu as hard_silu
from plait.ops.activation import hard_swish as hard_swish
from plait.ops.activation import hard_tanh as hard_tanh
from plait.ops.activation import leaky_relu as leaky_relu
from plait.ops.activation import log_sigmoid as log_sigmoid
from plait.ops.activation import log_softmax as log_softmax
from plait.ops.activation import relu as relu
from plait.ops.activation import relu6 as relu6
from plait.ops.activation import selu as selu
from plait.ops.activation import sigmoid as sigmoid
from plait.ops.activation import silu as silu
from plait.ops.activation import soft_shrink as soft_shrink
from plait.ops.activation import softmax as softmax
from plait.ops.activation import softplus as softplus
from plait.ops.activation import softsign as softsign
from plait.ops.activation import sparse_plus as sparse_plus
from plait.ops.activation import sparse_sigmoid as sparse_sigmoid
from plait.ops.activation import sparsemax as sparsemax
from plait.ops.activation import squareplus as squareplus
from plait.ops.activation import swish as swish
from plait.ops.activation import tanh_shrink as tanh_shrink
from plait.ops.activation import threshold as threshold
from plait.ops.attention import dot_product_attention as dot_product_attention
from plait.ops.convolution import conv as conv
from plait.ops.convolution import conv_transpose as conv_transpose
from plait.ops.convolution import depthwise_conv as depthwise_conv
from plait.ops.convolution import separable_conv as separable_conv
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
from plait.ops.crossentropy import binary_crossentropy as binary_crossentropy
from plait.ops.crossentropy import categorical_crossentropy as categorical_crossentropy
from plait.ops.crossentropy import multi_hot as multi_hot
from plait.ops.crossentropy import one_hot as one_hot
from plait.ops.crossentropy import sparse_categorical_crossentropy as sparse_categorical_crossentropy
from plait.ops.ctc import ctc_decode as ctc_decode
from plait.ops.ctc import ctc_loss as ctc_loss
from plait.ops.normalization import batch_normalization as batch_normalization
from plait.ops.normalization import layer_normalization as layer_normalization
from plait.ops.normalization import moments as moments
from plait.ops.normalization import normalize as normalize
from plait.ops.normalization import rms_normalization as rms_normalization
from plait.ops.patches import depth_to_space as depth_to_space
from plait.ops.patches import fold as fold
from plait.ops.patches import space_to_depth as space_to_depth
from plait.ops.patches import unfold as unfold
from plait.ops.pooling import adaptive_average_pool as adaptive_average_pool
from plait.ops.pooling import adaptive_max_pool as adaptive_max_pool
from plait.ops.pooling import average_pool as average_pool
from plait.ops.pooling import max_pool as max_pool
from plait.ops.signals import polar as polar
from plait.ops.signals import psnr as psnr

__all__ = [
    "adaptive_average_pool",
    "adaptive_max_pool",
    "associative_scan",
    "average_pool",
    "batch_normalization",
    "binary_crossentropy",
    "cast",
    "categorical_crossentropy",
    "celu",
    "cond",
    "conv",
    "conv_transpose",
    "convert_to_numpy",
    "convert_to_tensor",
    "ctc_decode",
    "ctc_loss",
    "custom_gradient",
    "depth_to_space",
    "depthwise_conv",
    "dot_product_attention",
    "dtype",
    "elu",
    "fold",
    "fori_loop",
    "gelu",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "is_tensor",
    "layer_normalization",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "map",
    "max_pool",
    "moments",
    "multi_hot",
    "nn",
    "normalize",
    "one_hot",
    "polar",
    "psnr",
    "relu",
    "relu6",
    "rms_normalization",
    "saturate_cast",
    "scan",
    "scatter",
    "scatter_update",
    "selu",
    "separable_conv",
    "shape",
    "sigmoid",
    "silu",
    "slice",
    "slice_update",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "space_to_depth",
    "sparse_categorical_crossentropy",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "stop_gradient",
    "swish",
    "switch",
    "tanh_shrink",
    "threshold",
    "unfold",
    "unstack",
    "vectorized_map",
    "while_loop",
]
