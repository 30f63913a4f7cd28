"""tensorboard: its reader on what the callback wrote, and its own writer."""

import os
import tempfile

import keras
import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter

folder = tempfile.mkdtemp()
writer = EventFileWriter(folder)
for step in range(3):
    writer.add_event(Event(step=step, summary=Summary(value=[Summary.Value(tag="own", simple_value=step / 2)])))
writer.close()
read = EventAccumulator(folder)
read.Reload()
print("own", [(event.step, event.value) for event in read.Scalars("own")])
try:
    import plait  # noqa: F401  (Keras on JAX can't write without TensorFlow: nothing to compare the rest with)
except ImportError:
    raise SystemExit from None
if keras.Model.__module__.startswith("plait"):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, kernel_initializer="ones")])
    model.compile("sgd", "mse")
    logs = os.path.join(folder, "logs")
    x = np.ones((4, 2), "float32")
    history = model.fit(x, x[:, :1], epochs=2, verbose=0, callbacks=[keras.callbacks.TensorBoard(logs)])
    read = EventAccumulator(os.path.join(logs, "train"), {"tensors": 0})
    read.Reload()
    found = (
        [
            float(np.frombuffer(event.tensor_proto.tensor_content or b"\0" * 4, "float32")[0])
            for event in read.Tensors("epoch_loss")
        ]
        if "epoch_loss" in read.Tags()["tensors"]
        else [event.value for event in read.Scalars("epoch_loss")]
    )
    assert np.allclose(found, history.history["loss"]), (found, history.history)
