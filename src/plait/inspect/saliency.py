"""What a network sees: the output of each layer for some data, what it does to the loss, and where in the input it looks.

    activations, gradients -> _run (the opened graph on values, each call's outputs by its path)
    dead_units -> activations
    saliency, grad_cam -> one jax.grad over the opened graph
    tiles, overlay -> arrays of greys and colours, for any program that shows or writes pictures

Models inside the model are opened, so that each layer in them is reached by its name, or by the inner model's name before it.

Life under jit: each of these is one compiled program over the graph. What it is not: training; nothing is changed, and layers
that act otherwise in training act as in `predict`.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from plait.common.messages import describe, did_you_mean, listing
from plait.common.tree import flatten, map_structure_in_order, pack_as
from plait.core.graph import Graph, graph_of
from plait.core.mask import get_mask, set_mask
from plait.core.pure import pure
from plait.errors import ArgumentError


def activations(model: Any, x: Any, layers: Sequence[str] | str | None = None) -> dict[str, Any]:
    """The outputs of each layer for some data.

    Args:
        model: a functional model, or a Sequential that is built.
        x: one batch of inputs, as the model takes them.
        layers: names of layers, also inside inner models; None: all.

    Returns:
        arrays by the layer's name, in the order in which they run; the second call of a shared layer is "name:1". A layer
        with several outputs has a list.

    Raises:
        ArgumentError: a model without a graph; a layer that isn't there.

    >>> import plait
    >>> model = plait.Sequential(
    ...     [plait.Input((2,)), plait.layers.Dense(3, name="hidden"), plait.layers.ReLU(name="out")]
    ... )
    >>> {name: array.shape for name, array in activations(model, np.ones((4, 2), "float32")).items()}
    {'hidden': (4, 3), 'out': (4, 3)}
    """
    graph, names = _named_calls(model, "activations")
    chosen = _chosen(names, layers, "activations")
    tensors = {name: names[name] for name in chosen}
    return _to_numpy(_compiled(model, graph, lambda run, values: run(values, tensors))(model.ordered_inputs(x)))


def gradients(model: Any, x: Any, loss: Callable, layers: Sequence[str] | str | None = None) -> dict[str, Any]:
    """How a loss changes with the output of each layer: where little comes back, layers before learn little.

    Args:
        model: a functional model, or a Sequential that is built.
        x: one batch of inputs.
        loss: takes the model's outputs, in their structure, and gives one number.
        layers: names of layers; None: all whose outputs are of floating point.

    Returns:
        arrays by the layer's name, each of the shape of the layer's output.

    Raises:
        ArgumentError: as `activations`; a loss that is no function; a layer whose outputs have no gradient.

    >>> import plait
    >>> model = plait.Sequential(
    ...     [plait.Input((2,)), plait.layers.Dense(3, name="hidden"), plait.layers.ReLU(name="out")]
    ... )
    >>> gradients(model, np.ones((1, 2), "float32"), lambda outputs: outputs.sum(), "out")["out"].tolist()
    [[1.0, 1.0, 1.0]]
    """
    if not callable(loss):
        raise ArgumentError(
            f"gradients: `loss` must be a function of the model's outputs, but got {describe(loss)}. With labels: "
            "lambda outputs: plait.losses.mean_squared_error(y, outputs).mean()."
        )
    graph, names = _named_calls(model, "gradients")
    exact = {name: tensors for name, tensors in names.items() if all(map(_is_exact, tensors))}
    chosen = _chosen(exact, layers, "gradients")
    tensors = {name: exact[name] for name in chosen}

    def derived(run: Callable, values: list) -> dict:
        zeros = jax.tree.map(jnp.zeros_like, run(values, tensors))
        places = {id(tensor): (name, index) for name in tensors for index, tensor in enumerate(tensors[name])}
        return jax.grad(lambda added: loss(run(values, None, added, places)))(zeros)

    return _to_numpy(_compiled(model, graph, derived)(model.ordered_inputs(x)))


def dead_units(model: Any, x: Any, layers: Sequence[str] | str | None = None) -> dict[str, np.ndarray]:
    """The units (positions on the last axis) that give the same number, nearly always 0, wherever one looks in some data.

    Args:
        model: a functional model, or a Sequential that is built.
        x: inputs; the more, the surer.
        layers: names of layers; None: all with at least one such unit.

    Returns:
        the indices of dead units by the layer's name.

    >>> import plait
    >>> layer = plait.layers.Dense(
    ...     2, activation="relu", name="hidden", bias_initializer=plait.initializers.Constant(-100.0)
    ... )
    >>> dead_units(plait.Sequential([plait.Input((3,)), layer]), np.ones((8, 3), "float32"))
    {'hidden': array([0, 1])}
    """
    found = {}
    for name, array in activations(model, x, layers).items():
        if isinstance(array, np.ndarray) and array.ndim >= 2:
            flat = array.reshape(-1, array.shape[-1])
            dead = np.flatnonzero((flat == flat[:1]).all(axis=0))
            if len(dead) or layers is not None:
                found[name] = dead
    return found


def saliency(model: Any, x: Any, target: Any = None, output: int = 0) -> Any:
    """How much each number of the input changes a score: the gradient's size.

    Args:
        model: a functional model, or a Sequential that is built.
        x: one batch of inputs, all of floating point.
        target: the class that is asked about, one for all rows or one each; None: each row's highest.
        output: which of the model's outputs, flat.

    Returns:
        an array of the input's shape; for several inputs a dict by name.

    Source: Karen Simonyan, Andrea Vedaldi and Andrew Zisserman, "Deep Inside Convolutional Networks" (2013).

    >>> import plait
    >>> model = plait.Sequential([plait.Input((2,)), plait.layers.Dense(1, kernel_initializer="ones")])
    >>> saliency(model, np.zeros((1, 2), "float32")).tolist()
    [[1.0, 1.0]]
    """
    graph, _ = _named_calls(model, "saliency")
    whole = [tensor.name for tensor in graph.inputs if not _is_exact(tensor)]
    if whole:
        raise ArgumentError(
            f"saliency: inputs must be of floating point, but {listing(whole)} of {model.name!r} aren't. Ask for the gradients "
            "of the layer that reads them: plait.inspect.gradients(model, x, loss, layers=...)."
        )

    def derived(run: Callable, values: list) -> list:
        exact = [jnp.asarray(value, tensor.dtype) for value, tensor in zip(values, graph.inputs, strict=True)]
        return jax.grad(lambda given: _score(run(given), target, output))(exact)

    found = _to_numpy([abs(value) for value in _compiled(model, graph, derived)(model.ordered_inputs(x))])
    return found[0] if len(found) == 1 else dict(zip(model.input_names, found, strict=True))


def grad_cam(model: Any, x: Any, layer: str | None = None, target: Any = None, output: int = 0) -> np.ndarray:
    """Where an image network looks: a map of what speaks for a class, from 0 to 1.

    Args:
        model: a functional model, or a Sequential that is built; the layer may be inside an inner model.
        x: one batch of inputs.
        layer: whose maps of features are weighed; None: the last whose output is maps (B, H, W, C), channels last.
        target: the class that is asked about, one for all rows or one each; None: each row's highest.
        output: which of the model's outputs, flat.

    Returns:
        maps (B, H, W), of the layer's size; `plait.inspect.overlay` lays them over the images.

    Raises:
        ArgumentError: no layer gives maps, or the one named doesn't.

    Source: Ramprasaath R. Selvaraju and others, "Grad-CAM: Visual Explanations from Deep Networks" (2017).

    >>> import plait
    >>> model = plait.Sequential(
    ...     [plait.Input((8, 8, 1)), plait.layers.Conv2D(2, 3), plait.layers.Flatten(), plait.layers.Dense(3)]
    ... )
    >>> grad_cam(model, np.ones((2, 8, 8, 1), "float32")).shape
    (2, 6, 6)
    """
    graph, names = _named_calls(model, "grad_cam")
    maps = {name: tensors for name, tensors in names.items() if len(tensors) == 1 and len(tensors[0].shape) == 4}
    if not maps:
        raise ArgumentError(
            f"grad_cam: no layer of {model.name!r} gives maps (B, H, W, C). There are {listing(names)}."
        )
    name = _chosen(maps, layer if layer is not None else list(maps)[-1], "grad_cam")[0]

    def derived(run: Callable, values: list) -> Any:
        features = run(values, {name: maps[name]})[name]
        places = {id(maps[name][0]): (name, 0)}
        score = jax.grad(lambda added: _score(run(values, None, added, places), target, output))
        slope = score({name: jnp.zeros_like(features)})[name]
        heat = jax.nn.relu(jnp.einsum("bhwc,bc->bhw", features, slope.mean(axis=(1, 2))))
        return heat / jnp.maximum(heat.max(axis=(1, 2), keepdims=True), 1e-12)

    return _to_numpy(_compiled(model, graph, derived)(model.ordered_inputs(x)))


# ------------------------------------------------------------------------ the graph, opened


def _named_calls(model: Any, who: str) -> tuple[Graph, dict[str, list]]:
    """The opened graph, and the tensors of each call in it by name."""
    if graph_of(model) is None:
        raise ArgumentError(
            f"{who}: the layers of {getattr(model, 'name', model)!r} are known only if it is functional or a Sequential that "
            "has been built. Ask a functional model inside it, or build it first."
        )
    graph = model.opened_graph()
    names: dict[str, list] = {}
    for operation in graph.operations:
        for index, node in enumerate(graph.nodes_of(operation)):
            if node.inputs:
                names[operation.name if index == 0 else f"{operation.name}:{index}"] = node.outputs
    order = {id(node.outputs[0]): index for index, node in enumerate(graph.nodes)}
    return graph, dict(sorted(names.items(), key=lambda item: order[id(item[1][0])]))


def _is_exact(tensor: Any) -> bool:
    return tensor.dtype.startswith(("float", "bfloat"))


def _chosen(names: dict[str, list], layers: Sequence[str] | str | None, who: str) -> list[str]:
    if layers is None:
        return list(names)
    asked = [layers] if isinstance(layers, str) else list(layers)
    unknown = [name for name in asked if name not in names]
    if unknown:
        raise ArgumentError(
            f"{who}: there is no layer {listing(unknown)} to ask.{did_you_mean(unknown[0], list(names))} There are "
            f"{listing(names)}."
        )
    return asked


def _compiled(model: Any, graph: Graph, function: Callable) -> Callable:
    """`function(run, values)` as one program, where `run` runs the graph; the weights are arguments of the program."""
    variables = list(model.variables)

    @jax.jit
    def program(weights: list, values: list) -> Any:
        return pure(lambda: function(lambda *args: _run(graph, *args), values), variables, carries=False)(weights)[0]

    return lambda values: program([variable.value for variable in variables], [jnp.asarray(value) for value in values])


def _run(graph: Graph, values: list, tensors: dict | None = None, added: Any = None, places: dict | None = None) -> Any:
    """Runs a graph: returns its outputs, or those of `tensors` by name; `added` is added to the tensors at `places`."""
    wanted = graph.output_structure if tensors is None else {n: t[0] if len(t) == 1 else t for n, t in tensors.items()}
    calls = iter(graph.nodes)
    environment: dict[int, Any] = {id(tensor): value for tensor, value in zip(graph.inputs, values, strict=True)}

    def call(operation: Any, *args: Any, **kwargs: Any) -> Any:
        node = next(node for node in calls if node.operation is operation and node.inputs)
        result = operation(*args, **kwargs)
        leaves = flatten(result)
        for index, tensor in enumerate(node.outputs):
            if places is not None and id(tensor) in places:
                name, place = places[id(tensor)]
                more = added[name][place] if isinstance(added[name], list) else added[name]
                mask = get_mask(leaves[index])
                leaves[index] = leaves[index] + more
                if mask is not None:
                    set_mask(leaves[index], mask)
            environment[id(tensor)] = leaves[index]
        return result if places is None else pack_as(result, leaves)

    graph.run(values, call)
    return map_structure_in_order(lambda tensor: environment[id(tensor)], wanted)


def _score(outputs: Any, target: Any, output: int) -> Any:
    leaves = flatten(outputs)
    scores = leaves[output].reshape(leaves[output].shape[0], -1)
    chosen = scores.argmax(axis=1) if target is None else jnp.broadcast_to(jnp.asarray(target), scores.shape[:1])
    return jnp.take_along_axis(scores, chosen[:, None], axis=1).sum()


def _to_numpy(found: Any) -> Any:
    return jax.tree.map(np.asarray, found)


# ------------------------------------------------------------------------ pictures


def tiles(maps: Any, columns: int | None = None) -> np.ndarray:
    """The maps of one row's features side by side, as a picture.

    Args:
        maps: (H, W, C), a layer's output for one image.
        columns: how many stand in a row; None: about as many as there are rows.

    Returns:
        greys from 0 to 255, (rows · (H + 1) - 1, columns · (W + 1) - 1), each map from its least number to its greatest.

    Raises:
        ArgumentError: another shape.

    >>> tiles(np.zeros((4, 5, 6)), columns=3).shape
    (9, 17)
    """
    maps = np.asarray(maps, "float32")
    if maps.ndim != 3:
        raise ArgumentError(f"tiles: maps must be (H, W, C), but got {describe(maps)}. Give one image's: maps[0].")
    height, width, count = maps.shape
    columns = columns or int(np.ceil(np.sqrt(count)))
    rows = -(-count // columns)
    sheet = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1), 255, "uint8")
    for index in range(count):
        top, left = index // columns * (height + 1), index % columns * (width + 1)
        sheet[top : top + height, left : left + width] = np.round(255 * _stretched(maps[..., index]))
    return sheet


def overlay(image: Any, heat: Any, strength: float = 0.5) -> np.ndarray:
    """An image with a map of heat over it: cold blue, hot red.

    Args:
        image: (H, W), (H, W, 1) or (H, W, 3), in any range.
        heat: (h, w), from 0 to 1, as `grad_cam` gives; it is stretched over the image.
        strength: how much of the image's place the colour takes.

    Returns:
        colours from 0 to 255, (H, W, 3).

    >>> overlay(np.zeros((8, 8)), np.ones((2, 2)), strength=1.0)[0, 0].tolist()
    [255, 0, 0]
    """
    grey = _stretched(np.asarray(image, "float32"))
    grey = grey[..., None] if grey.ndim == 2 else grey
    spread = np.asarray(jax.image.resize(jnp.asarray(heat, "float32"), grey.shape[:2], "linear"))[..., None]
    colour = np.concatenate([spread, 1 - abs(2 * spread - 1), 1 - spread], axis=-1)
    return np.round(255 * np.clip((1 - strength) * grey + strength * colour, 0, 1)).astype("uint8")


def _stretched(values: np.ndarray) -> np.ndarray:
    low, high = values.min(), values.max()
    return (values - low) / (high - low) if high > low else np.zeros_like(values)
