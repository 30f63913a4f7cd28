"""Views of a model: what people look at before they read."""

from plait.inspect.summary import summary as summary
