"""`Model.export`: one model in one of the formats."""

from pathlib import Path
from typing import Any

from plait._long_work import LongWork
from plait.common.messages import did_you_mean
from plait.errors import ArgumentError
from plait.export.archive import ExportArchive
from plait.export.endpoint import endpoint_of_model
from plait.export.onnx import write_onnx
from plait.export.stablehlo import PLATFORMS, write_stablehlo

FORMATS = ("tf_saved_model", "stablehlo", "onnx")
_ELSEWHERE = {
    "litert": "export a 'tf_saved_model', and give that to TensorFlow's `tf.lite.TFLiteConverter.from_saved_model`",
    "openvino": "export 'onnx', and give the file to `openvino.convert_model`",
    "torch": "export 'onnx'; PyTorch's own format needs a model of PyTorch",
}


def export_model(
    model: Any,
    filepath: Any,
    format: str = "tf_saved_model",
    verbose: Any = None,
    input_signature: Any = None,
    **kwargs: Any,
) -> None:
    """Writes a model's call, for inference, as a file that runs without plait.

    Args:
        model: a model that is built.
        filepath: where to: a file, or the folder of a SavedModel.
        format: `"tf_saved_model"` (needs TensorFlow), `"stablehlo"` (one file for JAX; needs flatbuffers) or `"onnx"` (needs
            jax2onnx).
        verbose: whether to say what was written, and on a terminal how long it takes; None does.
        input_signature: for each argument of the model a spec (InputSpec, KerasTensor, tf.TensorSpec) or a structure of them,
            where other sizes are wanted than the model says. None in a shape is any size.
        platforms: for `"stablehlo"`: where it is to run; CPU, CUDA, ROCm and TPU if nothing is said.
        opset_version: for `"onnx"`.
        is_static: has no effect.
        jax2tf_kwargs: for `"tf_saved_model"`: options of `jax2tf.convert`.

    Raises:
        ArgumentError: another format, other options, a model that doesn't tell what it takes.
        StateError: a model that isn't built, or takes text.
        ImportError: what the format needs isn't installed; says how to install it.
    """
    if format not in FORMATS:
        hint = f" Instead {_ELSEWHERE[format]}." if format in _ELSEWHERE else did_you_mean(format, FORMATS)
        raise ArgumentError(f"Unrecognized format={format}. Supported formats are: {list(FORMATS)}.{hint}")
    options = {name: kwargs.pop(name) for name in _OPTIONS[format] if name in kwargs}
    if kwargs:
        raise ArgumentError(
            f"export: the format {format!r} has no options {list(kwargs)}, only {list(_OPTIONS[format])}."
        )
    verbose = verbose is None or bool(verbose)
    path = Path(filepath)
    if format == "tf_saved_model":
        archive = ExportArchive()
        archive.track_and_add_endpoint("serve", model, input_signature, **options)
        archive.write_out(path, verbose=verbose)
        return
    endpoint = endpoint_of_model("serve", model, input_signature)
    with LongWork(f"Exporting {path.name}", verbose="auto" if verbose else 0):
        if format == "onnx":
            write_onnx(endpoint, path, options.get("opset_version"))
        else:
            write_stablehlo(endpoint, path, options.get("platforms") or PLATFORMS)
    if verbose:
        print(f"Saved artifact at '{path}'.")


_OPTIONS = {
    "tf_saved_model": ("is_static", "jax2tf_kwargs"),
    "stablehlo": ("platforms", "is_static"),
    "onnx": ("opset_version", "is_static"),
}
