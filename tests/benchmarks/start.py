"""What it takes until something can be asked: the extension in a shell, the help text, a run of which nothing changed."""

from dataclasses import replace

from tests.benchmarks.measure import child, in_turn, python, row


def rows(options, directory):
    """The rows of this family, as they are measured."""
    repeat = max(5, options.repeat)
    given = in_turn(
        repeat,
        ours=lambda _: child("floors", "started", extension="seeknal_nb"),
        floor=lambda _: child("floors", "started", extension=""),
    )
    heavy = sorted({module for sample in given["ours"] for module in sample.told["heavy"]})
    what = f"%load_ext seeknal_nb, with {', '.join(heavy) if heavy else 'nothing heavy'} (floor: IPython)"
    shell = [replace(s, told={"inside": s.told["whole"]}) for s in given["floor"]]
    yield row(what, given["ours"], shell, "inside", unit="ms", goal=0 if heavy else 30, on="ours")
    given = in_turn(
        repeat,
        ours=lambda _: python("-m", "seeknal_nb", "--help"),
        bare=lambda _: python("-c", "pass"),
        duckdb=lambda _: python("-c", "import duckdb"),
    )
    yield row("--help (floor: python -c pass; CPU)", given["ours"], given["bare"], goal=0.12, on="ours")
    yield row("--help (floor: import duckdb; CPU)", given["ours"], given["duckdb"])
    child("ours", "small", directory=directory)
    python("-m", "seeknal_nb", "run", "--project", directory)
    given = in_turn(
        repeat,
        ours=lambda _: python("-m", "seeknal_nb", "run", "--project", directory),
        bare=lambda _: python("-c", "pass"),
    )
    yield row("`run` of three nodes, nothing changed (floor: python -c pass; CPU)", given["ours"], given["bare"], goal=0.22, on="ours")
