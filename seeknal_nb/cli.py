"""The command line: words to a command, its things to text, and an exit code. Knows nothing that a command knows."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from seeknal_nb.errors import CycleError, ManyErrors, SeeknalError, StateError, UsageError
from seeknal_nb.markup import esc_term

if TYPE_CHECKING:
    import argparse
    from collections.abc import Generator, Iterator, Sequence

    from seeknal_nb.commands import Command

__all__ = ["main", "seeknal"]

INTERRUPTED = 130
BROKEN_PIPE = 141
PREFIX = "Error: "
GO_ON = "let it lead to where there is room, then run again; what was finished is kept"
SIGNALS = {"SIGINT": INTERRUPTED, "SIGTERM": 143, "SIGHUP": 129}


class _Signalled(KeyboardInterrupt):
    """SIGINT, which Ctrl-C sends, SIGTERM or SIGHUP; ``code`` is what the process ends with."""

    def __init__(self, code: int) -> None:
        super().__init__()
        self.code = code


def main(words: Sequence[str] | None = None, *, prog: str = "seeknal-nb") -> int:
    """Run one command; gives the exit code: 0 good, 1 a node failed, 2 wrong use, 75 locked, 130 interrupted."""
    program, words = words is None, list(sys.argv[1:] if words is None else words)
    debug = "--debug" in words
    _open_streams()
    listened = _listen(ends=program)
    try:
        code = _main(words, prog)
        with _output():
            sys.stdout.flush()
    except (SeeknalError, OSError) as error:
        if debug:
            raise
        return _refuse(error)
    except KeyboardInterrupt as error:
        return _leave(getattr(error, "code", INTERRUPTED))
    except _Unheard as error:
        return _unheard(error.why)
    finally:
        for number, handler in () if program else listened.items():
            signal.signal(number, handler or signal.SIG_DFL)
    return code


def seeknal() -> int:
    """The script ``seeknal``: ours, unless the distribution of that name is installed, whose command it is then."""
    if find_spec("seeknal") is None:
        return main(prog="seeknal")
    from importlib import metadata  # noqa: PLC0415 - a third of a help text's time

    points = metadata.entry_points(group="console_scripts", name="seeknal")
    theirs = [
        p for p in points if p.dist is not None and p.dist.name != "seeknal_nb" and not p.value.startswith("seeknal_nb")
    ]
    if not theirs:
        return main(prog="seeknal")
    sys.stderr.write("seeknal: handing over to the distribution 'seeknal'; seeknal-nb is this program\n")
    return int(theirs[0].load()() or 0)


def _main(words: list[str], prog: str) -> int:
    from seeknal_nb import arguments, commands  # noqa: PLC0415 - a version needs none of them
    from seeknal_nb.grammar import Help  # noqa: PLC0415
    from seeknal_nb.workflow.signals import insistent  # noqa: PLC0415

    if words in (["--version"], ["-V"]):
        from seeknal_nb import __version__  # noqa: PLC0415

        _say(f"seeknal_nb {__version__}\n")
        return 0
    try:
        known = commands.COMMANDS
        if not words or words[0] not in known:  # to look for those of others takes a tenth of a run
            known = commands.with_installed(known)
        options = arguments.parse_words(words, known, prog=prog, shell=True)
    except Help as text:
        _say(f"{text}")
        return 0
    # From where the words were typed; a notebook's cells run in its own folder.
    for name in ("save", "old_manifest", "old", "folder"):
        if getattr(options, name, None):
            setattr(options, name, str(Path(getattr(options, name)).absolute()))
    plain = getattr(options, "format", "text") == "text"
    with contextlib.nullcontext(sys.stdout) if plain else _one_document() as out, insistent():
        project = _project(options, known[options.command])
        try:
            return _show(known[options.command].run(project, options), options, out)
        finally:
            project.close()


def _project(options: argparse.Namespace, command: Command) -> Any:
    from seeknal_nb.project import Project  # noqa: PLC0415

    where = getattr(options, "where", None)
    directory = _directory(options)
    kept = {name: getattr(options, name) for name in ("state_dir", "state", "outputs")}
    if where is not None and where.endswith(".ipynb"):
        from seeknal_nb.notebook.headless import load_notebook  # noqa: PLC0415 - IPython is a quarter of a second

        given = directory if options.project else None
        return load_notebook(Path(where), directory=given, **kept)
    if where is not None and not Path(where).is_dir():
        remedy = f"a node is named with --nodes {where}; a notebook ends in .ipynb"
        raise UsageError(f"no notebook and no folder {where!r}", remedy=remedy)
    directory = Path(where) if where is not None else directory
    if command.anywhere:
        return Project(directory, **kept)
    return Project.open(directory, skip_unsupported=bool(options.skip_unsupported), **kept)


def _directory(options: argparse.Namespace) -> Path:
    """Where the command line's project is."""
    where = Path(getattr(options, "project", None) or ".")
    if not where.is_dir():
        raise UsageError(f"no folder {str(where)!r}", remedy="--project DIR names a folder that is there")
    return where


def _show(things: Generator[Any], options: argparse.Namespace, out: TextIO) -> int:
    """Print each thing as it comes; JSON is one document, of the last one."""
    from seeknal_nb.workflow.events import RunFinished  # noqa: PLC0415 - not for a help text
    from seeknal_nb.workflow.report import print_lines  # noqa: PLC0415

    form = getattr(options, "format", "text")
    code = 0
    last: Any = None
    with contextlib.closing(things):
        for thing in things:
            last = thing
            if isinstance(thing, RunFinished):
                code = 1 if thing.summary.failed_nodes else 0
                if thing.interrupted:  # the command ends here, with an exception
                    _print_last(thing.summary, form, out)
            if form == "text":
                with _output():
                    print_lines(_lines(thing))
    _print_last(last, form, out)
    return 1 if getattr(last, "bad", False) else code


