"""Distillation: a small model learns from a large one, not only from labels.

`Distiller` is Keras's way: a model of its own that runs the teacher in each step. `distill` does it on the graph: the student's
graph and the teacher's become one model, in which the teacher is frozen, so that `fit` computes what it says once for each
sample (`training/frozen.py`) and an epoch costs what the student costs.

Source: Hinton, Vinyals and Dean, Distilling the Knowledge in a Neural Network, 2015.
"""

from typing import Any

from plait import losses as _losses
from plait import metrics as _metrics
from plait import ops
from plait.common.messages import describe
from plait.common.registry import builtin, register_keras_serializable
from plait.common.serialization import deserialize, serialize
from plait.common.traits import of_plait
from plait.common.tree import flatten, map_structure_in_order, pack_as
from plait.errors import ArgumentError, ShapeError
from plait.layers.base import Layer
from plait.layers.core import Identity
from plait.models.model import Model

__all__ = ["DistillationLoss", "Distiller", "FeatureDistillation", "Lesson", "LogitsDistillation", "distill"]


def _losses_of(loss: Any, who: str) -> Any:
    """Loss objects for a structure of names, losses and None."""
    found = map_structure_in_order(lambda one: None if one is None else _losses.get(one), loss)
    if all(one is None for one in flatten(found)):
        raise ArgumentError(f"{who}: `loss` must hold a loss, but got {loss}.")
    return found


class DistillationLoss:
    """How far a student is from its teacher: subclass it and define `compute_loss`."""

    teacher_layer_name: str | None = None
    student_layer_name: str | None = None

    def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> Any:
        """One number, from what both gave."""
        raise NotImplementedError(f"{type(self).__name__}: a distillation loss defines `compute_loss`.")

    def validate_outputs(self, teacher_outputs: Any, student_outputs: Any) -> None:
        """Refuses outputs that can't be compared."""
        if _outline(teacher_outputs) != _outline(student_outputs):
            raise ShapeError(
                f"{type(self).__name__}: teacher and student must give the same structure, but gave "
                f"{describe(teacher_outputs)} and {describe(student_outputs)}."
            )

    def validate_model_compatibility(self, teacher: Model, student: Model) -> None:
        """Refuses models that this loss can't be computed for."""

    def _sum(self, distance: Any, teacher_outputs: Any, student_outputs: Any) -> Any:
        """The sum of distances, leaving out those outputs that have no loss."""
        pairs = zip(flatten(self.loss), flatten(teacher_outputs), flatten(student_outputs), strict=True)  # type: ignore[attr-defined]
        return sum((ops.mean(distance(*triple)) for triple in pairs if triple[0] is not None), start=ops.zeros(()))

    @classmethod
    def from_config(cls, config: dict) -> Any:
        """The loss of a config."""
        return cls(**{**config, "loss": _read(config["loss"])})


def _read(written: Any) -> Any:
    """Losses out of what `get_config` wrote, in their structure."""
    if isinstance(written, (list, tuple)):
        return [_read(part) for part in written]
    if isinstance(written, dict) and "class_name" not in written:
        return {name: _read(part) for name, part in written.items()}
    return written if written is None or isinstance(written, str) else deserialize(written)


def _outline(structure: Any) -> Any:
    return map_structure_in_order(lambda _: 0, structure)


@builtin("distillation")
class LogitsDistillation(DistillationLoss):
    """The distance of softened predictions: both are divided by a temperature first.

    Args:
        temperature: above 1 shows more of what the teacher thinks of the wrong classes.
        loss: a loss, or a structure of losses as the outputs have it; None leaves an output out. For "kl_divergence" the
            logits go through a softmax, and the result is multiplied by the temperature's square.

    Raises:
        ArgumentError: a temperature that isn't above 0; no loss at all.
    """

    def __init__(self, temperature: float = 3.0, loss: Any = "kl_divergence"):
        if not isinstance(temperature, (int, float)):
            raise ArgumentError(
                f"LogitsDistillation: `temperature` must be a number above 0, but got {describe(temperature)}."
            )
        if temperature <= 0:
            raise ArgumentError(f"LogitsDistillation: `temperature` must be a number above 0, but got {temperature}.")
        self.temperature, self.loss = temperature, _losses_of(loss, "LogitsDistillation")

    def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> Any:
        """The mean distance, summed over outputs."""

        def distance(loss: Any, teacher: Any, student: Any) -> Any:
            teacher, student = teacher / self.temperature, student / self.temperature
            if not isinstance(loss, _losses.KLDivergence):
                return loss(teacher, student)
            return loss(ops.softmax(teacher, axis=-1), ops.softmax(student, axis=-1)) * self.temperature**2

        return self._sum(distance, teacher_outputs, student_outputs)

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {"temperature": self.temperature, "loss": map_structure_in_order(serialize, self.loss)}


