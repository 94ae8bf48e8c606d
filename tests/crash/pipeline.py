"""The projects that are struck: small enough for a run to take a tenth of a second."""

from __future__ import annotations

from pathlib import Path

FILES = {
    "orders.csv": "id,who,amount\n" + "".join(f"{n},{'abc'[n % 3]},{n * 7 % 50}\n" for n in range(1, 61)),
    "seeknal/orders.yml": "kind: source\nname: orders\npath: orders.csv\n",
    "seeknal/paid.yml": "kind: transform\nname: paid\nsql: SELECT id, who, amount * 2 AS amount FROM source.orders ORDER BY id\n",
    "seeknal/spent.py": (
        "from seeknal_nb import transform\n\n\n@transform\ndef spent(paid):\n    print('summing', len(paid))\n"
        "    return paid.groupby('who', as_index=False)['amount'].sum()\n"
    ),
    "seeknal/sound.yml": "kind: rule\nname: sound\non: transform.paid\nchecks:\n  - not_null: [id]\n",
    "days/1.csv": "ts,amount\n2024-01-01 08:00:00,1\n2024-01-02 09:00:00,2\n",
    "days/2.csv": "ts,amount\n2024-01-02 10:00:00,3\n,4\n",
    "seeknal/days.yml": "kind: source\nname: days\npath: days/*.csv\npartition_by: day(ts)\n",
    "seeknal/daily.yml": (
        "kind: transform\nname: daily\npartition_by: inherit\n"
        "sql: SELECT ts::DATE AS day, sum(amount) AS amount FROM source.days GROUP BY ALL\n"
    ),
    "seeknal/report.yml": "kind: exposure\nname: report\ninputs: [transform.spent]\npath: out/report.csv\n",
}
"""A file, SQL, Python that prints, a rule, a delivery, and two nodes in partitions."""
HELD = {
    "hold": "",
    "seeknal/held.py": (
        "from seeknal_nb import transform\n\n\n@transform\ndef held():\n    import os\n    import time\n"
        "    while os.path.exists('hold'):\n        time.sleep(0.005)\n    return [{'k': 1}]\n"
    ),
}
"""A node that works as long as a file is there."""


def write(root: Path, files: dict[str, str]) -> Path:
    """The project's files, below a folder that is made."""
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return root


def edit(root: Path) -> None:
    """Change what all but the source depend on, and one day of those in partitions."""
    (root / "days/2.csv").write_text(FILES["days/2.csv"].replace(",3", ",5"))
    (root / "seeknal/paid.yml").write_text(FILES["seeknal/paid.yml"].replace("amount * 2", "amount * 3"))
