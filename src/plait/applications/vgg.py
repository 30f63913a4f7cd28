"""VGG: convolutions of 3 x 3 and nothing else, in five blocks."""

from typing import Any

from plait import layers
from plait.applications.classifier import Options, Published, checked_shape, classifier
from plait.models import Model

FOLDER = "https://storage.googleapis.com/tensorflow/keras-applications/"
SOURCE = 'Karen Simonyan, Andrew Zisserman, "Very deep convolutional networks for large-scale image recognition", 2014.'
_WIDTHS = (64, 128, 256, 512, 512)


def build(options: Options, title: str, depths: tuple[int, ...], hashes: tuple[str, str]) -> Model:
    """One VGG; `depths` counts the convolutions of each block."""

    def body(x: Any) -> Any:
        for block, (width, depth) in enumerate(zip(_WIDTHS, depths), 1):
            for place in range(1, depth + 1):
                name = f"block{block}_conv{place}"
                x = layers.Conv2D(width, 3, activation="relu", padding="same", name=name)(x)
            x = layers.MaxPooling2D(2, strides=2, name=f"block{block}_pool")(x)
        return x

    def top(x: Any) -> Any:
        x = layers.Flatten(name="flatten")(x)
        for name in ("fc1", "fc2"):
            x = layers.Dense(4096, activation="relu", name=name)(x)
        return layers.Dense(options.classes, activation=options.classifier_activation, name="predictions")(x)

    address = f"{FOLDER}{title}/{title}_weights_tf_dim_ordering_tf_kernels"
    files = (Published(f"{address}.h5", hashes[0]), Published(f"{address}_notop.h5", hashes[1]))
    return classifier(options, checked_shape(options, 224), body, files, top, (None, None))
