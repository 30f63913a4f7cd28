"""Data in files, made ready: under the names that scripts written for older Keras import."""

from plait.preprocessing import image as image
from plait.preprocessing import sequence as sequence
from plait.utils.dataset_from_directory import image_dataset_from_directory as image_dataset_from_directory
from plait.utils.dataset_from_directory import text_dataset_from_directory as text_dataset_from_directory
from plait.utils.timeseries import timeseries_dataset_from_array as timeseries_dataset_from_array

__all__ = [
    "image",
    "image_dataset_from_directory",
    "sequence",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
]
