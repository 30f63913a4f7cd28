"""VGG with 16 layers that have weights; its body is in `vgg`."""

from functools import partial

from plait.applications.classifier import variant
from plait.applications.imagenet_utils import decode_predictions as decode_predictions
from plait.applications.pixels import blue_first
from plait.applications.vgg import SOURCE, build

__all__ = ["VGG16", "decode_predictions", "preprocess_input"]

preprocess_input = blue_first

_HASHES = ("64373286793e3c8b2b4e3219cbf3544b", "6d6bbae143d832006294945121d1f1fc")
_build = partial(build, title="vgg16", depths=(2, 2, 3, 3, 3), hashes=_HASHES)
VGG16 = variant("VGG16", "vgg16", _build, __name__, SOURCE)
