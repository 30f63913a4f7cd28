"""Callbacks: what else happens during a run."""

from plait.training.callbacks.averages import SwapEMAWeights as SwapEMAWeights
from plait.training.callbacks.backup import BackupAndRestore as BackupAndRestore
from plait.training.callbacks.base import Callback as Callback
from plait.training.callbacks.base import History as History
from plait.training.callbacks.callback_list import CallbackList as CallbackList
from plait.training.callbacks.monitor import EarlyStopping as EarlyStopping
from plait.training.callbacks.monitor import ModelCheckpoint as ModelCheckpoint
from plait.training.callbacks.monitor import ReduceLROnPlateau as ReduceLROnPlateau
from plait.training.callbacks.orbax import OrbaxCheckpoint as OrbaxCheckpoint
from plait.training.callbacks.progress import ProgbarLogger as ProgbarLogger
from plait.training.callbacks.recover import Recover as Recover
from plait.training.callbacks.simple import CSVLogger as CSVLogger
from plait.training.callbacks.simple import LambdaCallback as LambdaCallback
from plait.training.callbacks.simple import LearningRateScheduler as LearningRateScheduler
from plait.training.callbacks.simple import RemoteMonitor as RemoteMonitor
from plait.training.callbacks.simple import TerminateOnNaN as TerminateOnNaN
from plait.training.callbacks.tensorboard import TensorBoard as TensorBoard

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "OrbaxCheckpoint",
    "ProgbarLogger",
    "Recover",
    "ReduceLROnPlateau",
    "RemoteMonitor",
    "SwapEMAWeights",
    "TensorBoard",
    "TerminateOnNaN",
]
