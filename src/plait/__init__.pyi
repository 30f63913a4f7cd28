# What `__getattr__` of __init__.py loads at first use, for type checkers and editors. tests/architecture/test_stub.py holds it to that.

from plait import activations as activations
from plait import applications as applications
from plait import backend as backend
from plait import callbacks as callbacks
from plait import compat as compat
from plait import config as config
from plait import constraints as constraints
from plait import datasets as datasets
from plait import distillation as distillation
from plait import distribution as distribution
from plait import dtype_policies as dtype_policies
from plait import errors as errors
from plait import export as export
from plait import initializers as initializers
from plait import inspect as inspect
from plait import layers as layers
from plait import losses as losses
from plait import metrics as metrics
from plait import mixed_precision as mixed_precision
from plait import models as models
from plait import multitask as multitask
from plait import ops as ops
from plait import optimizers as optimizers
from plait import preprocessing as preprocessing
from plait import quantizers as quantizers
from plait import random as random
from plait import regularizers as regularizers
from plait import saving as saving
from plait import surgery as surgery
from plait import training as training
from plait import tree as tree
from plait import utils as utils
from plait import visualization as visualization
from plait import wrappers as wrappers
from plait._version import __version__ as __version__
from plait.common.policies import DTypePolicy as DTypePolicy
from plait.common.policies import FloatDTypePolicy as FloatDTypePolicy
from plait.common.scope import name_scope as name_scope
from plait.compat import load_ipython_extension as load_ipython_extension
from plait.compat import unload_ipython_extension as unload_ipython_extension
from plait.core.function import Function as Function
from plait.core.graph import Operation as Operation
from plait.core.op import op as op
from plait.core.pure import functional as functional
from plait.core.remat import RematScope as RematScope
from plait.core.remat import remat as remat
from plait.core.stateless import StatelessScope as StatelessScope
from plait.core.tensor import KerasTensor as KerasTensor
from plait.core.variable import Variable as Variable
from plait.core.variable import convert_to_tensor as convert_to_tensor
from plait.distribution import device as device
from plait.initializers import Initializer as Initializer
from plait.layers import Input as Input
from plait.layers import InputSpec as InputSpec
from plait.layers import Layer as Layer
from plait.losses import Loss as Loss
from plait.metrics import Metric as Metric
from plait.models import Model as Model
from plait.models import Sequential as Sequential
from plait.models import clone_model as clone_model
from plait.ops import ones as ones
from plait.ops import zeros as zeros
from plait.optimizers import Optimizer as Optimizer
from plait.quantizers import Quantizer as Quantizer
from plait.regularizers import Regularizer as Regularizer
from plait.saving import load_model as load_model
from plait.saving import save_model as save_model
from plait.surgery import freeze as freeze
from plait.surgery import unfreeze as unfreeze
from plait.utils import clear_session as clear_session
from plait.utils import constant as constant
from plait.utils import version as version

bfloat16: str
float16: str
float32: str
float64: str
int8: str
int16: str
int32: str
int64: str
uint8: str
uint16: str
uint32: str
uint64: str
complex64: str
string: str

__all__: list[str]
