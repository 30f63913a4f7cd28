"""keras-rs: its layers, losses and metrics."""

import keras
import keras_rs
import numpy as np

rng = np.random.RandomState(0)
x = rng.normal(size=(6, 5)).astype("float32")
keras.utils.set_random_seed(1)
for name, layer in (
    ("FeatureCross", keras_rs.layers.FeatureCross(kernel_initializer="ones")),
    ("FeatureCross projected", keras_rs.layers.FeatureCross(projection_dim=2, kernel_initializer="ones")),
):
    print(name, np.round(np.asarray(layer(x, x)).sum(1), 3).tolist())
print("DotInteraction", np.round(np.asarray(keras_rs.layers.DotInteraction()([x, x * 2, x - 1])), 3).tolist()[0])
queries, candidates = rng.normal(size=(2, 5)).astype("float32"), rng.normal(size=(9, 5)).astype("float32")
search = keras_rs.layers.BruteForceRetrieval(candidate_embeddings=candidates, k=3)
scores, places = search(queries)
print("BruteForceRetrieval", np.round(scores, 3).tolist(), np.asarray(places).tolist())
labels, predicted = np.eye(4, dtype="float32"), rng.normal(size=(4, 4)).astype("float32")
negatives = keras_rs.layers.HardNegativeMining(2)(predicted, labels)
print("HardNegativeMining", [tuple(part.shape) for part in negatives])
accidental = keras_rs.layers.RemoveAccidentalHits()(predicted, labels, np.array([0, 1, 1, 3]))
print("RemoveAccidentalHits", int((np.asarray(accidental) < -1e6).sum()))
corrected = keras_rs.layers.SamplingProbabilityCorrection()(predicted, np.full(4, 0.25, "float32"))
print("SamplingProbabilityCorrection", round(float(np.asarray(corrected).sum()), 3))
truth, guess = np.array([[0, 1, 2, 0], [1, 0, 0, 2]], "float32"), rng.uniform(size=(2, 4)).astype("float32")
for name in (
    "PairwiseHingeLoss",
    "PairwiseLogisticLoss",
    "PairwiseMeanSquaredError",
    "PairwiseSoftZeroOneLoss",
    "ListMLELoss",
):
    if hasattr(keras_rs.losses, name):
        print(name, round(float(getattr(keras_rs.losses, name)()(truth, guess)), 4))
for name in ("NDCG", "DCG", "MeanReciprocalRank", "MeanAveragePrecision", "PrecisionAtK", "RecallAtK"):
    metric = getattr(keras_rs.metrics, name)(k=2)
    metric.update_state(truth if "DCG" in name else np.minimum(truth, 1), guess)
    print(name, round(float(metric.result()), 4))
inputs = keras.Input((5,))
crossed = keras_rs.layers.FeatureCross()(inputs, keras_rs.layers.FeatureCross()(inputs))
model = keras.Model(inputs, keras.layers.Dense(1)(crossed))
model.compile("adam", "mse")
print("fit", [round(loss, 4) for loss in model.fit(x, x[:, :1], epochs=3, shuffle=False, verbose=0).history["loss"]])
print("config", keras.Model.from_config(model.get_config()).count_params())
ids = keras_rs.layers.EmbedReduce(8, 3, embeddings_initializer="ones", combiner="sum")(np.array([[1, 2], [3, 3]]))
print("EmbedReduce", np.asarray(ids).tolist())
