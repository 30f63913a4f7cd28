"""What both generations of EfficientNet are made of."""

from typing import Any

from plait import layers
from plait.applications.classifier import channel_axis, convolved

KERNELS = {
    "class_name": "VarianceScaling",
    "config": {"scale": 2.0, "mode": "fan_out", "distribution": "truncated_normal"},
}
TOP_KERNEL = {
    "class_name": "VarianceScaling",
    "config": {"scale": 1.0 / 3.0, "mode": "fan_out", "distribution": "uniform"},
}


def convolved_efficiently(x: Any, filters: int, kernel: int, name: str, **more: Any) -> Any:
    """A convolution whose kernel begins as these networks want it."""
    return convolved(x, filters, kernel, name, kernel_initializer=KERNELS, **more)


def squeezed(x: Any, filters: int, narrow: int, name: str) -> Any:
    """Squeeze and excitation: channels weighed by what their means say (Jie Hu and others, 2017)."""
    weights = layers.GlobalAveragePooling2D(name=f"{name}se_squeeze")(x)
    shape = (filters, 1, 1) if channel_axis() == 1 else (1, 1, filters)
    weights = layers.Reshape(shape, name=f"{name}se_reshape")(weights)
    for width, activation, part in ((narrow, "swish", "reduce"), (filters, "sigmoid", "expand")):
        weights = convolved_efficiently(weights, width, 1, f"{name}se_{part}", activation=activation, use_bias=True)
    return layers.Multiply(name=f"{name}se_excite")([x, weights])


def added(x: Any, entered: Any, rate: float, name: str) -> Any:
    """The block's result on what entered it; in training whole samples are dropped (Gao Huang and others, 2016)."""
    if rate > 0:
        x = layers.Dropout(rate, noise_shape=(None, 1, 1, 1), name=f"{name}drop")(x)
    return layers.Add(name=f"{name}add")([x, entered])
