"""Weightings: what each task counts, found while training. Their face is `plait.multitask`."""
