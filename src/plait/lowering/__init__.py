"""Formulations that XLA runs fast on a CPU, one file a family; on other platforms, and where it is as fast, XLA's own."""
