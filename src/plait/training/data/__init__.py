"""Data for training: one protocol, one file a source."""

from plait.training.data.arrays import ArraySource as ArraySource
from plait.training.data.arrays import split_off as split_off
from plait.training.data.batches import BatchSource as BatchSource
from plait.training.data.choose import source_of as source_of
from plait.training.data.frames import DataOf as DataOf
from plait.training.data.mixture import Mixture as Mixture
from plait.training.data.mixture import MixtureSource as MixtureSource
from plait.training.data.py_dataset import PyDataset as PyDataset
from plait.training.data.py_dataset import PyDatasetSource as PyDatasetSource
from plait.training.data.source import Source as Source
from plait.training.data.source import closing_sources as closing_sources
from plait.training.data.source import pack as pack
from plait.training.data.source import unpack as unpack
from plait.training.data.together import Joined as Joined
