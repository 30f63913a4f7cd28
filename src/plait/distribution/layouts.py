"""Many devices: how variables and batches are laid out over them, by JAX's own sharding.

A `DeviceMesh` is a grid of devices with named axes. A `TensorLayout` says which axis of an array goes along which axis of
the grid. A distribution says it for all: `DataParallel` splits batches and repeats weights; `ModelParallel` splits weights
too, by the patterns of a `LayoutMap`; `FullySharded` does so by itself, over the devices that batches are split over.

Verbs: `set_distribution`, or `with distribution.scope()`, before the variables are made.

Life under jit: a layout is a `jax.sharding.NamedSharding`; XLA splits the program and moves what has to be moved.

What it is not: the processes of a job. How these find each other is `distribution/processes`.
"""

import re
from collections.abc import Iterator, MutableMapping, Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from plait.common.messages import did_you_mean, listing
from plait.common.scope import current, scope
from plait.errors import ArgumentError, NameUnknownError, StateError

__all__ = [
    "DataParallel",
    "DeviceMesh",
    "FullySharded",
    "LayoutMap",
    "ModelParallel",
    "TensorLayout",
    "device",
    "distribution",
    "get_device_count",
    "list_devices",
    "set_distribution",
]

_standing: Any = None  # what `set_distribution` set, for the rest of the program


def list_devices(device_type: str | None = None) -> list[str]:
    """The names of the devices: `["cpu:0", "cpu:1"]`."""
    devices = jax.devices(backend=None if device_type is None else device_type.lower())
    return [f"{device.platform}:{device.id}" for device in devices]


def device(device_name: str) -> Any:
    """A `with` block in which new arrays are put on a device: `with device("cpu:1")`; "gpu" alone is the first one.

    Raises:
        NameUnknownError: no such device.
    """
    kind, _, number = device_name.lower().partition(":")
    kind = {"gpu": "gpu", "cuda": "gpu"}.get(kind, kind)
    names = list_devices()
    try:
        return jax.default_device(jax.devices(kind)[int(number or 0)])
    except (RuntimeError, IndexError, ValueError):
        hint = did_you_mean(device_name, names)
        raise NameUnknownError(f"No device is called {device_name!r}.{hint} There are {listing(names)}.") from None


def get_device_count(device_type: str | None = None) -> int:
    """How many devices there are."""
    return len(list_devices(device_type))


class DeviceMesh:
    """A grid of devices with named axes.

    Args:
        shape: how many devices along each axis.
        axis_names: the axes' names.
        devices: the devices or their names, in order; by default all there are.

    Raises:
        ArgumentError: a shape that doesn't take all devices, or has another number of axes than names.

    >>> DeviceMesh((1, 1), ["batch", "model"], list_devices()[:1]).axis_names
    ['batch', 'model']
    """

    def __init__(self, shape: Sequence[int], axis_names: Sequence[str], devices: Sequence[Any] | None = None):
        devices = list_devices() if devices is None else list(np.asarray(devices, dtype=object).ravel())
        if not shape or not axis_names:
            raise ArgumentError(
                f"DeviceMesh: Shape and axis_names cannot be empty, but got {shape} and {axis_names!r}."
            )
        if len(shape) != len(axis_names):
            raise ArgumentError(
                f"DeviceMesh: Shape and axis_names should have same size, one entry an axis, but got {shape} and {axis_names!r}."
            )
        if int(np.prod(shape)) != len(devices):
            raise ArgumentError(
                f"DeviceMesh: Shape does not match the number of devices: {tuple(shape)} takes {int(np.prod(shape))}, but got "
                f"{len(devices)}."
            )
        self.shape, self.axis_names = tuple(shape), list(axis_names)
        self.devices = np.array(devices, dtype=object).reshape(self.shape)
        known = {f"{device.platform}:{device.id}": device for device in jax.devices()}
        self.backend_mesh = Mesh(
            np.vectorize(lambda d: known.get(d, d), otypes=[object])(self.devices), tuple(axis_names)
        )

    def __repr__(self) -> str:
        return f"<DeviceMesh shape={self.shape}, axis_names={self.axis_names}>"


