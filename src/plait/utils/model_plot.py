"""Pictures of models under Keras's names."""

from plait.inspect.plot import plot_model as plot_model
