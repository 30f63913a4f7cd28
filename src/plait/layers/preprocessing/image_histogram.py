"""Images whose values are spread evenly: by their histogram, or by those of tiles."""

from typing import Any, Unpack

import jax
import jax.numpy as jnp

from plait.common.registry import builtin
from plait.errors import ArgumentError
from plait.layers.argument_types import LayerOptions
from plait.layers.preprocessing.image_layer import ImageLayer, rescale, value_range_of

_BYTES = (0, 255)


@builtin("layers")
class Equalization(ImageLayer):
    """While training, gives each channel values such that all are about equally frequent in the batch.

    Args:
        value_range: the lowest and the highest value of images.
        bins: into how many classes values are put.
        data_format: "channels_last" or "channels_first"; None is the setting of the program.

    Raises:
        ArgumentError: no such range, or no bins.

    Differs: elsewhere each image is equalised by itself; here, as in Keras, a batch is equalised as a whole.

    >>> import numpy as np
    >>> Equalization()(np.array([[[[10.0], [20.0], [30.0]]]]), training=True).ravel().tolist()
    [0.0, 128.0, 255.0]
    """

    draws = False

    def __init__(
        self,
        value_range: Any = (0, 255),
        bins: int = 256,
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ):
        super().__init__(data_format=data_format, **kwargs)
        self.value_range = value_range_of(self, value_range)
        if not isinstance(bins, int) or bins < 1:
            raise ArgumentError(f"Equalization: `bins` must be an integer above 0, but is {bins!r}.")
        self.bins = bins

    def change(self, images: jax.Array, transformation: Any, interpolation: str | None) -> jax.Array:
        levels = rescale(images, self.value_range, _BYTES)
        spread = jax.vmap(self._equalize, -1, -1)(levels)
        return rescale(spread, _BYTES, self.value_range).astype(images.dtype)

    def _equalize(self, channel: jax.Array) -> jax.Array:
        classes = jnp.clip(jnp.floor(channel * ((self.bins - 1) / 255)), 0, self.bins - 1).astype("int32")
        counts = jnp.zeros(self.bins, "int32").at[classes.ravel()].add(1)
        up_to = jnp.cumsum(counts)
        first = up_to[jnp.argmax(counts > 0)]
        rest = channel.size - first
        table = jnp.round((up_to - first) * 255 / jnp.maximum(rest, 1))
        return jnp.where(rest > 0, jnp.clip(table, *_BYTES)[classes], channel)


@builtin("layers")
class ContrastLimitedAdaptiveHistogramEqualization(ImageLayer):
    """Equalises images tile by tile, without letting any value stand out; between tiles it is blended.

    Args:
        value_range: the lowest and the highest value of images.
        clip_limit: how much more frequent than on average a value counts at most; what is above is spread over all.
        tile_grid_size: how many tiles a column and a row of them has.
        data_format: "channels_last" or "channels_first"; None is the setting of the program.

    Raises:
        ArgumentError: no such range, or a grid that isn't two integers above 0.

    Source: Zuiderveld, "Contrast Limited Adaptive Histogram Equalization", 1994.

    >>> import numpy as np
    >>> ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=(2, 2))(np.ones((1, 4, 4, 3))).shape
    (1, 4, 4, 3)
    """

    draws = False

    def __init__(
        self,
        value_range: Any = (0, 255),
        clip_limit: float = 4.0,
        tile_grid_size: Any = (8, 8),
        data_format: str | None = None,
        **kwargs: Unpack[LayerOptions],
    ):
        super().__init__(data_format=data_format, **kwargs)
        value_range_of(self, value_range)
        grid = tuple(tile_grid_size)
        if len(grid) != 2 or not all(isinstance(count, int) and count > 0 for count in grid):
            raise ArgumentError(
                "ContrastLimitedAdaptiveHistogramEqualization: `tile_grid_size` must be two integers above 0, but got "
                f"{tile_grid_size!r}."
            )
        self.value_range, self.clip_limit, self.tile_grid_size = value_range, clip_limit, grid

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        """The images, equalised, also outside of training."""
        return super().transform_images(images, transformation, training=True)

    def change(self, images: jax.Array, transformation: Any, interpolation: str | None) -> jax.Array:
        levels = rescale(images.astype("float32"), self.value_range, _BYTES)
        classes = jnp.clip(jnp.floor(levels), *_BYTES).astype("int32")
        spread = jax.vmap(jax.vmap(self._equalize, -1, -1))(classes)
        return rescale(spread, _BYTES, self.value_range).astype(images.dtype)

    def _equalize(self, channel: jax.Array) -> jax.Array:
        """A channel (H, W) of classes: each pixel by the tables of the four tiles around it."""
        height, width = channel.shape
        rows, columns = self.tile_grid_size
        size = -(-height // rows), -(-width // columns)
        border = (0, size[0] * rows - height), (0, size[1] * columns - width)
        tiles = jnp.pad(channel, border, mode="symmetric").reshape(rows, size[0], columns, size[1])
        tables = jax.vmap(self._table)(tiles.transpose(0, 2, 1, 3).reshape(rows * columns, -1))
        tables = tables.reshape(rows, columns, 256)
        up, down, low = _between(height, size[0], rows)
        left, right, far = _between(width, size[1], columns)
        low, far = low[:, None], far[None]

        def by(row: jax.Array, column: jax.Array) -> jax.Array:
            return tables[row[:, None], column[None], channel]

        above = by(up, left) * (1 - far) + by(up, right) * far
        below = by(down, left) * (1 - far) + by(down, right) * far
        return above * (1 - low) + below * low

    def _table(self, tile: jax.Array) -> jax.Array:
        """The new value of each class, from the classes of a tile."""
        counts = jnp.zeros(256, "float32").at[tile].add(1)
        most = self.clip_limit * tile.size / 256
        clipped = jnp.minimum(counts, most)
        up_to = jnp.cumsum(clipped + (tile.size - jnp.sum(clipped)) / 256)
        rest = up_to[-1] - up_to[0]
        return jnp.where(rest > 0, (up_to - up_to[0]) * 255 / jnp.where(rest > 0, rest, 1), jnp.arange(256.0))


def _between(length: int, size: int, count: int) -> tuple:
    """For each place: the tiles whose middles lie before and after it, and how far it is on the way."""
    position = jnp.clip(jnp.arange(length) / size - 0.5, 0, count - 1)
    before = jnp.floor(position).astype("int32")
    return before, jnp.minimum(before + 1, count - 1), position - before
