"""A store of state that keeps every entry in a file of its own: ``toy:///folder``."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from seeknal_nb.workflow.lock import held
from seeknal_nb.workflow.stores import path_of

__all__ = ["toy_store"]


class Toy:
    """Entries by node, as ``<folder>/<node id>.json``; who holds it stands in ``<folder>/owner``."""

    left: str | None = None

    def __init__(self, folder: Path) -> None:
        self.folder, self.token = folder, 1

    def load(self) -> dict[str, Any]:
        return {path.stem: json.loads(path.read_text()) for path in self.folder.glob("*.json")}

    def acquire(self, owner: str) -> "Toy":
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with (self.folder / "owner").open("x") as file:
                file.write(owner)
        except FileExistsError as error:
            raise held(str(self.folder), (self.folder / "owner").read_text()) from error
        return self

    def put(self, node_id: str, entry: dict[str, Any]) -> None:
        (self.folder / f"{node_id}.json").write_text(json.dumps(entry))

    def forget(self, node_ids: Collection[str]) -> None:
        for node_id in node_ids:
            (self.folder / f"{node_id}.json").unlink(missing_ok=True)

    def renew(self) -> None:
        """Nobody takes it away."""

    def sync(self) -> None:
        """Each entry is written as it is put."""

    def release(self) -> None:
        (self.folder / "owner").unlink(missing_ok=True)


def toy_store(url: str, root: Path, project: str) -> Toy:
    return Toy(path_of(url, root) / (project or "unnamed"))
