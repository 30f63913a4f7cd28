"""Many devices, of one process or of several: how variables and batches are laid out over them, by JAX's own sharding."""

from plait.distribution.agreement import is_first as is_first
from plait.distribution.layouts import DataParallel as DataParallel
from plait.distribution.layouts import DeviceMesh as DeviceMesh
from plait.distribution.layouts import FullySharded as FullySharded
from plait.distribution.layouts import LayoutMap as LayoutMap
from plait.distribution.layouts import ModelParallel as ModelParallel
from plait.distribution.layouts import TensorLayout as TensorLayout
from plait.distribution.layouts import device as device
from plait.distribution.layouts import distribution as distribution
from plait.distribution.layouts import get_device_count as get_device_count
from plait.distribution.layouts import list_devices as list_devices
from plait.distribution.layouts import set_distribution as set_distribution
from plait.distribution.placement import distribute_tensor as distribute_tensor
from plait.distribution.placement import lay_out_batch as lay_out_batch
from plait.distribution.placement import lay_out_variable as lay_out_variable
from plait.distribution.plan import plan as plan
from plait.distribution.processes import initialize as initialize

__all__ = [
    "DataParallel",
    "DeviceMesh",
    "FullySharded",
    "LayoutMap",
    "ModelParallel",
    "TensorLayout",
    "device",
    "distribute_tensor",
    "distribution",
    "get_device_count",
    "initialize",
    "is_first",
    "lay_out_batch",
    "lay_out_variable",
    "list_devices",
    "plan",
    "set_distribution",
]
