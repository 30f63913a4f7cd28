"""What `compile` says: losses, their weights and metrics, matched to the outputs by name.

A `Compiled` is made from what the user gave. As far as the outputs' names are known (a model with a graph), everything
is matched and checked at once. What depends on shapes (which accuracy `"accuracy"` is) is settled at the first batch.

Verbs: `loss` computes the number to minimise, `update_metrics` updates, `results` reads.

Life under jit: `loss` and `update_metrics` run inside the step's trace; metrics are variables, which the step binds.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp
from jax import lax

from plait import losses, metrics
from plait.common.messages import describe, listing, raise_all
from plait.common.names import snake_case
from plait.common.traits import of_plait
from plait.common.tree import flatten, is_nested, leaves_with_paths, pack_as
from plait.common.watched import Watched
from plait.core.variable import convert_to_tensor
from plait.errors import ArgumentError, DataError, PlaitError, StateError
from plait.training.checks import warn_if_spread
from plait.training.labels import Labels, rule_of
from plait.training.missing import how_many, loss_of_labelled, split_labels, update_with_labelled, weights_of_rows
from plait.training.names import match_labels, match_to_outputs, output_names
from plait.training.nested_losses import Group, LossSum, is_structured, split
from plait.weightings.base import Weighting

_ACCURACY, _CROSSENTROPY = ("accuracy", "acc"), ("crossentropy", "ce")
_BY_SHAPE = (*_ACCURACY, *_CROSSENTROPY)  # names whose meaning depends on the shapes of labels and outputs


class Compiled(Watched):
    """What `compile` says, matched to the outputs.

    Args:
        loss: one for all outputs, a list or a dict.
        loss_weights: likewise.
        metric: likewise, each one metric or a list.
        weighted_metric: likewise.
        structure: the outputs' structure, or None where it isn't known yet.
        owner: the model's name.
        own_loss: whether the model has a `compute_loss` of its own, which may hand on other outputs than the graph's:
            what doesn't match those is then matched to what it hands on.
        missing: what stands for a missing label: a number, or one by output.

    Raises:
        ArgumentError: whatever doesn't match, all of it.

    Attributes:
        given: what was given, by `compile`'s argument names.
        names_of_outputs: the outputs' names; None until known.
    """

    def __init__(
        self,
        loss: Any,
        loss_weights: Any,
        metric: Any,
        weighted_metric: Any,
        structure: Any,
        owner: str,
        own_loss: bool = False,
        missing: Any = None,
    ):
        self.given = {
            "loss": loss,
            "loss_weights": loss_weights,
            "metrics": metric,
            "weighted_metrics": weighted_metric,
        }
        if missing is not None:
            self.given["missing_labels"] = missing
        self.owner, self.own_loss = owner, own_loss
        self.names_of_outputs: list[str] | None = None
        self.loss_tracker = metrics.Mean(name="loss")
        self.compile_metrics = CompileMetrics(self) if metric is not None or weighted_metric is not None else None
        self._trackers: list[Any] = []
        self._weight_trackers: list[Any] = []
        self._groups: list[Group] = []
        self._entries: list[_Entry] = []
        self._is_single = True
        self._settled = False
        self.optimizer: Any = None  # whose steps schedules of weights count
        self.balance: Any = None
        self.partial = False  # whether batches may lack labels of any output, because each is of one task
        for key in ("metrics", "weighted_metrics"):
            if self.given[key] is not None and not isinstance(self.given[key], (list, tuple, Mapping)):
                raise ArgumentError(
                    f"{owner}.compile: `{key}` should contain metrics objects and either be a dict or a list matching the output "
                    f"names, but got {describe(self.given[key])}. Put it into a list."
                )
        if structure is not None:
            try:
                self._match(structure)
            except ArgumentError:
                if not own_loss:
                    raise
        elif not own_loss:
            self._check_names()

    # ------------------------------------------------------------------------ matching

    def _check_names(self) -> None:
        """Refuses unknown names at once, where the outputs are known only with the first batch."""
        problems = []
        for key, find in (("loss", losses.get), ("metrics", metrics.get), ("weighted_metrics", metrics.get)):
            for name in flatten(self.given[key]):
                try:
                    if isinstance(name, str) and name not in _BY_SHAPE:
                        find(name)
                except PlaitError as error:
                    problems.append(f"`{key}`: {error}")
        raise_all(ArgumentError, f"{self.owner}.compile", problems)

    def _match(self, structure: Any) -> None:
        """Gives each output its loss, weight and metrics; raises with everything that doesn't match."""
        names = output_names(structure)
        problems: list[str] = []
        loss, weights = self._match_losses(structure, names, problems)
        plain = match_to_outputs(self.given["metrics"], structure, names, "metrics", problems, listed=True)
        weighted = match_to_outputs(
            self.given["weighted_metrics"], structure, names, "weighted_metrics", problems, listed=True
        )
        self._entries = []
        for name, one, weight, unweighted, with_weights in zip(names, loss, weights, plain, weighted, strict=True):
            try:
                self._entries.append(_Entry(name, one, weight, unweighted, with_weights))
            except PlaitError as error:
                problems.append(f"the output {name!r}: {error}")
        for group in self._groups:
            for member in group.members:
                self._entries[member].in_group = True
        self._match_missing(structure, names, problems)
        raise_all(ArgumentError, f"{self.owner}.compile", list(dict.fromkeys(problems)))
        self.names_of_outputs = names
        self._is_single = not is_nested(structure) or len(names) == 1
        with_loss = [entry.name for entry in self._entries if entry.loss is not None]
        with_loss += [group.name for group in self._groups]
        found = [*(e.weight for e in self._entries if e.loss is not None), *(group.weight for group in self._groups)]
        self._weight_trackers = [
            metrics.Mean(name=f"{name}_weight") if self.weighting is not None or callable(weight) else None
            for name, weight in zip(with_loss, found, strict=True)
        ]
        if len(with_loss) > 1:
            self._trackers = [metrics.Mean(name=f"{name}_loss") for name in with_loss]

    def _match_losses(self, structure: Any, names: list[str], problems: list[str]) -> tuple[list, list]:
        """The loss of each output and its weight; keeps the losses of groups of outputs."""
        given, weights = self.given["loss"], self.given["loss_weights"]
        self._groups = []
        if not is_structured(given, structure):
            loss = match_to_outputs(given, structure, names, "loss", problems)
            loss = [one[0] if isinstance(one, (list, tuple)) and len(one) == 1 else one for one in loss]
            return loss, self._match_weights(structure, names, problems)
        weights = None if self.weighting is not None else weights
        by_output, groups = split(given, weights, structure, names, problems)
        self._groups = [group._replace(loss=_find_loss(group.loss, group.name)) for group in groups]
        pairs = [_one_pair(name, found) for name, found in zip(names, by_output, strict=True)]
        return [loss for loss, _ in pairs], [weight for _, weight in pairs]

    def _match_weights(self, structure: Any, names: list[str], problems: list[str]) -> list:
        given = self.given["loss_weights"]
        if self.weighting is not None:
            return [None] * len(names)
        if isinstance(given, (int, float)):
            return [given] * len(names)
        weights = match_to_outputs(given, structure, names, "loss_weights", problems)
        for name, weight in zip(names, weights, strict=True):
            if weight is not None and not hasattr(weight, "__float__") and not callable(weight):
                problems.append(f"the loss weight of {name!r} must be a number, but got {describe(weight)}.")
        return weights

    @property
    def weighting(self) -> Weighting | None:
        """What finds the weights of the tasks while training; None where they are given."""
        given = self.given["loss_weights"]
        return given if isinstance(given, Weighting) else None

    @property
    def tasks(self) -> list[tuple[str, tuple[int, ...]]]:
        """Name and outputs of each task, which is a loss of an output or of a group; none before the outputs are known."""
        alone = [(entry.name, (place,)) for place, entry in enumerate(self._entries) if entry.loss is not None]
        return [*alone, *((group.name, group.members) for group in self._groups)]

    def take_parts(self, partial: bool) -> None:
        """Says whether batches may lack labels of any output, because each is of one task."""
        if partial != self.partial:
            self.partial = partial

    def begin_epoch(self, epoch: int) -> None:
        """Says to a weighting which epoch begins."""
        if self.balance is not None:
            self.balance.begin_epoch(epoch)

    def _match_missing(self, structure: Any, names: list[str], problems: list[str]) -> None:
        """What stands for a missing label of each output."""
        if (given := self.given.get("missing_labels")) is None:
            return
        values = match_to_outputs(given, structure, names, "missing_labels", problems)
        for name, entry, value in zip(names, self._entries, values, strict=False):
            if value is None:
                continue
            if isinstance(value, bool) or not hasattr(value, "__float__"):
                problems.append(
                    f"what stands for a missing label of {name!r} must be a number, such as np.nan or -1, but got "
                    f"{describe(value)}."
                )
            elif entry.needs_labels:
                title = "labelled" if len(names) == 1 else f"{name}_labelled"
                entry.missing, entry.share = float(value), metrics.Mean(name=title)

    @property
    def optional(self) -> list[bool] | None:
        """Which outputs' labels may be missing; None where none may."""
        if "missing_labels" not in self.given and not self.partial:
            return None
        return [self.partial or entry.missing is not None for entry in self._entries]

    def missing_values(self, y: Any) -> list[float | None]:
        """What stands for a missing label in each of the arrays that some labels are, flat."""
        given = self.given.get("missing_labels")
        leaves = list(leaves_with_paths(y))
        if not self._entries or not isinstance(given, (Mapping, list, tuple)):
            return [given if hasattr(given, "__float__") else None] * len(leaves)
        by_name = {entry.name: entry.missing for entry in self._entries}
        if isinstance(y, Mapping):
            return [by_name.get("/".join(map(str, path))) for path, _ in leaves]
        all_of_them = len(leaves) == len(self._entries)
        values = [entry.missing for entry in self._entries if all_of_them or entry.needs_labels]
        return values if len(values) == len(leaves) else [None] * len(leaves)

    @property
    def settled(self) -> bool:
        """Whether a first batch has been seen, or nothing waits for one."""
        return self._settled or not any(self.given[key] for key in ("loss", "metrics", "weighted_metrics"))

    def settle(self, y: Any, y_pred: Any) -> None:
        """Decides what depends on shapes, once, from the first labels and outputs (specs are enough)."""
        if self._settled:
            return
        if self.names_of_outputs is None:
            self._match(y_pred)
        labels = self._labels(y)
        for entry, true, pred in zip(self._entries, labels, flatten(y_pred), strict=True):
            entry.settle(true, pred, self.owner)
        _rename_clashes(self._entries)
        self._settled = True

    def labels_for(self, outputs: Any) -> Labels:
        """What labels must be, once all is settled for some outputs (specs are enough)."""
        in_groups = [[g.loss for g in self._groups if place in g.members] for place in range(len(self._entries))]
        rules = [
            rule_of(entry.name, output, [entry.loss, *others], [*entry.metrics, *entry.weighted_metrics], entry.missing)
            for entry, output, others in zip(self._entries, flatten(outputs), in_groups, strict=True)
        ]
        wanted, names = [e.needs_labels for e in self._entries], [e.name for e in self._entries]
        return Labels(rules, wanted, names, self.owner, self.optional)

    def _labels(self, y: Any) -> list:
        wanted = [entry.needs_labels for entry in self._entries]
        if y is None and any(entry.loss is not None for entry in self._entries):
            names = [entry.name for entry in self._entries if entry.loss is not None]
            raise DataError(f"{self.owner}: there are no labels, but the outputs {listing(names)} have a loss. Give y.")
        return match_labels(y, [entry.name for entry in self._entries], wanted, "labels", self.owner, self.optional)

    def _weights(self, sample_weight: Any) -> list:
        wanted = [entry.needs_labels for entry in self._entries]
        return match_labels(sample_weight, [e.name for e in self._entries], wanted, "sample weights", self.owner)

    # ------------------------------------------------------------------------ computing

    def loss(self, y: Any, y_pred: Any, sample_weight: Any, added: Sequence = ()) -> Any:
        """The number that training minimises; also updates the trackers of the outputs' losses.

        Args:
            y: labels, in any form that matches the outputs.
            y_pred: outputs.
            sample_weight: weights of the samples, for all outputs or by output.
            added: more numbers to add: what layers added, and regularisation.
        """
        total, found = 0.0, self._each(y, y_pred, sample_weight, tracks=True)
        for (value, *_), weight in zip(found, self._weights_now(found, added), strict=True):
            total = total + (value if weight is None else value * weight)
        for value in added:
            total = total + jnp.sum(value.astype("float32"))
        return jnp.asarray(total, "float32")

    def task_losses(self, y: Any, y_pred: Any, sample_weight: Any) -> list:
        """The loss of each task, without its weight; no tracker hears of it."""
        return [value for value, *_ in self._each(y, y_pred, sample_weight, tracks=False)]

    def _each(self, y: Any, y_pred: Any, sample_weight: Any, tracks: bool) -> list[tuple]:
        """Each task's loss, its weight as it was given, and whether it has a label; updates the trackers if asked to."""
        self.settle(y, y_pred)
        labels, weights, preds = self._labels(y), self._weights(sample_weight), flatten(y_pred)
        labels, labelled = self._take_apart(labels, preds)
        rows = next((_batch_size(pred) for pred in preds if pred is not None), 1)
        trackers, found = iter(self._trackers if tracks else ()), []
        for entry, true, pred, weight, where in zip(self._entries, labels, preds, weights, labelled, strict=True):
            if tracks and where is not None and entry.share is not None:
                entry.share.update_state(jnp.mean(where.astype("float32")), sample_weight=rows)
            if entry.loss is None:
                continue
            value = entry.compute(true, pred, weight, self.owner, where)
            if (tracker := next(trackers, None)) is not None:
                tracker.update_state(value, sample_weight=rows if where is None else how_many(where, pred))
            found.append((value, entry.weight, True if where is None else jnp.any(where)))
        for group in self._groups:
            value, counted = self._group_loss(group, labels, y_pred, weights, labelled)
            if (tracker := next(trackers, None)) is not None:
                tracker.update_state(value, sample_weight=counted)
            found.append((value, group.weight, counted > 0))
        return found

    def _weights_now(self, found: list[tuple], added: Sequence) -> list:
        """What each task's loss counts in this step."""
        if self.balance is not None:
            values, _, present = zip(*found, strict=True)
            now = list(self.balance.weigh(values, present, added))
            told = now if not self.balance.by_gradients else self.balance.weights.value
        else:
            now = told = [weight(self._step()) if callable(weight) else weight for _, weight, _ in found]
        for tracker, weight in zip(self._weight_trackers, told, strict=False):
            if tracker is not None:
                tracker.update_state(lax.stop_gradient(weight))
        return now

    def labelled_places(self, y: Any) -> list[int] | None:
        """The places of the outputs that some labels are for; None where none of those that are asked for is left out."""
        if self.optional is None or not isinstance(y, Mapping):
            return None
        there = [place for place, label in enumerate(self._labels(y)) if label is not None]
        return None if len(there) == sum(entry.needs_labels for entry in self._entries) else there

    def _step(self) -> Any:
        iterations = 0 if self.optimizer is None else self.optimizer.iterations
        return jnp.asarray(getattr(iterations, "value", iterations), "int32")

    def _take_apart(self, labels: list, preds: list) -> tuple[list, list]:
        """Labels with harmless ones in place of what is missing, and where they are there; None where none may be missing.

        Labels that a batch leaves out altogether are None, and there nowhere.
        """
        if self.optional is None:
            return labels, [None] * len(labels)
        pairs = [
            (label, None)
            if label is not None and entry.missing is None
            else split_labels(label, pred, entry.missing or 0.0)
            for entry, label, pred in zip(self._entries, labels, preds, strict=True)
        ]
        return [label for label, _ in pairs], [where for _, where in pairs]

    def counted(self, y: Any, y_pred: Any, rows: Any) -> Any:
        """What a batch counts in the mean of the loss: its rows, or how many entries of the only output are labelled."""
        preds = flatten(y_pred)
        if self.optional is None or len(self._entries) > 1 or self._entries[0].missing is None:
            return rows
        return how_many(self._take_apart(self._labels(y), preds)[1][0], preds[0])

    def _group_loss(self, group: Group, labels: list, y_pred: Any, weights: list, labelled: list) -> tuple[Any, Any]:
        """The loss of several outputs together, and how many rows count, which are those that have all of its labels.

        The first weights of samples that one of them has count.
        """
        weight = next((weights[member] for member in group.members if weights[member] is not None), None)
        counted: Any = _batch_size(flatten(y_pred)[group.members[0]])
        wheres = [labelled[member] for member in group.members if labelled[member] is not None]
        if any(labels[member] is None for member in group.members) and wheres:
            return jnp.zeros(()), 0
        if wheres:
            weight, counted = weights_of_rows(weight, wheres)
        return group.loss(group.of(pack_as(y_pred, labels)), group.of(y_pred), sample_weight=weight), counted

    def update_metrics(self, y: Any, y_pred: Any, sample_weight: Any) -> None:
        """Updates all metrics with one batch."""
        self.settle(y, y_pred)
        if not any(entry.metrics or entry.weighted_metrics for entry in self._entries):
            return
        labels, weights, preds = self._labels(y), self._weights(sample_weight), flatten(y_pred)
        labels, labelled = self._take_apart(labels, preds)
        for entry, true, pred, weight, where in zip(self._entries, labels, preds, weights, labelled, strict=True):
            if where is not None and true is None:
                continue
            for metric in entry.metrics:
                entry.update(metric, true, pred, self.owner, where)
            for metric in entry.weighted_metrics:
                entry.update(metric, true, pred, self.owner, where, sample_weight=weight)

    def explain_shape(self, loss: Any) -> str:
        """What to do about a loss that isn't one number."""
        unreduced = [e.name for e in self._entries if getattr(e.loss, "reduction", "") in (None, "none")]
        why = (
            f"The loss of {listing(unreduced)} has reduction='none'. Use 'sum_over_batch_size', which is the mean, or 'sum'"
            if unreduced
            else "Reduce it, by plait.ops.mean for example"
        )
        return f"{self.owner}: training needs a loss that is one number, but it is {describe(loss)}. {why}."

    # ------------------------------------------------------------------------ reading

    @property
    def metric_objects(self) -> list:
        """All metrics, the loss first, in the order of `names`."""
        return [metric for _, metric in self._named()]

    @property
    def listed(self) -> list:
        """What `model.metrics` lists: the loss, all metrics of `compile` as one, the outputs' losses, what is labelled, weights."""
        whole = [] if self.compile_metrics is None else [self.compile_metrics]
        return [self.loss_tracker, *whole, *([*self._trackers, *self._told] if self._settled else [])]

    def measured(self) -> list[tuple[str, Any]]:
        """The metrics of `compile` with the names of their results; none before a first batch."""
        named = []
        for entry in self._entries if self._settled else []:
            prefix = "" if self._is_single else f"{entry.name}_"
            named += [(prefix + metric.name, metric) for metric in (*entry.metrics, *entry.weighted_metrics)]
        return named

    @property
    def variables(self) -> list:
        """The variables of all metrics."""
        return [variable for metric in self.metric_objects for variable in metric.variables]

    @property
    def names(self) -> list[str]:
        """The names of the results, in the order of `evaluate`'s list."""
        return [name for name, _ in self._named()]

    def _named(self) -> list[tuple[str, Any]]:
        named: list[tuple[str, Any]] = [("loss", self.loss_tracker)]
        if not self._settled:
            return named
        trackers, shares = ([(metric.name, metric) for metric in part] for part in (self._trackers, self._told))
        return [*named, *trackers, *self.measured(), *shares]

    @property
    def _told(self) -> list:
        shares = [entry.share for entry in self._entries if entry.share is not None]
        return [*shares, *(tracker for tracker in self._weight_trackers if tracker is not None)]

    def plan(self) -> list[dict]:
        """What each output has, in words: for reports."""
        return [entry.plan() for entry in self._entries]

    def results(self) -> dict:
        """The results by name; a metric whose result is a dict has several."""
        return _results(self._named())


