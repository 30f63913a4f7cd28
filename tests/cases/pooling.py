"""Rows of `layers/pooling.py`."""

from cases import Case, Input

X1, X2, X3 = Input((2, 9, 3)), Input((2, 7, 8, 3)), Input((1, 5, 6, 5, 2))

CASES = [
    Case("MaxPooling1D", lambda L: L.MaxPooling1D(2), X1),
    Case("MaxPooling1D same", lambda L: L.MaxPooling1D(3, strides=2, padding="same"), X1),
    Case("MaxPooling2D", lambda L: L.MaxPooling2D(), X2),
    Case("MaxPooling2D overlapping", lambda L: L.MaxPooling2D((3, 2), strides=1, padding="same"), X2),
    Case("MaxPooling2D first", lambda L: L.MaxPooling2D(2, data_format="channels_first"), Input((2, 3, 8, 6))),
    Case("MaxPooling3D", lambda L: L.MaxPooling3D(2), X3),
    Case("AveragePooling1D", lambda L: L.AveragePooling1D(2), X1),
    Case("AveragePooling2D same", lambda L: L.AveragePooling2D(3, strides=2, padding="same"), X2),
    Case("AveragePooling3D", lambda L: L.AveragePooling3D(2), X3),
    Case("GlobalMaxPooling1D", lambda L: L.GlobalMaxPooling1D(), X1),
    Case("GlobalMaxPooling2D", lambda L: L.GlobalMaxPooling2D(keepdims=True), X2),
    Case("GlobalMaxPooling3D", lambda L: L.GlobalMaxPooling3D(), X3),
    Case("GlobalAveragePooling1D", lambda L: L.GlobalAveragePooling1D(), X1),
    Case("GlobalAveragePooling2D", lambda L: L.GlobalAveragePooling2D(), X2),
    Case("GlobalAveragePooling3D", lambda L: L.GlobalAveragePooling3D(), X3),
    Case("AdaptiveAveragePooling1D", lambda L: L.AdaptiveAveragePooling1D(4), X1),
    Case("AdaptiveAveragePooling2D", lambda L: L.AdaptiveAveragePooling2D((3, 2)), X2),
    Case("AdaptiveMaxPooling1D", lambda L: L.AdaptiveMaxPooling1D(4), X1),
    Case("AdaptiveMaxPooling2D", lambda L: L.AdaptiveMaxPooling2D(3), X2),
]