class TensorLayout:
    """Which axis of an array goes along which axis of a mesh; None for axes that aren't split.

    Args:
        axes: an axis name of the mesh, or None, for each axis of the array.
        device_mesh: the mesh.

    Raises:
        ArgumentError: a name that is no axis of the mesh.
    """

    def __init__(self, axes: Sequence[str | None], device_mesh: DeviceMesh | None = None):
        self.axes, self._mesh = tuple(axes), None
        if device_mesh is not None:
            self.device_mesh = device_mesh

    @property
    def device_mesh(self) -> DeviceMesh | None:
        """The mesh."""
        return self._mesh

    @device_mesh.setter
    def device_mesh(self, mesh: DeviceMesh) -> None:
        for axis in self.axes:
            if axis is not None and axis not in mesh.axis_names:
                hint = did_you_mean(axis, mesh.axis_names)
                raise NameUnknownError(
                    f"TensorLayout: Invalid axis names for Layout: {axis!r} is no axis of the mesh: {listing(mesh.axis_names)}."
                    f"{hint}"
                )
        self._mesh = mesh

    @property
    def backend_layout(self) -> NamedSharding:
        """The layout as JAX knows it."""
        if self._mesh is None:
            raise StateError("TensorLayout: it has no mesh yet. Give device_mesh=...")
        split = max((place + 1 for place, axis in enumerate(self.axes) if axis is not None), default=0)
        return NamedSharding(self._mesh.backend_mesh, PartitionSpec(*self.axes[:split]))  # as JAX writes it itself

    def __repr__(self) -> str:
        return f"<TensorLayout axes={self.axes}, device_mesh={self._mesh}>"


class LayoutMap(MutableMapping):
    """Layouts by the path of a variable: an exact path, or a pattern that the whole path fits.

    Args:
        device_mesh: the mesh of all layouts.

    Raises:
        ArgumentError: a path given twice, or one that several patterns fit.
    """

    def __init__(self, device_mesh: DeviceMesh):
        self.device_mesh = device_mesh
        self._layouts: dict[str, TensorLayout] = {}

    def __getitem__(self, path: str) -> TensorLayout | None:  # type: ignore[override]
        if path in self._layouts:
            return self._layouts[path]
        fitting = [pattern for pattern in self._layouts if re.fullmatch(pattern, path)]
        if len(fitting) > 1:
            raise ArgumentError(f"LayoutMap: Path '{path}' matches multiple layout specification keys: {fitting}.")
        return self._layouts[fitting[0]] if fitting else None

    def __setitem__(self, path: str, layout: Any) -> None:
        if path in self._layouts:
            raise ArgumentError(f"{path} already exist in the LayoutMap with value {self._layouts[path]}.")
        if isinstance(layout, tuple):
            layout = TensorLayout(layout)
        if not isinstance(layout, TensorLayout):
            raise ArgumentError(
                f"LayoutMap: the layout of {path!r} should be a TensorLayout or a tuple of axes, but got {layout!r}."
            )
        if layout.device_mesh is None:
            layout.device_mesh = self.device_mesh
        self._layouts[path] = layout

    def __delitem__(self, path: str) -> None:
        del self._layouts[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._layouts)

    def __len__(self) -> int:
        return len(self._layouts)


class _Distribution:
    """The half that both distributions share: a mesh, and the name of its axis for batches."""

    def __init__(self, device_mesh: DeviceMesh, batch_dim_name: str, auto_shard_dataset: bool):
        self.device_mesh, self.batch_dim_name = device_mesh, batch_dim_name
        self.auto_shard_dataset = auto_shard_dataset
        self.num_processes, self.data_shard_id = jax.process_count(), jax.process_index()

    @property
    def num_model_replicas(self) -> int:
        """Into how many parts a batch is split."""
        return self.device_mesh.shape[self.device_mesh.axis_names.index(self.batch_dim_name)]

    def scope(self) -> scope:
        """A `with` block in which variables and batches are laid out so."""
        return scope(distribution=self)

    def variable_layout(self, path: str) -> TensorLayout | None:
        """The layout of the variable of a path; None repeats it on every device."""
        return None

    def get_variable_layout(self, variable: Any) -> TensorLayout:
        """The layout of a variable: the one it was made with, or else that of its path."""
        given = variable.layout if isinstance(variable.layout, TensorLayout) else self.variable_layout(variable.path)
        return given or TensorLayout([None] * len(variable.shape), self.device_mesh)

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        """The layout of what a layer of that path gives; None leaves it to XLA."""
        return None

    def get_data_layout(self, data_shape: Sequence[int]) -> TensorLayout:
        """The layout of a batch: split along its first axis."""
        return TensorLayout([self.batch_dim_name, *[None] * (len(data_shape) - 1)], self.device_mesh)


