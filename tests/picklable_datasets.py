"""Data sets that worker processes of tests can import."""

import math
import os
import signal

import numpy as np

from plait.training.data import PyDataset


class Batches(PyDataset):
    """Batches of arrays; may fail, end its process, or be killed at an item."""

    def __init__(self, x, y, size, at=None, how=None, **options):
        super().__init__(**options)
        self.x, self.y, self.size, self.at, self.how = x, y, size, at, how
        self.epochs = 0

    def __len__(self):
        return math.ceil(len(self.x) / self.size)

    def __getitem__(self, index):
        if index == self.at:
            fail(self.how)
        rows = slice(index * self.size, (index + 1) * self.size)
        return self.x[rows], self.y[rows]

    def on_epoch_end(self):
        self.epochs += 1


class Epochs(PyDataset):
    """Batches that tell which epoch it is, and in which process they were made."""

    def __init__(self, **options):
        super().__init__(**options)
        self.epoch = 0

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return np.array([[self.epoch, index, os.getpid()]])

    def on_epoch_end(self):
        self.epoch += 1


class Odd(Exception):
    """An exception that can be pickled, but not unpickled."""

    def __init__(self, one, two):
        super().__init__(f"{one} {two}")


def fail(how):
    """Fails in one of many ways."""
    if how == "raise":
        raise KeyError("no such file")
    if how == "odd":
        raise Odd("a", "b")
    if how == "stop":
        raise StopIteration
    if how == "exit":
        os._exit(3)
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
