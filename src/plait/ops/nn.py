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

__all__ = [
    "celu",
    "elu",
    "gelu",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh_shrink",
    "threshold",
]
