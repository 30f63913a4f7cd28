"""What both kinds of residual networks begin with, and where their weights are published."""

from typing import Any

from plait import layers
from plait.applications.classifier import Published

FOLDER = "https://storage.googleapis.com/tensorflow/keras-applications/resnet/"
EPSILON = 1.001e-5
WIDTHS = (64, 128, 256, 512)


def stem(x: Any) -> Any:
    """The first convolution, which halves the picture."""
    x = layers.ZeroPadding2D(3, name="conv1_pad")(x)
    return layers.Conv2D(64, 7, strides=2, name="conv1_conv")(x)


def stem_pool(x: Any) -> Any:
    """The first pooling, which halves it again."""
    x = layers.ZeroPadding2D(1, name="pool1_pad")(x)
    return layers.MaxPooling2D(3, strides=2, name="pool1_pool")(x)


def residual_files(title: str, hashes: tuple[str, str]) -> tuple[Published, Published]:
    """The published weights, with the top and without."""
    address = f"{FOLDER}{title}_weights_tf_dim_ordering_tf_kernels"
    return Published(f"{address}.h5", hashes[0]), Published(f"{address}_notop.h5", hashes[1])
