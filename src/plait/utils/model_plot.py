"""Pictures of models under Keras's names."""

from plait.inspect.dot import model_to_dot as model_to_dot
from plait.inspect.plot import plot_model as plot_model
