"""scikeras: classifiers and regressors in scikit-learn's pipelines, searches and cross-validation."""

import keras
import numpy as np
from scikeras.wrappers import KerasClassifier, KerasRegressor
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

x, y = load_iris(return_X_y=True)
x = x.astype("float32")


def classifier(meta, width=4):
    keras.utils.set_random_seed(1)
    layers = [keras.Input((meta["n_features_in_"],)), keras.layers.Dense(width, "tanh")]
    return keras.Sequential([*layers, keras.layers.Dense(meta["n_classes_"], "softmax")])


def regressor(meta):
    keras.utils.set_random_seed(2)
    return keras.Sequential([keras.Input((meta["n_features_in_"],)), keras.layers.Dense(1)])


options = {"epochs": 5, "verbose": 0, "shuffle": False}
made = KerasClassifier(
    classifier, loss="sparse_categorical_crossentropy", optimizer="adam", optimizer__learning_rate=0.05, **options
)
pipeline = make_pipeline(StandardScaler(), made)
print("score", round(pipeline.fit(x, y).score(x, y), 4))
print("classes", pipeline.classes_.tolist(), pipeline.predict_proba(x[:2]).shape)
print("cross-validation", np.round(cross_val_score(pipeline, x[::3], y[::3], cv=2), 4).tolist())
search = GridSearchCV(clone(made), {"model__width": [2, 6], "optimizer__learning_rate": [0.01, 0.1]}, cv=2, refit=False)
print("search", np.round(search.fit(x[::3], y[::3]).cv_results_["mean_test_score"], 4).tolist())
text = np.array(["a", "b", "c"])[y]
print("labels of text", made.fit(x, text).predict(x[::50]).tolist())
weighted = clone(made).set_params(class_weight={0: 1.0, 1: 2.0, 2: 1.0})
print("class weights", round(weighted.fit(x, y).history_["loss"][-1], 4))
line = KerasRegressor(regressor, loss="mse", optimizer="sgd", metrics=["mae"], **options)
print("regressor", round(line.fit(x[:, :3], x[:, 3]).score(x[:, :3], x[:, 3]), 4), sorted(line.history_))
print("more epochs", round(line.partial_fit(x[:, :3], x[:, 3]).history_["loss"][-1], 5))