@builtin("distillation")
class FeatureDistillation(DistillationLoss):
    """The distance of what two inner layers give.

    Args:
        loss: a loss, or a structure of losses as the layers' outputs have it; None leaves one out.
        teacher_layer_name: a layer of the teacher; None means its outputs.
        student_layer_name: a layer of the student; None means its outputs.

    Raises:
        ArgumentError: no loss at all.
    """

    def __init__(self, loss: Any = "mse", teacher_layer_name: str | None = None, student_layer_name: str | None = None):
        self.loss = _losses_of(loss, "FeatureDistillation")
        self.teacher_layer_name, self.student_layer_name = teacher_layer_name, student_layer_name

    def validate_model_compatibility(self, teacher: Model, student: Model) -> None:
        """Refuses models without a graph, and names of layers that they don't have."""
        pairs = (("teacher", teacher, self.teacher_layer_name), ("student", student, self.student_layer_name))
        for role, model, name in pairs:
            if name is None:
                continue
            if model._graph is None:
                raise ArgumentError(
                    f"FeatureDistillation with specific layer names requires Functional or Sequential models, but the {role} "
                    f"{model.name!r} has no graph."
                )
            try:
                model.get_layer(name=name)
            except ValueError as error:
                raise ArgumentError(f"In {role} model: {error}") from error

    def validate_outputs(self, teacher_outputs: Any, student_outputs: Any) -> None:
        """Refuses outputs that can't be compared, or that the losses don't fit."""
        super().validate_outputs(teacher_outputs, student_outputs)
        if _outline(self.loss) != _outline(teacher_outputs):
            raise ArgumentError(
                f"FeatureDistillation: the losses must have the structure of the features, but are {self.loss} for {describe(teacher_outputs)}."
            )

    def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> Any:
        """The mean distance, summed over outputs."""
        return self._sum(lambda loss, teacher, student: loss(teacher, student), teacher_outputs, student_outputs)

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {
            "loss": map_structure_in_order(serialize, self.loss),
            "teacher_layer_name": self.teacher_layer_name,
            "student_layer_name": self.student_layer_name,
        }


def _check_models(teacher: Any, student: Any) -> None:
    for role, model in (("Teacher", teacher), ("Student", student)):
        if not isinstance(model, Model):
            raise ArgumentError(f"Distiller: the {role} must be a model, but got {describe(model)}.")
    if teacher._graph is None or student._graph is None:
        return
    for what in ("inputs", "outputs"):
        for one, other in zip(getattr(teacher, what), getattr(student, what), strict=False):
            context, shapes = what[:-1], f"Teacher: {one.shape}, Student: {other.shape}."
            if len(one.shape) != len(other.shape):
                raise ShapeError(f"Distiller: the {context} of teacher and student must have the same rank. {shapes}")
            if any(a != b for a, b in zip(one.shape, other.shape, strict=True) if None not in (a, b)):
                raise ShapeError(f"Distiller: the {context} of teacher and student must have the same sizes. {shapes}")
            if one.dtype != other.dtype:
                raise ShapeError(
                    f"Distiller: the {context} of teacher and student must have the same dtype, but the teacher has "
                    f"{one.dtype} and the student {other.dtype}."
                )


def _with_weights(given: Any, weights: Any) -> tuple[list, list]:
    if given is None:
        raise ArgumentError(
            "Distiller: `distillation_losses` must be a distillation loss or a list of such, but is None."
        )
    if not isinstance(given, (list, tuple)):
        return [given], [1.0]
    weights = [1.0] * len(given) if weights is None else list(weights)
    if len(weights) != len(given):
        raise ArgumentError(
            f"Distiller: `distillation_loss_weights` must be one for each of the {len(given)} losses, but got {len(weights)}."
        )
    return list(given), weights


