"""Keras's other place for ResNet50 of `resnet`."""

from plait.applications.imagenet_utils import decode_predictions as decode_predictions
from plait.applications.pixels import blue_first
from plait.applications.resnet import ResNet50 as ResNet50

__all__ = ["ResNet50", "decode_predictions", "preprocess_input"]

preprocess_input = blue_first
