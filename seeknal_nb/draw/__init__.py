"""Pictures of a pipeline, as SVG and as text, from marks and edges alone; nothing here knows what a node does."""

from seeknal_nb.draw.layout import Box, Layout, layout
from seeknal_nb.draw.picture import LOOKS, Mark, Picture, StatusLook, counts, legend
from seeknal_nb.draw.svg import svg
from seeknal_nb.draw.text import dot, graph_json, mermaid

__all__ = [
    "LOOKS",
    "Box",
    "Layout",
    "Mark",
    "Picture",
    "StatusLook",
    "counts",
    "dot",
    "graph_json",
    "layout",
    "legend",
    "mermaid",
    "svg",
]
