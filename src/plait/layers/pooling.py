"""Poolings: windows, whole axes, or axes divided into parts; one abstract parent each, for all ranks."""

from typing import Any, Unpack

import jax.numpy as jnp

from plait import ops
from plait.common.registry import builtin
from plait.common.traits import of_plait
from plait.layers.argument_checks import data_format_name, numbers
from plait.layers.argument_types import LayerOptions, OptionsBesidesName
from plait.layers.base import Layer
from plait.layers.input_spec import InputSpec
from plait.ops.convolution import padding_name


@of_plait
class _Pooling(Layer):
    """Combines each window of the spatial axes into one element."""

    _family = "pooling"

    _slow_in_loops = True

    rank = 2
    _combine: Any = None

    def __init__(
        self,
        pool_size: Any = 2,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Unpack[OptionsBesidesName],
    ):
        super().__init__(name=name, **kwargs)
        who = type(self).__name__
        self.pool_size = numbers(pool_size, self.rank, who, "pool_size")
        self.strides = self.pool_size if strides is None else numbers(strides, self.rank, who, "strides")
        self.padding = padding_name(who, padding)
        self.data_format = data_format_name(data_format, who)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Any) -> Any:
        return self._combine(inputs, self.pool_size, self.strides, self.padding, self.data_format)


@of_plait
class _Max(_Pooling):
    _combine = staticmethod(ops.max_pool)


@of_plait
class _Average(_Pooling):
    _combine = staticmethod(ops.average_pool)


@of_plait
class _GlobalPooling(Layer):
    """Combines all of the spatial axes into one element."""

    _family = "pooling"

    _slow_in_loops = True

    rank = 2

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Unpack[LayerOptions]):
        super().__init__(**kwargs)
        self.data_format = data_format_name(data_format, type(self).__name__)
        self.keepdims = keepdims
        self.input_spec = InputSpec(ndim=self.rank + 2)

    @property
    def _axes(self) -> tuple[int, ...]:
        first = 1 if self.data_format == "channels_last" else 2
        return tuple(range(first, first + self.rank))


@of_plait
class _GlobalMax(_GlobalPooling):
    def call(self, inputs: Any) -> Any:
        return jnp.max(inputs, self._axes, keepdims=self.keepdims)


@of_plait
class _GlobalAverage(_GlobalPooling):
    def call(self, inputs: Any) -> Any:
        return jnp.mean(inputs, self._axes, keepdims=self.keepdims)


@of_plait
class _AdaptivePooling(Layer):
    """Divides the spatial axes into a given number of nearly equal parts, and combines each."""

    _family = "pooling"

    _slow_in_loops = True

    rank = 2
    _combine: Any = None

    def __init__(self, output_size: Any, data_format: str | None = None, **kwargs: Unpack[LayerOptions]):
        super().__init__(**kwargs)
        self.output_size = numbers(output_size, self.rank, type(self).__name__, "output_size")
        self.data_format = data_format_name(data_format, type(self).__name__)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Any) -> Any:
        return self._combine(inputs, self.output_size, self.data_format)


@of_plait
class _AdaptiveMax(_AdaptivePooling):
    _combine = staticmethod(ops.adaptive_max_pool)


@of_plait
class _AdaptiveAverage(_AdaptivePooling):
    _combine = staticmethod(ops.adaptive_average_pool)


@builtin("layers", "MaxPool1D")
class MaxPooling1D(_Max):
    """The largest element of each window over one axis, such as time.

    Args:
        pool_size: the window, one number or one an axis.
        strides: by how much it moves; by default as much as it is long.
        padding: "valid" for windows that lie inside, "same" for one output a stride.
        data_format: "channels_last", "channels_first" or None.

    >>> import numpy as np
    >>> MaxPooling1D(2)(np.ones((1, 4, 3))).shape
    (1, 2, 3)
    """

    rank = 1


@builtin("layers", "MaxPool2D")
class MaxPooling2D(_Max):
    """The largest element of each window over two axes: images.

    Args:
        pool_size: the window, one number or one an axis.
        strides: by how much it moves; by default as much as it is long.
        padding: "valid" for windows that lie inside, "same" for one output a stride.
        data_format: "channels_last", "channels_first" or None.

    >>> import numpy as np
    >>> MaxPooling2D(2)(np.ones((1, 4, 4, 3))).shape
    (1, 2, 2, 3)
    """

    rank = 2


