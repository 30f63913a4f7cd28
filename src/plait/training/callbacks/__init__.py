"""Callbacks: what else happens during a run."""

from plait.training.callbacks.base import Callback as Callback
from plait.training.callbacks.base import History as History
from plait.training.callbacks.callback_list import CallbackList as CallbackList
from plait.training.callbacks.monitor import EarlyStopping as EarlyStopping
from plait.training.callbacks.monitor import ModelCheckpoint as ModelCheckpoint
from plait.training.callbacks.monitor import ReduceLROnPlateau as ReduceLROnPlateau
from plait.training.callbacks.progress import ProgbarLogger as ProgbarLogger
from plait.training.callbacks.simple import CSVLogger as CSVLogger
from plait.training.callbacks.simple import LambdaCallback as LambdaCallback
from plait.training.callbacks.simple import LearningRateScheduler as LearningRateScheduler
from plait.training.callbacks.simple import TerminateOnNaN as TerminateOnNaN

__all__ = [
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "TerminateOnNaN",
]