class DataParallel(_Distribution):
    """Batches are split over the devices, weights repeated on each.

    Args:
        device_mesh: a mesh of one axis.
        devices: devices, in place of a mesh; by default all.
        auto_shard_dataset: has no effect.
    """

    def __init__(
        self,
        device_mesh: DeviceMesh | None = None,
        devices: Sequence[Any] | None = None,
        auto_shard_dataset: bool = True,
    ):
        device_mesh = _row_of(devices) if device_mesh is None else device_mesh
        super().__init__(device_mesh, device_mesh.axis_names[0], auto_shard_dataset)


def _row_of(devices: Sequence[Any] | None) -> DeviceMesh:
    """A mesh of one axis, of some devices or of all."""
    devices = list_devices() if devices is None else list(devices)
    return DeviceMesh((len(devices),), ("batch",), devices)


class FullySharded(_Distribution):
    """Batches are split over the devices, and so are weights, the optimizer's state and moving averages, each along one axis.

    A step puts a weight together where it needs it, and gives each device its part of the gradient. What no axis divides,
    and what is small, is repeated on each device.

    Args:
        device_mesh: a mesh of one axis.
        devices: devices, in place of a mesh; by default all.
        least: how many elements are worth splitting.

    Differs from Keras: it has none; there each layout is written by hand.

    Source: ZeRO (Rajbhandari et al., "ZeRO: Memory Optimizations Toward Training Trillion Parameter Models", 2020).

    >>> everywhere = FullySharded(devices=list_devices()[:1])
    >>> everywhere.layout_of((64, 128)).axes
    (None, 'batch')
    """

    def __init__(self, device_mesh: DeviceMesh | None = None, devices: Sequence[Any] | None = None, least: int = 1024):
        device_mesh = _row_of(devices) if device_mesh is None else device_mesh
        super().__init__(device_mesh, device_mesh.axis_names[0], True)
        self.least = least

    def layout_of(self, shape: Sequence[int]) -> TensorLayout:
        """The layout of a variable of some shape: split along its longest axis that the devices divide."""
        parts = self.num_model_replicas
        divided = [axis for axis, size in enumerate(shape) if size % parts == 0 and size]
        axes: list[str | None] = [None] * len(shape)
        if divided and int(np.prod(shape, dtype=np.int64)) >= self.least:
            axes[max(divided, key=lambda axis: (shape[axis], axis))] = self.batch_dim_name
        return TensorLayout(axes, self.device_mesh)

    def get_variable_layout(self, variable: Any) -> TensorLayout:
        return variable.layout if isinstance(variable.layout, TensorLayout) else self.layout_of(variable.shape)


class ModelParallel(_Distribution):
    """Weights are split too, as a LayoutMap says.

    Args:
        layout_map: layouts by path.
        batch_dim_name: the axis of the mesh that batches are split along; by default the first.
        auto_shard_dataset: has no effect.

    Raises:
        ArgumentError: no layouts.
    """

    def __init__(
        self,
        *,
        layout_map: LayoutMap | None = None,
        batch_dim_name: str | None = None,
        auto_shard_dataset: bool = True,
    ):
        if not isinstance(layout_map, LayoutMap):
            raise ArgumentError(f"ModelParallel: `layout_map` must be a LayoutMap, but got {layout_map!r}.")
        mesh = layout_map.device_mesh
        super().__init__(mesh, batch_dim_name or mesh.axis_names[0], auto_shard_dataset)
        self.layout_map = layout_map

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        return self.layout_map[path]

    def variable_layout(self, path: str) -> TensorLayout | None:
        return self.layout_map[path]


def set_distribution(value: Any) -> None:
    """Lays out all variables and batches so from now on; None ends it."""
    global _standing
    _standing = value


def distribution() -> Any:
    """The distribution in force, or None."""
    return current().distribution or _standing