@builtin("layers", "MaxPool3D")
class MaxPooling3D(_Max):
    """The largest element of each window over three axes: volumes.

    Args:
        pool_size: the window, one number or one an axis.
        strides: by how much it moves; by default as much as it is long.
        padding: "valid" for windows that lie inside, "same" for one output a stride.
        data_format: "channels_last", "channels_first" or None.

    >>> import numpy as np
    >>> MaxPooling3D(2)(np.ones((1, 4, 4, 4, 3))).shape
    (1, 2, 2, 2, 3)
    """

    rank = 3


@builtin("layers", "AvgPool1D")
class AveragePooling1D(_Average):
    """The mean of each window over one axis, such as time.

    Args:
        pool_size: the window, one number or one an axis.
        strides: by how much it moves; by default as much as it is long.
        padding: "valid" for windows that lie inside, "same" for one output a stride.
        data_format: "channels_last", "channels_first" or None.

    >>> import numpy as np
    >>> AveragePooling1D(2)(np.ones((1, 4, 3))).shape
    (1, 2, 3)
    """

    rank = 1


@builtin("layers", "AvgPool2D")
class AveragePooling2D(_Average):
    """The mean of each window over two axes: images.

    Args:
        pool_size: the window, one number or one an axis.
        strides: by how much it moves; by default as much as it is long.
        padding: "valid" for windows that lie inside, "same" for one output a stride.
        data_format: "channels_last", "channels_first" or None.

    >>> import numpy as np
    >>> AveragePooling2D(2)(np.ones((1, 4, 4, 3))).shape
    (1, 2, 2, 3)
    """

    rank = 2


@builtin("layers", "AvgPool3D")
class AveragePooling3D(_Average):
    """The mean of each window over three axes: volumes.

    Args:
        pool_size: the window, one number or one an axis.
        strides: by how much it moves; by default as much as it is long.
        padding: "valid" for windows that lie inside, "same" for one output a stride.
        data_format: "channels_last", "channels_first" or None.

    >>> import numpy as np
    >>> AveragePooling3D(2)(np.ones((1, 4, 4, 4, 3))).shape
    (1, 2, 2, 2, 3)
    """

    rank = 3


@builtin("layers", "GlobalMaxPool1D")
class GlobalMaxPooling1D(_GlobalMax):
    """The largest element over one axis, such as time, a channel at a time.

    Args:
        data_format: "channels_last", "channels_first" or None.
        keepdims: whether the axes stay, with size 1.

    >>> import numpy as np
    >>> GlobalMaxPooling1D()(np.ones((1, 4, 3))).shape
    (1, 3)
    """

    rank = 1


@builtin("layers", "GlobalMaxPool2D")
class GlobalMaxPooling2D(_GlobalMax):
    """The largest element over two axes: images, a channel at a time.

    Args:
        data_format: "channels_last", "channels_first" or None.
        keepdims: whether the axes stay, with size 1.

    >>> import numpy as np
    >>> GlobalMaxPooling2D()(np.ones((1, 4, 4, 3))).shape
    (1, 3)
    """

    rank = 2


@builtin("layers", "GlobalMaxPool3D")
class GlobalMaxPooling3D(_GlobalMax):
    """The largest element over three axes: volumes, a channel at a time.

    Args:
        data_format: "channels_last", "channels_first" or None.
        keepdims: whether the axes stay, with size 1.

    >>> import numpy as np
    >>> GlobalMaxPooling3D()(np.ones((1, 4, 4, 4, 3))).shape
    (1, 3)
    """

    rank = 3


