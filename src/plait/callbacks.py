"""The public face of the callbacks."""

from plait.training.callbacks import BackupAndRestore as BackupAndRestore
from plait.training.callbacks import Callback as Callback
from plait.training.callbacks import CallbackList as CallbackList
from plait.training.callbacks import CSVLogger as CSVLogger
from plait.training.callbacks import EarlyStopping as EarlyStopping
from plait.training.callbacks import History as History
from plait.training.callbacks import LambdaCallback as LambdaCallback
from plait.training.callbacks import LearningRateScheduler as LearningRateScheduler
from plait.training.callbacks import ModelCheckpoint as ModelCheckpoint
from plait.training.callbacks import OrbaxCheckpoint as OrbaxCheckpoint
from plait.training.callbacks import ProgbarLogger as ProgbarLogger
from plait.training.callbacks import ReduceLROnPlateau as ReduceLROnPlateau
from plait.training.callbacks import RemoteMonitor as RemoteMonitor
from plait.training.callbacks import SwapEMAWeights as SwapEMAWeights
from plait.training.callbacks import TensorBoard as TensorBoard
from plait.training.callbacks import TerminateOnNaN as TerminateOnNaN

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
    "ReduceLROnPlateau",
    "RemoteMonitor",
    "SwapEMAWeights",
    "TensorBoard",
    "TerminateOnNaN",
]
