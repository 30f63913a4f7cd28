"""VGG with 19 layers that have weights; its body is in `vgg`."""

from functools import partial

from plait.applications.classifier import variant
from plait.applications.imagenet_utils import decode_predictions as decode_predictions
from plait.applications.pixels import blue_first
from plait.applications.vgg import SOURCE, build

__all__ = ["VGG19", "decode_predictions", "preprocess_input"]

preprocess_input = blue_first

_HASHES = ("cbe5617147190e668d6c5d5026f83318", "253f8cb515780f3b799900260a226db6")
_build = partial(build, title="vgg19", depths=(2, 2, 4, 4, 4), hashes=_HASHES)
VGG19 = variant("VGG19", "vgg19", _build, __name__, SOURCE)
