"""Callbacks: what else happens during a run."""

from plait.training.callbacks.base import Callback as Callback
from plait.training.callbacks.base import History as History
from plait.training.callbacks.callback_list import CallbackList as CallbackList
from plait.training.callbacks.progress import ProgbarLogger as ProgbarLogger
