"""A model as a Graphviz graph, for those who have pydot: `plot_model` needs neither."""

from typing import Any

from plait.inspect.diagram import Box, diagram_of
from plait.inspect.drawing import COLOURS, Style, body_of, head_of


def model_to_dot(
    model: Any,
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: float = 200,
    subgraph: bool = False,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **kwargs: Any,
) -> Any:
    """The graph of a model as a `pydot.Dot`, which Graphviz's programs draw.

    Args:
        model: a built model. One without a graph is a single node.
        show_shapes: whether nodes tell the shapes that come in and go out.
        show_dtype: likewise the dtypes.
        show_layer_names: whether nodes tell the layers' names under their classes.
        rankdir: the direction, as Graphviz has it: "TB", "LR", "BT", "RL".
        expand_nested: whether the layers of inner models are shown, in clusters.
        dpi: dots per inch.
        subgraph: whether to give a `pydot.Cluster`, to be put into a larger graph.
        show_layer_activations: whether nodes tell the activations of layers that have one.
        show_trainable: whether nodes tell what trains.
        splines: how Graphviz draws edges.
        **kwargs: further attributes of the graph.

    Raises:
        StateError: the model isn't built.
        ImportError: pydot isn't installed.

    Differs: a layer that is called several times has a node for each call.
    """
    pydot = _pydot()
    diagram = diagram_of(model, expand_nested)
    style = Style(show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable, rankdir)
    look = {
        "rankdir": rankdir,
        "dpi": str(dpi),
        "splines": splines,
        **{name: str(value) for name, value in kwargs.items()},
    }
    whole = pydot.Cluster(model.name, label=model.name, **look) if subgraph else pydot.Dot(model.name, **look)
    whole.set_node_defaults(shape="box", style="filled", fontname="Helvetica", fontcolor="white")
    around = {}
    for key, frame in diagram.frames.items():
        around[key] = pydot.Cluster(_quoted(key), label=_quoted(frame.name), style="rounded")
    for key, box in diagram.boxes.items():
        node = pydot.Node(_quoted(key), label=_quoted(_label(box, style)), fillcolor=_quoted(COLOURS[box.family]))
        around.get(box.frame, whole).add_node(node)
    for key, frame in reversed(diagram.frames.items()):
        around.get(frame.parent, whole).add_subgraph(around[key])
    for arrow in diagram.arrows:
        whole.add_edge(pydot.Edge(_quoted(arrow.source), _quoted(arrow.target)))
    return whole


def _label(box: Box, style: Style) -> str:
    return "\n".join([*head_of(box, style), *(line for line, _ in body_of(box, style))])


def _quoted(text: Any) -> str:
    escaped = str(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _pydot() -> Any:
    try:
        import pydot
    except ImportError as error:
        raise ImportError(
            "model_to_dot needs pydot, which isn't installed. Install it with `pip install 'plait[dot]'`, or use "
            "plot_model(), which needs neither pydot nor Graphviz."
        ) from error
    return pydot
