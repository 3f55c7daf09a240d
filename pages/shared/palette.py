"""Colours of boxes and plots: those of Okabe and Ito, which colour-blind people can tell apart.

Plotly's charts use the same ones: ``chartCategoricalColors`` in ``.streamlit/config.toml``.
"""

COLOURS = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#f0e442")
BLUE, ORANGE, GREEN, RED = COLOURS[:4]
# Lines and text leave out yellow, which hardly shows on white.
LINE_COLOURS = COLOURS[:6]
# Baselines, visible on light and dark.
GREY = "#8a9491"
