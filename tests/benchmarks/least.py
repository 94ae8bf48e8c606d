"""The least widget that shows itself, is clicked and is told of something: the floor of the graph's."""

import time

import anywidget

SCRIPT = """
export default {
  render({ model, el }) {
    let clicks = 0;
    const button = document.createElement("button");
    button.className = "least";
    button.textContent = "x";
    button.onclick = () => {
      button.dataset.asked = ++clicks;
      model.send({ n: clicks });
    };
    model.on("msg:custom", ({ n }) => { button.dataset.said = n; });
    el.append(button);
  },
};
"""


class Least(anywidget.AnyWidget):
    """A button; what a click sends comes back.

    Attributes:
        handled: Milliseconds since the epoch at which each click had come.
    """

    _esm = SCRIPT

    def __init__(self):
        super().__init__()
        self.handled = []
        self.on_msg(self._receive)

    def _receive(self, _widget, content, _buffers):
        self.handled.append(time.time() * 1e3)
        self.send(content)

    def tick(self, count, nap):
        """Tell the page ``count`` things, ``nap`` seconds apart, none of which is the number of a click; gives [what, milliseconds]."""
        told = []
        for number in range(-1, -1 - count, -1):
            time.sleep(nap)
            told.append([number, time.time() * 1e3])
            self.send({"n": number})
        return told
