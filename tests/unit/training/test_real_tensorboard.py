"""Event files in the real TensorBoard, where it is installed (`pip install tensorboard`): its own reader finds all of it."""

import importlib
import json
import warnings

import numpy as np
import pytest

import plait


@pytest.fixture(scope="module")
def board():
    """Imports a module of TensorBoard; its own warnings don't matter here."""
    pytest.importorskip("tensorboard", reason="TensorBoard isn't installed (pip install tensorboard)")

    def load(name):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module(name)

    return load


def test_curves_histograms_and_the_graph_are_read(board, tmp_path):
    hidden = plait.layers.Dense(4, name="hidden")
    model = plait.Sequential([plait.Input((3,)), hidden, plait.layers.Dense(1, name="out")])
    model.compile("sgd", "mse")
    x, y = np.ones((8, 3), "float32"), np.zeros((8, 1), "float32")
    callback = plait.callbacks.TensorBoard(tmp_path, histogram_freq=1)
    history = model.fit(x, y, epochs=3, validation_data=(x, y), verbose=0, callbacks=[callback]).history
    accumulator = board("tensorboard.backend.event_processing.event_accumulator").EventAccumulator
    tensors = board("tensorboard.util.tensor_util").make_ndarray
    for side, name in (("train", "loss"), ("validation", "val_loss")):
        events = accumulator(str(tmp_path / side), size_guidance={"tensors": 0}).Reload()
        read = [float(tensors(event.tensor_proto)) for event in events.Tensors("epoch_loss")]
        assert read == pytest.approx(history[name], rel=1e-6)
        assert events.SummaryMetadata("epoch_loss").plugin_data.plugin_name == "scalars"
    events = accumulator(str(tmp_path / "train"), size_guidance={"tensors": 0}).Reload()
    buckets = tensors(events.Tensors(f"{hidden.kernel.path}/histogram")[-1].tensor_proto)
    assert buckets[:, 2].sum() == 12
    assert (buckets[:, 0] <= buckets[:, 1]).all()
    config = json.loads(events.Tensors("keras")[0].tensor_proto.string_val[0])
    graph = board("tensorboard.plugins.graph.keras_util").keras_model_to_graph_def(config)
    assert [node.name.split("/")[-1] for node in graph.node][1:] == ["hidden", "out"]
