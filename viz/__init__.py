"""Pictures of what the engine computes, and of what networks have learned.

``draw_graph`` turns a value into a picture of the graph it was computed by, ``draw_network`` draws
the neurons of a model, ``draw_program`` a compiled program, scalars in and matrices out; ``render``
writes such a picture to a file. ``explore`` makes a page in which the backward pass is stepped and
played. ``plot_history`` draws the loss and accuracy of a training run,
``plot_decision_boundary``, ``plot_confusion``, ``plot_images`` and ``plot_weights`` what came of
it, ``plot_gradient_check`` whether its gradient was right. For pictures of your own in the same
look there are ``new_figure``, ``style_axes``, ``count_epochs``, ``save_figure``, ``COLOURS`` and
``INK``.
"""

from __future__ import annotations

from viz.explorer.explorer_page import Explorer as Explorer
from viz.explorer.explorer_page import explore as explore
from viz.figures import COLOURS as COLOURS
from viz.figures import INK as INK
from viz.figures import count_epochs as count_epochs
from viz.figures import new_figure as new_figure
from viz.figures import save_figure as save_figure
from viz.figures import style_axes as style_axes
from viz.graphs.computation_graph import draw_graph as draw_graph
from viz.networks.network_diagram import draw_network as draw_network
from viz.plots.confusion_plots import plot_confusion as plot_confusion
from viz.plots.decision_boundary import plot_decision_boundary as plot_decision_boundary
from viz.plots.gradient_plots import plot_gradient_check as plot_gradient_check
from viz.plots.history_plots import plot_history as plot_history
from viz.plots.network_plots import plot_images as plot_images
from viz.plots.network_plots import plot_weights as plot_weights
from viz.programs.program_graph import draw_program as draw_program
from viz.rendering import render as render

__autograd_library__ = True  # errors name the caller's line, not one in here

__all__ = [
    "COLOURS",
    "INK",
    "Explorer",
    "count_epochs",
    "draw_graph",
    "draw_network",
    "draw_program",
    "explore",
    "new_figure",
    "plot_confusion",
    "plot_decision_boundary",
    "plot_gradient_check",
    "plot_history",
    "plot_images",
    "plot_weights",
    "render",
    "save_figure",
    "style_axes",
]