def _results(named: Sequence[tuple[str, Any]]) -> dict:
    found: dict[str, Any] = {}
    for name, metric in named:
        result = metric.result()
        found.update(result if isinstance(result, Mapping) else {name: result})
    return found


@of_plait
class CompileMetrics(metrics.Metric):
    """All metrics of `compile` as one, whose result is a dict: what `model.metrics` lists, as in Keras.

    Args:
        compiled: what `compile` made of its arguments.
    """

    _records = "_compiled"

    def __init__(self, compiled: Compiled):
        super().__init__(name="compile_metrics")
        self._compiled = compiled

    @property
    def metrics(self) -> list:
        """The metrics themselves; none before a first batch."""
        return [metric for _, metric in self._compiled.measured()]

    @property
    def variables(self) -> list:
        """Those of the metrics."""
        return [variable for metric in self.metrics for variable in metric.variables]

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Updates each with a batch."""
        self._compiled.update_metrics(y_true, y_pred, sample_weight)

    def result(self) -> dict:
        """The results by name."""
        return _results(self._compiled.measured())

    def reset_state(self) -> None:
        """Starts each afresh."""
        for metric in self.metrics:
            metric.reset_state()

    def get_config(self) -> dict:
        """None: `compile` is told what to measure."""
        raise StateError("compile_metrics: what `compile` measures is in the model's `get_compile_config()`.")


class _Entry(Watched):
    """What one output has: its loss and metrics."""

    def __init__(self, name: str, loss: Any, weight: Any, plain: Any, weighted: Any):
        self.name, self.weight = name, weight
        self.in_group = False  # whether a loss of several outputs together takes it
        self.missing: float | None = None  # what stands for a missing label; None where none may be missing
        self.share: Any = None  # the metric of how much is labelled
        self.loss = _find_loss(loss, name)
        self._plain = [_find_metric(m) for m in flatten(plain) if m is not None]
        self._weighted = [_find_metric(m) for m in flatten(weighted) if m is not None]
        self.metrics: list[Any] = [m for m in self._plain if not isinstance(m, str)]
        self.weighted_metrics: list[Any] = [m for m in self._weighted if not isinstance(m, str)]

    @property
    def needs_labels(self) -> bool:
        return self.loss is not None or self.in_group or bool(self._plain or self._weighted)

    def plan(self) -> dict:
        """Its row of the report."""
        title = self.loss if isinstance(self.loss, str) else getattr(self.loss, "name", None)
        settled = len(self.metrics) + len(self.weighted_metrics) == len(self._plain) + len(self._weighted)
        plain, weighted = (self.metrics, self.weighted_metrics) if settled else (self._plain, self._weighted)
        return {
            "output": self.name,
            "loss": title,
            "weight": self.weight,
            "metrics": [*map(_title, plain), *(f"{_title(metric)} (weighted)" for metric in weighted)],
            "needs labels": self.needs_labels,
            "classes as numbers": title is not None and "sparse" in title,
            "missing": self.missing,
            "labelled": None if self.share is None or not float(self.share.count) else float(self.share.result()),
        }

    def settle(self, y: Any, y_pred: Any, owner: str) -> None:
        by_shape = [judge for judge in (self.loss, *self._plain, *self._weighted) if isinstance(judge, str)]
        if y is None and self.missing is not None and by_shape:
            raise DataError(
                f"{owner}: the first batch has no labels for {self.name!r}, so it can't be known which {listing(by_shape)} is meant. "
                "Name it in full, such as 'sparse_categorical_accuracy', or begin with a batch that has them."
            )
        if y is not None and isinstance(self.loss, str):
            self.loss = losses.crossentropy_for(y.shape, y_pred.shape)
        function = getattr(self.loss, "fn", None)
        if y is not None and getattr(function, "of_numbers", False):
            warn_if_spread(self.name, self.loss.name, y, y_pred)
        self.metrics = [_settle_metric(m, y, y_pred) for m in self._plain]
        self.weighted_metrics = [_settle_metric(m, y, y_pred) for m in self._weighted]

    def update(self, metric: Any, y: Any, y_pred: Any, owner: str, labelled: Any, **weights: Any) -> None:
        try:
            if labelled is not None:
                update_with_labelled(metric, y, y_pred, labelled, weights.get("sample_weight"))
            else:
                metric.update_state(y, y_pred, **weights)
        except PlaitError as error:
            raise type(error)(f"{owner}: the metric {metric.name!r} of the output {self.name!r}: {error}") from error
        except (TypeError, ValueError) as error:
            if not hasattr(y, "shape") or y.shape == y_pred.shape:
                raise
            raise DataError(
                f"{owner}: the metric {metric.name!r} of the output {self.name!r} cannot compare labels {describe(y)} with "
                f"outputs {describe(y_pred)}. {error}"
            ) from error

    def compute(self, y: Any, y_pred: Any, weight: Any, owner: str, labelled: Any) -> Any:
        try:
            if labelled is not None:
                value = loss_of_labelled(self.loss, y, y_pred, labelled, weight)
            else:
                value = self.loss(y, y_pred, sample_weight=weight)
        except PlaitError as error:
            raise type(error)(f"{owner}: the loss of the output {self.name!r}: {error}") from error
        except (TypeError, ValueError) as error:
            raise DataError(
                f"{owner}: the loss of the output {self.name!r} ({getattr(self.loss, 'name', self.loss)}) cannot compare labels "
                f"{describe(y)} with outputs {describe(y_pred)}. {error}"
            ) from error
        return value


def _one_pair(name: str, pairs: list[tuple[Any, Any]]) -> tuple[Any, Any]:
    """The loss of an output and its weight, from none, one or several such."""
    if len(pairs) < 2:
        return pairs[0] if pairs else (None, None)
    return LossSum([(_find_loss(loss, name), weight) for loss, weight in pairs]), None


def _find_loss(loss: Any, name: str) -> Any:
    if isinstance(loss, str) and loss in _CROSSENTROPY:
        return loss
    found = losses.get(loss)
    if found is None or isinstance(found, losses.Loss):
        return found
    if not callable(found):
        raise ArgumentError(f"the loss of {name!r} must be a name, function or Loss, but got {describe(loss)}.")
    title = loss if isinstance(loss, str) else getattr(found, "__name__", type(found).__name__)
    return losses.LossFunctionWrapper(found, name=title)


def _find_metric(metric: Any) -> Any:
    """A metric object, or the names whose meaning depends on shapes."""
    if isinstance(metric, str) and metric in _BY_SHAPE:
        return metric
    found = metrics.get(metric)
    if isinstance(found, metrics.Metric):
        if isinstance(metric, str):
            found.name = metric
        return found
    name = metric if isinstance(metric, str) else None
    return metrics.MeanMetricWrapper(found, name=name or _function_name(found))


def _title(metric: Any) -> str:
    return metric if isinstance(metric, str) else metric.name


def _function_name(function: Any) -> str:
    return snake_case(getattr(function, "__name__", type(function).__name__))


def _settle_metric(metric: Any, y: Any, y_pred: Any) -> Any:
    if not isinstance(metric, str):
        return metric
    choose: Any = metrics.accuracy_for if metric in _ACCURACY else metrics.crossentropy_for
    chosen = choose(y.shape, y_pred.shape)()
    chosen.name = metric
    return chosen


def _rename_clashes(entries: list[_Entry]) -> None:
    """Numbers metrics of one output that have one name; a weighted one gets `weighted_` in front."""
    for entry in entries:
        taken: set[str] = set()
        for metric, prefix in [(m, "") for m in entry.metrics] + [(m, "weighted_") for m in entry.weighted_metrics]:
            name, count = metric.name, 0
            while name in taken:
                name = f"weighted_{metric.name}" if prefix and count == 0 else f"{metric.name}_{count or 1}"
                count += 1
            taken.add(name)
            if name != metric.name:
                metric.name = name


def _batch_size(value: Any) -> Any:
    return value.shape[0] if getattr(value, "shape", ()) else 1


def class_weight_table(class_weight: Mapping) -> tuple[Any, int]:
    """The weights of classes as an array by class number, and how many there are; classes without one count 1."""
    size = max(int(key) for key in class_weight) + 1
    table = jnp.asarray([float(class_weight.get(index, 1.0)) for index in range(size)], "float32")
    return table, size


def weights_of_classes(class_weight: Mapping, y: Any, n_outputs: int) -> Any:
    """A weight for each sample from the class that its label names: by number, or as the place of its one.

    Args:
        class_weight: weights by class number.
        y: labels (B,), (B, 1), (B, T) or one-hot (B, ..., n).
        n_outputs: the size of the output's last axis; labels with that last axis (more than 1) are one-hot.
    """
    table, size = class_weight_table(class_weight)
    y = convert_to_tensor(y)
    if y.ndim > 1 and y.shape[-1] > 1 and y.shape[-1] == n_outputs:
        y = jnp.argmax(y, -1)
    elif y.ndim > 1 and y.shape[-1] == 1:
        y = jnp.squeeze(y, -1)
    classes = jnp.round(y).astype("int32") if jnp.issubdtype(y.dtype, jnp.inexact) else y.astype("int32")
    return jnp.where((classes >= 0) & (classes < size), jnp.take(table, jnp.clip(classes, 0, size - 1)), 1.0)
