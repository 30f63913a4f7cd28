"""The plan that `compile` made: a table of each output's loss, weight and metrics, and the labels that it takes."""

from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.table import Table

from plait.common.tree import flatten
from plait.errors import StateError

_COLUMNS = ("Output", "Shape", "Loss", "Weight", "Metrics", "Labels")


def compile_report(model: Any, print_fn: Callable[[str], Any] | None = None) -> None:
    """Prints what `compile` made of what it got.

    Args:
        model: a compiled model.
        print_fn: gets the whole text at once, in place of printing it.

    Raises:
        StateError: the model isn't compiled.
    """
    if model._compilation is None:
        raise StateError(f"Model {model.name!r}: there is no plan to show before `compile()`.")
    optimizer = model.optimizer
    console = Console(highlight=False) if print_fn is None else Console(width=120, highlight=False, color_system=None)
    with console.capture() as captured:
        console.print(f'Plan of "{model.name}"', style="bold")
        console.print(_table(model))
        console.print(f" Optimizer: {'none' if optimizer is None else _optimizer(optimizer)}")
        console.print(f" Dispatch: {_dispatch(model)}")
    (print_fn or _print)(captured.get().rstrip("\n"))


def _print(text: str) -> None:
    print(text, flush=True)


def _table(model: Any) -> Table:
    table = Table(*_COLUMNS, header_style="bold", show_lines=True)
    if model._compilation.names_of_outputs is None:
        table.add_row("?", "known at the first batch", str(model._compilation.given["loss"]), "?", "?", "?")
        return table
    shapes = [tensor.shape for tensor in flatten(model._graph.output_structure)] if model._graph is not None else []
    for index, plan in enumerate(model._compilation.plan()):
        shape = shapes[index] if shapes else None
        weight = "-" if plan["loss"] is None else _weight(model, plan["weight"])
        table.add_row(
            plan["output"],
            "?" if shape is None else str(shape),
            plan["loss"] or "-",
            weight,
            "\n".join(plan["metrics"]) or "-",
            _labels(plan, shape),
        )
    return table


def _weight(model: Any, weight: Any) -> str:
    weighting = model._compilation.weighting
    if weighting is not None or callable(weight):
        return type(weight if weighting is None else weighting).__name__
    return f"{1.0 if weight is None else float(weight):g}"


def _labels(plan: dict, shape: tuple | None) -> str:
    """What labels an output takes, in words; and which may be missing, and in the last epoch were."""
    if plan["missing"] is None:
        return _kind_of_labels(plan, shape)
    share = "" if plan["labelled"] is None else f"\n{plan['labelled']:.1%} labelled"
    return f"{_kind_of_labels(plan, shape)}\n{plan['missing']:g} where missing{share}"


def _kind_of_labels(plan: dict, shape: tuple | None) -> str:
    if not plan["needs labels"]:
        return "none asked for"
    if plan["loss"] in ("crossentropy", "ce"):
        return "class numbers or one-hot"
    if plan["classes as numbers"]:
        return f"class numbers {'' if shape is None else shape[:-1]}".strip()
    return "like the output" if shape is None else f"numbers {shape}"


def _optimizer(optimizer: Any) -> str:
    rate = getattr(optimizer, "_learning_rate", None)
    schedule = type(rate).__name__ if callable(rate) else None
    try:
        shown = schedule or f"{float(optimizer.learning_rate):g}"
    except (AttributeError, TypeError):
        shown = "its own"
    return f"{type(optimizer).__name__}, learning rate {shown}"


def _dispatch(model: Any) -> str:
    if model.run_eagerly:
        return "plain Python, operation by operation (run_eagerly=True)"
    steps = model.steps_per_execution
    return f"{steps} steps a program" if steps else "as many steps a program as pays, measured in the first epoch"
