"""Floor 2: variables, symbolic tensors, the graph, and pure functions."""
