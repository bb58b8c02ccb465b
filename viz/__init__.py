"""Pictures of what the engine computes, and of what networks have learned.

``draw_graph`` turns a value into a picture of the graph it was computed by, ``render`` writes the
picture to a file. ``plot_history`` draws the loss and accuracy of a training run,
``plot_confusion``, ``plot_images`` and ``plot_weights`` what came of it. For pictures of your own
in the same look there are ``new_figure``, ``style_axes``, ``count_epochs``, ``save_figure`` and
``INK``.
"""

from __future__ import annotations

from viz.computation_graph import draw_graph as draw_graph
from viz.figures import INK as INK
from viz.figures import count_epochs as count_epochs
from viz.figures import new_figure as new_figure
from viz.figures import save_figure as save_figure
from viz.figures import style_axes as style_axes
from viz.network_plots import plot_confusion as plot_confusion
from viz.network_plots import plot_images as plot_images
from viz.network_plots import plot_weights as plot_weights
from viz.plots import plot_history as plot_history
from viz.rendering import render as render

__autograd_library__ = True  # errors name the caller's line, not one in here

__all__ = [
    "INK",
    "count_epochs",
    "draw_graph",
    "new_figure",
    "plot_confusion",
    "plot_history",
    "plot_images",
    "plot_weights",
    "render",
    "save_figure",
    "style_axes",
]
