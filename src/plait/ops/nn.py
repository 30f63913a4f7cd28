"""The operations of neural networks: activations, convolutions, pooling, normalisation, crossentropies, attention."""

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
    "average_pool",
    "batch_normalization",
    "binary_crossentropy",
    "categorical_crossentropy",
    "celu",
    "conv",
    "conv_transpose",
    "ctc_decode",
    "ctc_loss",
    "depth_to_space",
    "depthwise_conv",
    "dot_product_attention",
    "elu",
    "fold",
    "gelu",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "layer_normalization",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "max_pool",
    "moments",
    "multi_hot",
    "normalize",
    "one_hot",
    "polar",
    "psnr",
    "relu",
    "relu6",
    "rms_normalization",
    "selu",
    "separable_conv",
    "sigmoid",
    "silu",
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
    "swish",
    "tanh_shrink",
    "threshold",
    "unfold",
]
