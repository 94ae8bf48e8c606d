"""A picture as text for other programs: DOT, Mermaid and JSON; knows no run, and needs no ``dot`` program."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from seeknal_nb.draw.collapse import collapse
from seeknal_nb.draw.picture import plain
from seeknal_nb.markup import cut
from seeknal_nb.status import LOOKS

if TYPE_CHECKING:
    from seeknal_nb.draw.picture import Mark, Picture
    from seeknal_nb.status import Look

__all__ = ["dot", "graph_json", "mermaid"]

LABEL: Final = 60
# Mermaid refuses text above 50,000 characters and more than 500 edges (its maxTextSize and maxEdges).
MERMAID_NODES: Final = 200
MERMAID_EDGES: Final = 500

# Mermaid reads a label as Markdown, then its entities, then as HTML: what could mean anything to one of them becomes an
# entity. Colons too: with "style" before and an entity behind, Mermaid takes the line for a style statement.
_MEANS_SOMETHING: Final = re.compile(r"(?<=[0-9])[.](?=[0-9])|(?<=[A-Za-z0-9])_(?=[A-Za-z0-9])|([!-+\--/:-@\[-`{-~])")

# Mermaid looks for formulas and for icons after it has decoded the entities; a zero-width space keeps these text.
_BREAK: Final = re.compile(r"\$(?=\$)|:(?=fa-)")


def dot(picture: Picture, *, note: str = "") -> str:
    """DOT source, all nodes, from left to right; ids are ``n0`` .. ``nN``, labels are text whatever they hold.

    ``note`` stands below the graph.
    """
    import graphviz  # noqa: PLC0415  of use to exports only

    graph = graphviz.Digraph(
        graph_attr={"rankdir": "LR", "bgcolor": "white"},
        node_attr={"shape": "box", "fontname": "Helvetica", "fontsize": "11"},
        edge_attr={"color": "#7B8794", "arrowsize": "0.7"},
    )
    for index, mark in enumerate(picture.marks):
        label = graphviz.nohtml("\\n".join(map(_dot_text, _lines(mark))))
        graph.node(f"n{index}", label=label, **_dot_style(LOOKS[mark.look]))
    for start, end in picture.edges:
        graph.edge(f"n{start}", f"n{end}")
    if note:
        graph.attr(label=graphviz.nohtml(_dot_text(note)), fontname="Helvetica")
    return str(graph.source)


def _dot_text(text: str) -> str:
    """A label for ``nohtml``, which keeps "<...>" from being HTML; entities would be decoded, and backslashes obeyed."""
    return text.replace("&", "&amp;").replace("\\", "\\\\")


def _dot_style(look: Look) -> dict[str, str]:
    kind = "" if not look.dash else ",dotted" if look.italic else ",dashed"
    return {
        "style": f"rounded,filled{kind}",
        "fillcolor": look.light.fill,
        "color": look.light.edge,
        "fontcolor": look.light.sign,
        "penwidth": str(look.border),
    }


def mermaid(picture: Picture) -> str:
    """A Mermaid flowchart; groups instead of nodes, and a comment that says so, where Mermaid would refuse the size."""
    small = len(picture.marks) <= MERMAID_NODES and len(picture.edges) <= MERMAID_EDGES
    shown = collapse(picture, limit=MERMAID_NODES if small else min(MERMAID_NODES, len(picture.marks) - 1))
    lines = ["flowchart LR"]
    if shown.note:
        lines.append(f"  %% {shown.note}")
    for index, mark in enumerate(shown.picture.marks):
        label = "<br/>".join(map(_mermaid_text, _lines(mark)))
        lines.append(f'  n{index}["{label}"]:::{mark.look}')
    lines += [f"  n{start} --> n{end}" for start, end in shown.picture.edges]
    found = {mark.look for mark in shown.picture.marks}
    lines += [f"  classDef {name} {_mermaid_style(look)}" for name, look in LOOKS.items() if name in found]
    return "\n".join(lines) + "\n"


def _mermaid_text(text: str) -> str:
    broken = _BREAK.sub("\\g<0>\u200b", text)
    return _MEANS_SOMETHING.sub(lambda match: f"#{ord(match[1])};" if match[1] else match[0], broken)


def _mermaid_style(look: Look) -> str:
    paint = look.light
    parts = [f"fill:{paint.fill}", f"stroke:{paint.edge}", f"color:{paint.sign}", f"stroke-width:{look.border}px"]
    parts += [f"stroke-dasharray:{look.dash}"] if look.dash else []
    parts += ["font-weight:bold"] if look.bold else []
    parts += ["font-style:italic"] if look.italic else []
    return ",".join(parts)


def _lines(mark: Mark) -> list[str]:
    """Kind, sign and name, detail; each one short line in which nothing is hidden."""
    lines = (mark.kind, f"{LOOKS[mark.look].icon} {mark.name}", mark.detail)
    return [cut(plain(line), LABEL) for line in lines if line]


def graph_json(picture: Picture) -> str:
    """JSON in the node-link form of NetworkX: nodes with their status and look, edges with ``source`` and ``target``."""
    nodes = [
        {
            "id": mark.id,
            "kind": mark.kind,
            "name": mark.name,
            "status": mark.status,
            "look": mark.look,
            "tags": list(mark.tags),
            "detail": mark.detail,
        }
        for mark in picture.marks
    ]
    edges = [{"source": picture.marks[start].id, "target": picture.marks[end].id} for start, end in picture.edges]
    return json.dumps({"directed": True, "multigraph": False, "nodes": nodes, "edges": edges}, indent=2)
