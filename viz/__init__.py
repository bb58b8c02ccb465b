"""Pictures of what the engine computes: graphs with every number on them, and training curves.

``draw_graph`` turns a value into a picture of the graph it was computed by, ``render`` writes the
picture to a file and ``plot_history`` draws the loss and accuracy of a training run.
"""

from __future__ import annotations

from viz.computation_graph import draw_graph as draw_graph
from viz.plots import plot_history as plot_history
from viz.rendering import render as render

__autograd_library__ = True  # errors name the caller's line, not one in here

__all__ = ["draw_graph", "plot_history", "render"]