def _print_last(last: Any, form: str, out: TextIO) -> None:
    """The summary of a run as text; or the one document of another form."""
    from seeknal_nb.workflow.events import ExecutionSummary  # noqa: PLC0415 - not for a help text
    from seeknal_nb.workflow.report import print_lines, summary_lines  # noqa: PLC0415

    if form == "text":
        lines = summary_lines(last) if isinstance(last, ExecutionSummary) else iter(())
    elif form == "json" and hasattr(last, "to_dict"):
        with _output():
            out.write(json.dumps(last.to_dict(), default=str) + "\n")
        lines = iter(())
    else:
        lines = iter(last.to(form).rstrip("\n").splitlines())
    with _output():
        print_lines(lines, out)


def _lines(thing: Any) -> Iterator[str]:
    from seeknal_nb.workflow.events import Event, ExecutionSummary  # noqa: PLC0415
    from seeknal_nb.workflow.plan import Plan  # noqa: PLC0415
    from seeknal_nb.workflow.report import event_lines, plan_lines  # noqa: PLC0415

    if isinstance(thing, Event):
        return event_lines(thing)
    if isinstance(thing, Plan):
        return plan_lines(thing)
    return iter(()) if isinstance(thing, ExecutionSummary) else iter(str(thing).splitlines())


def _refuse(error: SeeknalError | OSError) -> int:
    """Tell an error, and give its exit code; where standard error takes nothing more, that code has to tell it.

    An error of the system is one that no other place has made ours: a file that cannot be used, a folder that is gone.
    """
    if isinstance(error, OSError):
        from seeknal_nb.storage.files import refused  # noqa: PLC0415 - only for who is refused

        error = refused(error)
    try:
        print_error(error)
        sys.stderr.flush()
    except OSError:
        _quiet(sys.stderr)
    return error.exit_code


class _Unheard(Exception):  # noqa: N818 - it reads as what happened
    """Standard output takes nothing more; ``why`` is what the system said."""

    def __init__(self, why: OSError) -> None:
        super().__init__()
        self.why = why


@contextlib.contextmanager
def _output() -> Iterator[None]:
    """What is refused inside is what we say, and not a file of the project."""
    try:
        yield
    except OSError as error:
        raise _Unheard(error) from error


def _say(text: str) -> None:
    with _output():
        sys.stdout.write(text)


def _unheard(why: OSError) -> int:
    """The exit code where nobody hears us: nothing is wrong where a reader has seen enough."""
    _quiet(sys.stdout)
    if isinstance(why, BrokenPipeError):
        return BROKEN_PIPE
    return _refuse(StateError("cannot write to standard output", why=why.strerror or str(why), remedy=GO_ON))


def print_error(error: SeeknalError) -> None:
    """One error, or all of a pass, on standard error; further lines of one stand below its text, so that a caret points."""
    for one in error.errors if isinstance(error, ManyErrors) else [error]:
        lines = str(one).splitlines() or [""]
        told = "\n".join(esc_term(line) for line in lines).replace("\n", f"\n{' ' * len(PREFIX)}")
        sys.stderr.write(f"{PREFIX}{told}\n")
    if isinstance(error, CycleError):  # whose text is the spec's, without its remedy
        sys.stderr.write(f"Fix: {esc_term(error.remedy)}\n")


@contextlib.contextmanager
def _one_document() -> Iterator[TextIO]:
    """Standard output for another form than text, which is one document and nothing else.

    What is written there meanwhile, by a project's files, a body or a library in C, goes to standard error.
    """
    out = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):
        try:
            number = out.fileno()
        except (OSError, ValueError):  # somebody calls main() as a function, and reads what it writes
            yield out
            return
        out.flush()
        document = os.fdopen(os.dup(number), "w", encoding=out.encoding, errors=out.errors)
        os.dup2(sys.__stderr__.fileno() if sys.__stderr__ else os.open(os.devnull, os.O_WRONLY), number)
        try:
            yield document
        finally:
            os.dup2(document.fileno(), number)
            with _output():
                document.close()


def _open_streams() -> None:
    """Give a process that was started without standard streams some that lead nowhere.

    Else its first files have their numbers, and what a library writes to standard output stands in them.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w" if number else "r", closefd=False))


def _listen(*, ends: bool) -> dict[int, Any]:
    """Let each signal interrupt: SIGTERM and SIGHUP end a process without a ``finally`` by default.

    A second one ends the process at once, whatever goes on: what is finished is on the disk, and the system frees the locks.
    What nohup ignores, we do. Gives what listened before.

    Args:
        ends: Whether the process is ours to be ended; that of who calls main() as a function is interrupted again.
    """
    before: dict[int, Any] = {}
    said: list[int] = []

    def handler(number: int, _frame: object) -> None:
        code = SIGNALS[signal.Signals(number).name]
        if said and ends:
            os._exit(code)
        said.append(code)
        raise _Signalled(code)

    for name in SIGNALS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            with contextlib.suppress(ValueError):  # not in the main thread: somebody calls main() as a function
                before[number] = signal.signal(number, handler)
    return before


def _leave(code: int) -> int:
    """The exit code of an interrupted run; at once, where a Python body in a thread would hold the process up."""
    if any(thread.name.startswith("seeknal_") for thread in threading.enumerate()):
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError):
                stream.flush()
        os._exit(code)
    exec("")  # noqa: S102 - else `python -m` ends as by SIGINT, where the interrupt has come through an exec of a text
    return code


def _quiet(stream: TextIO) -> None:
    """A stream is gone: keep the interpreter from complaining about it when it ends."""
    with contextlib.suppress(OSError, ValueError):  # somebody calls main() as a function
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