def _opened(model: Model, role: str, losses: list) -> Model:
    """A model that returns the model's outputs, and those of the layers that the losses compare, by name."""
    names = sorted({name for loss in losses if (name := _layer_of(loss, role)) is not None})
    if not names:
        return model
    return Model(model.input, [model.output, {name: model.get_layer(name).output for name in names}], name=model.name)


def _layer_of(loss: Any, role: str) -> str | None:
    return getattr(loss, f"{role}_layer_name", None)


def _compared(loss: Any, role: str, said: Any, opened: bool) -> Any:
    """What a loss compares, out of what an opened model gave."""
    outputs, inner = said if opened else (said, {})
    name = _layer_of(loss, role)
    return outputs if name is None else inner[name]


@builtin("distillation")
class Distiller(Model):
    """Trains a student on labels and on what a teacher says: Keras's class.

    Args:
        teacher: a trained model; it is frozen.
        student: the model to train, with inputs and outputs of the same shapes.
        distillation_losses: a `DistillationLoss`, or a list.
        distillation_loss_weights: a factor for each; None is 1.
        student_loss_weight: the share of the labels' loss, from 0 to 1; the teacher's has the rest.

    Raises:
        ArgumentError: things that aren't models; a share outside 0..1; as many weights as losses are needed.
        ShapeError: inputs or outputs that differ.

    `distill` does the same on a graph, and faster: the teacher is run once for each sample.
    """

    def __init__(
        self,
        teacher: Model,
        student: Model,
        distillation_losses: Any,
        distillation_loss_weights: Any = None,
        student_loss_weight: float = 0.5,
        name: str = "distiller",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        _check_models(teacher, student)
        if not isinstance(student_loss_weight, (int, float)):
            raise ArgumentError(
                f"Distiller: `student_loss_weight` must be a number from 0 to 1, but got {describe(student_loss_weight)}."
            )
        if not 0 <= student_loss_weight <= 1:
            raise ArgumentError(
                f"Distiller: `student_loss_weight` must be a number from 0 to 1, but got {student_loss_weight}."
            )
        self.teacher, self.student, self.student_loss_weight = teacher, student, student_loss_weight
        given = _with_weights(distillation_losses, distillation_loss_weights)
        self.distillation_losses, self.distillation_loss_weights = given
        for loss in self.distillation_losses:
            loss.validate_model_compatibility(teacher, student)
        roles = (("teacher", teacher), ("student", student))
        self._opened_models = {role: _opened(model, role, given[0]) for role, model in roles}
        teacher.trainable = False
        names = ("student_loss", "distillation_loss", "total_loss")
        self._trackers = [_metrics.Mean(name=name) for name in names]
        self.student_loss_tracker, self.distillation_loss_tracker, self.total_loss_tracker = self._trackers

    def compile(self, optimizer: Any = "adam", loss: Any = None, metrics: Any = None, **kwargs: Any) -> None:
        """Chooses the optimizer, the labels' loss and metrics of the student."""
        if loss is None:
            raise ArgumentError("Distiller: `loss` must be a loss of the student, but is None.")
        self._student_loss = map_structure_in_order(_losses.get, loss)
        super().compile(optimizer=optimizer, loss=loss, metrics=metrics, **kwargs)

    def call(self, inputs: Any, training: bool | None = None, **kwargs: Any) -> Any:
        """The student's outputs."""
        return self.student(inputs, training=training, **kwargs)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """The labels' loss and the teacher's, by their shares."""
        y_pred = self(x, training=training) if y_pred is None else y_pred
        own = taught = ops.zeros(())
        if self.student_loss_weight > 0 and y is not None:
            found = (ops.mean(loss(*pair)) for loss, *pair in self._pairs(y, y_pred))
            own = sum(found, start=ops.zeros(()))
        if self.student_loss_weight < 1:
            taught = self._distance(x, y_pred)
        total = self.student_loss_weight * own + (1 - self.student_loss_weight) * taught
        for tracker, value in zip(self._trackers, (own, taught, total), strict=True):
            tracker.update_state(value)
        return total

    def _pairs(self, y: Any, y_pred: Any) -> Any:
        return zip(flatten(self._student_loss), flatten(y), flatten(y_pred), strict=True)

    def _distance(self, x: Any, y_pred: Any) -> Any:
        said: dict = {"teacher": self._opened_models["teacher"](x, training=False), "student": y_pred}
        opened = {role: self._opened_models[role] is not getattr(self, role) for role in said}
        if opened["student"]:
            said["student"] = self._opened_models["student"](x, training=True)
        total = ops.zeros(())
        for loss, weight in zip(self.distillation_losses, self.distillation_loss_weights, strict=True):
            pair = [_compared(loss, role, said[role], opened[role]) for role in said]
            loss.validate_outputs(*pair)
            distance = loss.compute_loss(*pair)
            if getattr(distance, "shape", ()):
                raise ShapeError(
                    f"Distiller: `compute_loss` of {type(loss).__name__} must return one number, but returned the shape {distance.shape}."
                )
            total = total + weight * distance
        return total

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {
            **Layer.get_config(self),
            "teacher": serialize(self.teacher),
            "student": serialize(self.student),
            "distillation_losses": [serialize(loss) for loss in self.distillation_losses],
            "distillation_loss_weights": self.distillation_loss_weights,
            "student_loss_weight": self.student_loss_weight,
        }

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> Any:
        """The distiller of a config."""
        parts = {name: deserialize(config[name]) for name in ("teacher", "student")}
        return cls(
            **{**config, **parts, "distillation_losses": [deserialize(c) for c in config["distillation_losses"]]}
        )


@of_plait
@register_keras_serializable("plait")
class Lesson(Layer):
    """Gives the student's outputs on, and adds how far they are from the teacher's to the loss.

    Args:
        losses: distillation losses.
        weights: a factor for each.
    """

    def __init__(self, losses: Any, weights: Any = None, **kwargs: Any):
        super().__init__(**kwargs)
        losses = [deserialize(loss) if isinstance(loss, dict) else loss for loss in losses]
        self.losses_of_lesson, self.weights_of_losses = _with_weights(losses, weights)

    def call(self, outputs: Any, pairs: Any) -> Any:
        """`outputs` as they are; `pairs` holds what teacher and student gave, for each loss."""
        for loss, weight, (taught, said) in zip(self.losses_of_lesson, self.weights_of_losses, pairs, strict=True):
            loss.validate_outputs(taught, said)
            self.add_loss(weight * loss.compute_loss(taught, said))
        return outputs

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "losses": [serialize(loss) for loss in self.losses_of_lesson],
            "weights": self.weights_of_losses,
        }


