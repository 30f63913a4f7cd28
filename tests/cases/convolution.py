"""Rows of `layers/convolution.py`."""

from cases import Case, Input

X1, X2, X3 = Input((2, 9, 4)), Input((2, 7, 8, 4)), Input((1, 5, 6, 5, 4))

CASES = [
    Case("Conv1D", lambda L: L.Conv1D(3, 3), X1),
    Case("Conv1D causal dilated", lambda L: L.Conv1D(3, 3, padding="causal", dilation_rate=2, activation="relu"), X1),
    Case("Conv1D same strided", lambda L: L.Conv1D(3, 2, strides=2, padding="same", use_bias=False), X1),
    Case("Conv2D", lambda L: L.Conv2D(3, 3), X2),
    Case("Conv2D same strided", lambda L: L.Conv2D(3, (3, 2), strides=2, padding="same"), X2),
    Case("Conv2D groups", lambda L: L.Conv2D(6, 3, groups=2, activation="tanh"), X2),
    Case("Conv2D dilated", lambda L: L.Conv2D(3, 3, dilation_rate=(2, 1)), X2),
    Case("Conv2D first", lambda L: L.Conv2D(3, 3, data_format="channels_first"), Input((2, 4, 7, 8))),
    Case("Conv3D", lambda L: L.Conv3D(2, 2), X3),
    Case("Conv1DTranspose", lambda L: L.Conv1DTranspose(3, 3, strides=2), X1),
    Case("Conv2DTranspose", lambda L: L.Conv2DTranspose(3, 3, strides=2, padding="same"), X2),
    Case("Conv2DTranspose output", lambda L: L.Conv2DTranspose(3, 3, strides=2, output_padding=1), X2),
    Case("Conv3DTranspose", lambda L: L.Conv3DTranspose(2, 2, strides=2), X3),
    Case("DepthwiseConv1D", lambda L: L.DepthwiseConv1D(3, depth_multiplier=2), X1),
    Case("DepthwiseConv2D", lambda L: L.DepthwiseConv2D(3, strides=2, padding="same"), X2),
    Case("SeparableConv1D", lambda L: L.SeparableConv1D(3, 3), X1),
    Case("SeparableConv2D", lambda L: L.SeparableConv2D(3, 3, depth_multiplier=2, padding="same"), X2),
]
