"""A model as a TensorFlow SavedModel, by `jax.experimental.jax2tf`: the same StableHLO, called by one op of TensorFlow.

The weights are variables of TensorFlow beside the program, which all endpoints share.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
from jax import export

from plait.core.variable import Variable
from plait.export.endpoint import Endpoint
from plait.layers.ownership import unique
from plait.saving.atomic import atomic_folder

_PLATFORMS = ("cpu", "cuda", "tpu")


def write_saved_model(
    endpoints: Sequence[tuple[Endpoint, dict]],
    collections: Mapping[str, Sequence[Variable]],
    path: Path,
    options: Any = None,
) -> None:
    """Writes endpoints as a SavedModel; whole or not at all.

    Args:
        endpoints: each with the options for `jax2tf.convert`.
        collections: variables that the loaded object has under these names.
        path: the folder.
        options: TensorFlow's `SaveOptions`.

    Raises:
        ImportError: TensorFlow isn't installed.
    """
    try:
        import jax.experimental.jax2tf as jax2tf
        import tensorflow as tf
    except ImportError as error:
        raise ImportError("SavedModels are written by TensorFlow: pip install plait[tensorflow].") from error
    mine = unique(v for endpoint, _ in endpoints for v in endpoint.variables)
    variables = unique([*mine, *(v for chosen in collections.values() for v in chosen)])
    stored = {v: tf.Variable(v.numpy(), trainable=v.trainable, name=v.name) for v in variables}
    module = tf.__internal__.tracking.AutoTrackable()  # what Keras's archives are, with these attributes
    functions = {}
    for endpoint, jax2tf_kwargs in endpoints:
        functions[endpoint.name] = _as_function(endpoint, stored, jax2tf_kwargs, tf, jax2tf)
        setattr(module, endpoint.name, functions[endpoint.name])
    module.variables = [stored[v] for v in mine]
    module.trainable_variables = [stored[v] for v in mine if v.trainable]
    module.non_trainable_variables = [stored[v] for v in mine if not v.trainable]
    for name, chosen in collections.items():
        setattr(module, name, [stored[v] for v in chosen])
    signatures = dict(functions)
    signatures.setdefault("serving_default", functions[endpoints[0][0].name])
    with atomic_folder(path) as folder:
        tf.saved_model.save(module, str(folder), signatures=signatures, options=options)


def _as_function(endpoint: Endpoint, stored: dict, jax2tf_kwargs: dict, tf: Any, jax2tf: Any) -> Any:
    """An endpoint as a function of TensorFlow."""
    given = {
        "with_gradient": False,
        "native_serialization_platforms": _PLATFORMS,
        "polymorphic_shapes": (None, *jax.tree.map(_polymorphic, endpoint.specs)),
        **jax2tf_kwargs,
    }
    converted = jax2tf.convert(endpoint.of_values, **given)
    weights = [stored[variable] for variable in endpoint.variables]
    names = iter(endpoint.input_names)

    def spec(leaf: jax.ShapeDtypeStruct) -> Any:
        shape = [None if export.is_symbolic_dim(size) else size for size in leaf.shape]
        return tf.TensorSpec(shape, tf.as_dtype(leaf.dtype), name=next(names))

    signature = list(jax.tree.map(spec, endpoint.specs))
    return tf.function(lambda *args: converted(weights, *args), input_signature=signature, autograph=False)


def _polymorphic(leaf: jax.ShapeDtypeStruct) -> str:
    return f"({', '.join(map(str, leaf.shape))}{',' if len(leaf.shape) == 1 else ''})"
