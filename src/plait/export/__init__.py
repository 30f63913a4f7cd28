"""Export: a model as a file that runs without plait, and mostly without Python.

model.export("model.stablehlo", format="stablehlo")   # one file for JAX: plait.export.load, jax.export.deserialize
model.export("folder")                                # a TensorFlow SavedModel
model.export("model.onnx", format="onnx")             # for ONNX Runtime
"""

from plait.export.archive import ExportArchive as ExportArchive
from plait.export.model import export_model as export_model
from plait.export.stablehlo import Artifact as Artifact
from plait.export.stablehlo import load as load

__all__ = ["Artifact", "ExportArchive", "export_model", "load"]