@builtin("layers", "GlobalAvgPool1D")
class GlobalAveragePooling1D(_GlobalAverage):
    """The mean over one axis, such as time, a channel at a time; masked steps don't count.

    Args:
        data_format: "channels_last", "channels_first" or None.
        keepdims: whether the axes stay, with size 1.

    >>> import numpy as np
    >>> GlobalAveragePooling1D()(np.ones((1, 4, 3))).shape
    (1, 3)
    """

    rank = 1

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Unpack[LayerOptions]):
        super().__init__(data_format, keepdims, **kwargs)
        self.supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        if mask is None:
            return super().call(inputs)
        counted = jnp.expand_dims(mask.astype(inputs.dtype), 2 if self.data_format == "channels_last" else 1)
        return jnp.sum(inputs * counted, self._axes, keepdims=self.keepdims) / jnp.sum(
            counted, self._axes, keepdims=self.keepdims
        )

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """None: the time axis is gone."""
        return None


@builtin("layers", "GlobalAvgPool2D")
class GlobalAveragePooling2D(_GlobalAverage):
    """The mean over two axes: images, a channel at a time.

    Args:
        data_format: "channels_last", "channels_first" or None.
        keepdims: whether the axes stay, with size 1.

    >>> import numpy as np
    >>> GlobalAveragePooling2D()(np.ones((1, 4, 4, 3))).shape
    (1, 3)
    """

    rank = 2


@builtin("layers", "GlobalAvgPool3D")
class GlobalAveragePooling3D(_GlobalAverage):
    """The mean over three axes: volumes, a channel at a time.

    Args:
        data_format: "channels_last", "channels_first" or None.
        keepdims: whether the axes stay, with size 1.

    >>> import numpy as np
    >>> GlobalAveragePooling3D()(np.ones((1, 4, 4, 4, 3))).shape
    (1, 3)
    """

    rank = 3


@builtin("layers")
class AdaptiveMaxPooling1D(_AdaptiveMax):
    """The largest elements of nearly equal parts of one axis, such as time.

    Args:
        output_size: how many parts, one number or one an axis.
        data_format: "channels_last", "channels_first" or None.

    >>> import numpy as np
    >>> AdaptiveMaxPooling1D(2)(np.ones((1, 4, 3))).shape
    (1, 2, 3)
    """

    rank = 1


@builtin("layers")
class AdaptiveMaxPooling2D(_AdaptiveMax):
    """The largest elements of nearly equal parts of two axes: images.

    Args:
        output_size: how many parts, one number or one an axis.
        data_format: "channels_last", "channels_first" or None.

    >>> import numpy as np
    >>> AdaptiveMaxPooling2D(2)(np.ones((1, 4, 4, 3))).shape
    (1, 2, 2, 3)
    """

    rank = 2


@builtin("layers")
class AdaptiveMaxPooling3D(_AdaptiveMax):
    """The largest elements of nearly equal parts of three axes: volumes.

    Args:
        output_size: how many parts, one number or one an axis.
        data_format: "channels_last", "channels_first" or None.

    >>> import numpy as np
    >>> AdaptiveMaxPooling3D(2)(np.ones((1, 4, 4, 4, 3))).shape
    (1, 2, 2, 2, 3)
    """

    rank = 3


@builtin("layers")
class AdaptiveAveragePooling1D(_AdaptiveAverage):
    """The means of nearly equal parts of one axis, such as time.

    Args:
        output_size: how many parts, one number or one an axis.
        data_format: "channels_last", "channels_first" or None.

    >>> import numpy as np
    >>> AdaptiveAveragePooling1D(2)(np.ones((1, 4, 3))).shape
    (1, 2, 3)
    """

    rank = 1


@builtin("layers")
class AdaptiveAveragePooling2D(_AdaptiveAverage):
    """The means of nearly equal parts of two axes: images.

    Args:
        output_size: how many parts, one number or one an axis.
        data_format: "channels_last", "channels_first" or None.

    >>> import numpy as np
    >>> AdaptiveAveragePooling2D(2)(np.ones((1, 4, 4, 3))).shape
    (1, 2, 2, 3)
    """

    rank = 2


@builtin("layers")
class AdaptiveAveragePooling3D(_AdaptiveAverage):
    """The means of nearly equal parts of three axes: volumes.

    Args:
        output_size: how many parts, one number or one an axis.
        data_format: "channels_last", "channels_first" or None.

    >>> import numpy as np
    >>> AdaptiveAveragePooling3D(2)(np.ones((1, 4, 4, 4, 3))).shape
    (1, 2, 2, 2, 3)
    """

    rank = 3
