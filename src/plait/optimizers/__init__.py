"""Optimizers and learning-rate schedules, with Keras's names, and any transformation of Optax's."""

from plait.optimizers import schedules as schedules
from plait.optimizers.algorithms import SGD as SGD
from plait.optimizers.algorithms import Adadelta as Adadelta
from plait.optimizers.algorithms import Adafactor as Adafactor
from plait.optimizers.algorithms import Adagrad as Adagrad
from plait.optimizers.algorithms import Adam as Adam
from plait.optimizers.algorithms import Adamax as Adamax
from plait.optimizers.algorithms import AdamW as AdamW
from plait.optimizers.algorithms import Ftrl as Ftrl
from plait.optimizers.algorithms import Lamb as Lamb
from plait.optimizers.algorithms import Lion as Lion
from plait.optimizers.algorithms import Muon as Muon
from plait.optimizers.algorithms import Nadam as Nadam
from plait.optimizers.algorithms import RMSprop as RMSprop
from plait.optimizers.algorithms import ScheduleFreeAdamW as ScheduleFreeAdamW
from plait.optimizers.base import Optimizer as Optimizer
from plait.optimizers.lookup import OptaxOptimizer as OptaxOptimizer
from plait.optimizers.lookup import deserialize as deserialize
from plait.optimizers.lookup import get as get
from plait.optimizers.lookup import serialize as serialize
from plait.optimizers.loss_scale import LossScaleOptimizer as LossScaleOptimizer
from plait.optimizers.multi import MultiOptimizer as MultiOptimizer
from plait.optimizers.multi import OptimizerMap as OptimizerMap

__all__ = [
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lamb",
    "Lion",
    "LossScaleOptimizer",
    "MultiOptimizer",
    "Muon",
    "Nadam",
    "OptaxOptimizer",
    "Optimizer",
    "OptimizerMap",
    "RMSprop",
    "SGD",
    "ScheduleFreeAdamW",
    "deserialize",
    "get",
    "schedules",
    "serialize",
]
