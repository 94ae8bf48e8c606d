"""The kernel's end of the widget's measures: a pipeline of idle nodes, and clocks round what the page asks for.

Times are milliseconds since the epoch, as the page's are: both read one machine's clock.
"""

import threading
import time

from IPython import get_ipython

from seeknal_nb.dag.graph import Graph
from seeknal_nb.dag.manifest import Manifest, Node
from seeknal_nb.notebook.project import Project
from seeknal_nb.workflow.events import NodeFinished
from tests.benchmarks.pipelines import DOMAIN, domains


def now():
    return time.time() * 1e3


class Bench:
    """The domains as the project of this notebook.

    Attributes:
        cell: When the last cell began, and when it had ended.
        handled: When each message of the page had come, by what it asked for.
    """

    def __init__(self, nodes):
        shell = get_ipython()
        self.cell, self.handled, self._nap, self._free = [], {}, 0.0, threading.Event()
        self._free.set()
        self.project = Project(kinds=dict.fromkeys(DOMAIN, self._work))
        self.project.manifest = _manifest(nodes)
        shell.magics_manager.registry["SeeknalMagics"].adopt(self.project)
        shell.events.register("pre_run_cell", self._begin)
        shell.events.register("post_run_cell", self._end)

    def _work(self, node):
        time.sleep(self._nap)
        self._free.wait()
        return {"row_count": 1}

    def _begin(self, info):
        if info.store_history:
            self.cell = [now()]

    def _end(self, result):
        if result.info.store_history:
            self.cell.append(now())

    def run(self, numbers, nap):
        """Run these nodes, ``nap`` seconds each; gives [number, when it had finished]."""
        self._nap, index, finished = nap, self.project.board.index, []

        def hear(event):
            if isinstance(event, NodeFinished) and index[event.result.node_id] in numbers:
                finished.append([index[event.result.node_id], now()])

        self.project.listeners.insert(0, hear)
        self.project.run(progress=False, nodes=self.project.board.ids(numbers), only=True)
        self.project.listeners.remove(hear)
        return finished

    def listen(self, numbers):
        """Note when each message comes, before the widget does anything about it.

        Gives these nodes, first those that fewest follow from: a click on their sign runs few. What runs from now on does
        so until ``rest``, since a busy page is told of short work only when it is over.
        """
        self._nap = 0.0
        self.project.run(progress=False)  # with all that a node reads there, a click on its sign begins with the node
        self._free.clear()
        widget, board = self.project.widget, self.project.board
        receive = widget._actions.receive
        widget.on_msg(receive, remove=True)

        def timed(widget, content, buffers):
            self.handled[content["do"]] = now()
            receive(widget, content, buffers)

        widget.on_msg(timed)
        graph = Graph(self.project.manifest)
        return sorted(numbers, key=lambda number: len(graph.downstream(board.ids([number]))))

    def rest(self):
        """Let what runs come to its end, and wait for that."""
        self._free.set()
        while self.project.background.busy:
            time.sleep(0.02)
        self._free.clear()


def _manifest(nodes):
    manifest, kind = Manifest("domains"), [DOMAIN[number % len(DOMAIN)] for number in range(nodes)]
    for number in range(nodes):
        manifest.add_node(Node(f"{kind[number]}.n{number}", f"n{number}", kind[number], config={"step": number}))
    for number, above in enumerate(domains(nodes)):
        for parent in above:
            manifest.add_edge(f"{kind[parent]}.n{parent}", f"{kind[number]}.n{number}")
    return manifest
