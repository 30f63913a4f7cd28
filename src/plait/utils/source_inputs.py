"""Where a symbolic tensor comes from."""

from plait.core.tensor import KerasTensor


def get_source_inputs(tensor: KerasTensor) -> list[KerasTensor]:
    """The Inputs that a symbolic tensor is computed from, each once, in the order in which they are met.

    >>> import plait
    >>> x = plait.Input((3,), name="x")
    >>> [source.name for source in get_source_inputs(plait.layers.Dense(2)(x) + 1)]
    ['x']
    """
    found: dict[int, KerasTensor] = {}
    seen: set[int] = set()
    waiting = [tensor]
    while waiting:
        here = waiting.pop()
        if id(here) in seen:
            continue
        seen.add(id(here))
        if here.node is None or not here.node.inputs:
            found[id(here)] = here
        else:
            waiting.extend(reversed(here.node.inputs))
    return list(found.values())
