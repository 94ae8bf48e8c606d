"""Pictures of a pipeline: as SVG, as text, and for a browser; from marks and edges alone, whatever a node does."""

from seeknal_nb.draw.collapse import BY
from seeknal_nb.draw.focus import focus
from seeknal_nb.draw.layout import Box, Layout, layout
from seeknal_nb.draw.page import page
from seeknal_nb.draw.picture import Mark, Picture, counts, legend
from seeknal_nb.draw.png import png
from seeknal_nb.draw.scene import Scene, edges_of, make_scene, nodes_of, snapshot_of
from seeknal_nb.draw.svg import svg
from seeknal_nb.draw.text import dot, graph_json, mermaid

__all__ = [
    "BY",
    "Box",
    "Layout",
    "Mark",
    "Picture",
    "Scene",
    "counts",
    "dot",
    "edges_of",
    "focus",
    "graph_json",
    "layout",
    "legend",
    "make_scene",
    "mermaid",
    "nodes_of",
    "page",
    "png",
    "snapshot_of",
    "svg",
]
