"""A student learns from a teacher: a Distiller with a step of its own, metrics of `compile`, a softened softmax."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

rng = np.random.default_rng(19)


def net(units):
    model = keras.Sequential([keras.Input((6,)), layers.Dense(units, activation="relu"), layers.Dense(3)])
    for weight in model.weights:
        weight.assign(rng.normal(0, 0.4, weight.shape))
    return model


class Distiller(keras.Model):
    def __init__(self, student, teacher):
        super().__init__()
        self.teacher, self.student = teacher, student

    def compile(self, optimizer, metrics, student_loss_fn, distillation_loss_fn, alpha=0.1, temperature=3):
        super().compile(optimizer=optimizer, metrics=metrics)
        self.student_loss_fn, self.distillation_loss_fn = student_loss_fn, distillation_loss_fn
        self.alpha, self.temperature = alpha, temperature

    def call(self, x):
        return self.student(x)

    def train_step(self, data):
        x, y = data
        teacher_predictions = self.teacher(x, training=False)
        with tf.GradientTape() as tape:
            student_predictions = self.student(x, training=True)
            student_loss = self.student_loss_fn(y, student_predictions)
            distillation_loss = (
                self.distillation_loss_fn(
                    tf.nn.softmax(teacher_predictions / self.temperature, axis=1),
                    tf.nn.softmax(student_predictions / self.temperature, axis=1),
                )
                * self.temperature**2
            )
            loss = self.alpha * student_loss + (1 - self.alpha) * distillation_loss
        trainable_vars = self.student.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, trainable_vars), trainable_vars))
        results = {}
        for metric in self.metrics:
            if metric.name != "loss":
                metric.update_state(y, student_predictions)
                results.update(metric.result())
        return {**results, "student_loss": student_loss, "distillation_loss": distillation_loss}

    def test_step(self, data):
        x, y = data
        y_prediction = self.student(x, training=False)
        for metric in self.metrics:
            if metric.name != "loss":
                metric.update_state(y, y_prediction)
        return {"student_loss": self.student_loss_fn(y, y_prediction)}


x, y = rng.normal(size=(48, 6)).astype("float32"), rng.integers(0, 3, 48)
distiller = Distiller(student=net(4), teacher=net(16))
distiller.compile(
    optimizer=keras.optimizers.Adam(0.01),
    metrics=[keras.metrics.SparseCategoricalAccuracy()],
    student_loss_fn=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    distillation_loss_fn=keras.losses.KLDivergence(),
)
before = distiller.teacher.get_weights()[0].copy()
history = distiller.fit(x, y, epochs=3, batch_size=16, shuffle=False, verbose=0).history
for name in sorted(history):
    print(name, [round(float(value), 4) for value in history[name]])
found = distiller.evaluate(x, y, batch_size=48, verbose=0, return_dict=True)
print(round(float(found["student_loss"]), 4), np.array_equal(before, distiller.teacher.get_weights()[0]))
