"""Pictures of what the engine computes, and of what networks have learned.

``draw_graph`` turns a value into a picture of the graph it was computed by, ``render`` writes the
picture to a file. ``plot_history`` draws the loss and accuracy of a training run,
``plot_confusion``, ``plot_images`` and ``plot_weights`` what came of it.
"""

from __future__ import annotations

from viz.computation_graph import draw_graph as draw_graph
from viz.network_plots import plot_confusion as plot_confusion
from viz.network_plots import plot_images as plot_images
from viz.network_plots import plot_weights as plot_weights
from viz.plots import plot_history as plot_history
from viz.rendering import render as render

__autograd_library__ = True  # errors name the caller's line, not one in here

__all__ = [
    "draw_graph",
    "plot_confusion",
    "plot_history",
    "plot_images",
    "plot_weights",
    "render",
]
