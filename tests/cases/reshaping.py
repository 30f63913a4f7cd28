"""Rows of `layers/reshaping.py`."""

from cases import Case, Input

X1, X2, X3 = Input((2, 6, 3)), Input((2, 6, 7, 3)), Input((1, 5, 6, 5, 2))

CASES = [
    Case("Flatten", lambda L: L.Flatten(), X2),
    Case("Flatten first", lambda L: L.Flatten(data_format="channels_first"), X2),
    Case("Reshape", lambda L: L.Reshape((9, -1)), X1),
    Case("Permute", lambda L: L.Permute((2, 1)), X1),
    Case("RepeatVector", lambda L: L.RepeatVector(3), Input((2, 4))),
    Case("Cropping1D", lambda L: L.Cropping1D((1, 2)), X1),
    Case("Cropping2D", lambda L: L.Cropping2D(((1, 0), (2, 1))), X2),
    Case("Cropping3D", lambda L: L.Cropping3D(1), X3),
    Case("ZeroPadding1D", lambda L: L.ZeroPadding1D((1, 2)), X1),
    Case("ZeroPadding2D", lambda L: L.ZeroPadding2D(((1, 0), (2, 1))), X2),
    Case("ZeroPadding3D", lambda L: L.ZeroPadding3D(1), X3),
    Case("UpSampling1D", lambda L: L.UpSampling1D(2), X1),
    Case("UpSampling2D", lambda L: L.UpSampling2D((2, 3)), X2),
    Case("UpSampling2D bilinear", lambda L: L.UpSampling2D(2, interpolation="bilinear"), X2),
    Case("UpSampling3D", lambda L: L.UpSampling3D(2), X3),
]