def distill(teacher: Model, student: Model, losses: Any = None, weights: Any = None, name: str = "distilled") -> Model:
    """Makes a model to train a student with: its outputs are the student's, its loss has what the teacher says as well.

    Args:
        teacher: a trained model with a graph; it is frozen, so `fit` runs it once for each sample, not in each epoch.
        student: the model to train, with inputs and outputs of the same shapes. Its weights are shared, not copied.
        losses: a `DistillationLoss`, or a list; None is `LogitsDistillation()`.
        weights: a factor for each.
        name: the name of the model.

    Returns:
        a model on the student's inputs. Compile it with the labels' losses (and `loss_weights` for their share), fit it, then
        go on with `student`.

    Raises:
        ArgumentError: models that don't fit together.

    >>> import plait
    >>> def mlp(units):
    ...     return plait.Sequential([plait.Input((4,)), plait.layers.Dense(units, "relu"), plait.layers.Dense(3)])
    >>> teacher, student = mlp(64), mlp(8)
    >>> model = distill(teacher, student)
    >>> model.compile("adam", plait.losses.SparseCategoricalCrossentropy(from_logits=True))
    >>> len(model.trainable_variables), teacher.trainable
    (4, False)
    """
    _check_models(teacher, student)
    losses, weights = _with_weights(LogitsDistillation() if losses is None else losses, weights)
    for loss in losses:
        loss.validate_model_compatibility(teacher, student)
    teacher.trainable = False
    asked, answering = _opened(teacher, "teacher", losses), _opened(student, "student", losses)
    said = {
        "teacher": asked(pack_as(teacher.input, flatten(student.input)), training=False),
        "student": answering(student.input),
    }
    opened = {"teacher": asked is not teacher, "student": answering is not student}
    pairs = [[_compared(loss, role, said[role], opened[role]) for role in said] for loss in losses]
    outputs = said["student"][0] if opened["student"] else said["student"]
    outputs = Lesson(losses, weights, name="lesson")(outputs, pairs=pairs)
    named = [Identity(name=own)(tensor) for own, tensor in zip(student.output_names, flatten(outputs), strict=True)]
    return Model(student.input, pack_as(student.output, named), name=name)
