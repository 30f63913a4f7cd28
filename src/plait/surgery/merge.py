"""merge: several models as one, with several inputs or outputs."""

from collections.abc import Mapping, Sequence
from typing import Any

from plait.common.messages import describe
from plait.common.tree import flatten
from plait.errors import ArgumentError, GraphError
from plait.models.model import Model
from plait.models.rewrite import rewrite
from plait.surgery.replace import rename
from plait.surgery.targets import base_of


def merge(
    models: Sequence[Model] | Mapping[str, Model],
    inputs: str = "apart",
    combine: Any = None,
    name: str | None = None,
    share: bool = True,
) -> Model:
    """Makes one model of several. Layers whose names clash get their model's name in front; weights stay shared.

    Args:
        models: a list of models with graphs, or a dict, whose keys then name the outputs.
        inputs: "apart" gives it all their inputs; "same" feeds all models from the inputs of the first.
        combine: a layer or function of the list of outputs (`plait.layers.Concatenate()`); None gives all outputs.
        name: the new model's name.
        share: whether it shares the layers and weights; False gives it copies.

    Raises:
        ArgumentError: no models, or another word for `inputs`.
        GraphError: models that cannot be fed from the same inputs; says both.

    >>> import plait
    >>> left, right = (plait.Sequential([plait.Input((4,)), plait.layers.Dense(n, name="out")]) for n in (1, 2))
    >>> merge([left, right], inputs="same").output_shape
    [(None, 1), (None, 2)]
    """
    titles = list(models) if isinstance(models, Mapping) else None
    members = [base_of(model, share) for model in (models.values() if isinstance(models, Mapping) else models)]
    if not members:
        raise ArgumentError("merge: needs one model at least.")
    if inputs not in ("apart", "same"):
        raise ArgumentError(f'merge: `inputs` must be "apart" or "same", but got {inputs!r}.')
    members = _without_clashes(members, titles, inputs == "same")
    outputs = [member.output for member in members]
    starts: Any = [tensor for member in members for tensor in member.inputs]
    if inputs == "same":
        starts = members[0].input
        outputs = [members[0].output, *(_fed_from(members[0], member) for member in members[1:])]
    if combine is not None:
        result = combine([tensor for output in outputs for tensor in flatten(output)])
    else:
        result = dict(zip(titles, outputs, strict=True)) if titles else [t for out in outputs for t in flatten(out)]
    return Model(starts, result, name=name)


def _fed_from(first: Model, other: Model) -> Any:
    mine, theirs = first.inputs, other.inputs
    if len(mine) != len(theirs) or any(
        a.shape[1:] != b.shape[1:] or a.dtype != b.dtype for a, b in zip(mine, theirs, strict=True)
    ):
        raise GraphError(
            f"merge: {other.name!r} cannot be fed from the inputs of {first.name!r}: it takes {describe(theirs)}, and these "
            f'are {describe(mine)}. Merge with inputs="apart".'
        )
    return rewrite(other._graph, starts=mine, verb="merge")(other.output)  # type: ignore[arg-type]


def _without_clashes(members: list[Model], titles: list[str] | None, same_inputs: bool) -> list[Model]:
    counts: dict[str, int] = {}
    for index, member in enumerate(members):
        vanishing = (
            {id(t.node.operation) for t in member.inputs if t.node is not None} if same_inputs and index else set()
        )
        for operation in member._needs_graph("merge").operations:
            if id(operation) not in vanishing:
                counts[operation.name] = counts.get(operation.name, 0) + 1
    clashing = {name for name, count in counts.items() if count > 1}
    if not clashing:
        return members
    prefixes = titles or [member.name for member in members]
    if len(set(prefixes)) != len(prefixes):
        prefixes = [f"{prefix}_{index}" for index, prefix in enumerate(prefixes)]
    renamed = []
    for member, prefix in zip(members, prefixes, strict=True):
        mine = {o.name: f"{prefix}_{o.name}" for o in member._graph.operations if o.name in clashing}  # type: ignore[union-attr]
        renamed.append(rename(member, mine, name=member.name) if mine else member)
    return renamed
