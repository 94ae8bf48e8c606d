"""``%seeknal`` and ``%%seeknal``: a line is split, looked up and answered; what a command does stands elsewhere."""

from __future__ import annotations

import ast
import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand
from IPython.display import display
from traitlets import Bool, Int, Unicode

from seeknal_nb.authoring.decorators import LISTENING
from seeknal_nb.errors import UsageError
from seeknal_nb.notebook.completer import Completer
from seeknal_nb.notebook.session import Session
from seeknal_nb.owner import is_known, owner_here
from seeknal_nb.storage.files import io_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from IPython.core.interactiveshell import InteractiveShell

    from seeknal_nb.authoring.decorators import Declared
    from seeknal_nb.notebook.project import Project
    from seeknal_nb.pipeline import Pipeline

__all__ = ["SeeknalMagics", "load", "uncommented", "unload"]

VARIABLE = "seeknal"
LINE = "get_ipython().run_line_magic('seeknal', "
SHOW = "get_ipython().find_line_magic('seeknal').__self__.show"


@magics_class
class SeeknalMagics(Magics):
    """The magics of one shell, and the project that they work on, which the notebook sees as ``seeknal``."""

    project = Unicode(".", help="the project's folder").tag(config=True)
    engine = Unicode("", help="the engine (default: duckdb, or what pyproject.toml says)").tag(config=True)
    workers = Int(0, help="how many nodes run at a time (default: 1)").tag(config=True)
    executor = Unicode("", help="where nodes run: here (default), processes or dask://host:port").tag(config=True)
    state = Unicode("", help="where state is kept: sqlite:///FILE, postgresql://HOST/DB").tag(config=True)
    outputs = Unicode("", help="where builds are shared: s3://BUCKET/PREFIX").tag(config=True)
    raise_on_failure = Bool(True, help="end the cell in an error where a node failed").tag(config=True)  # noqa: FBT003

    def __init__(self, shell: InteractiveShell, **options: Any) -> None:
        super().__init__(shell, **options)
        self.headless = False
        self.make: Callable[..., Project] | None = None
        self._opened: tuple[str, Project] | None = None
        self._told: dict[str, Any] | None = None
        self.each_answers = EachAnswers()
        self.session = Session(shell, self._cell_ended)
        self.completer = Completer(shell, self.known, lambda: self.project)

    def declared(self, found: Declared) -> None:
        """Take a function of this notebook that a decorator makes a node of."""
        if getattr(found.function, "__module__", None) == "__main__":
            project = self.opened()
            self.session.defined(project, [project.declare(found)])

    def opened(self) -> Project:
        """The project, made on first use and again when another folder is configured."""
        told = {name: getattr(self, name) or None for name in ("engine", "workers", "executor", "state", "outputs")}
        if self._opened is not None and self._opened[0] == self.project:
            self._refuse_other(told)
            return self._opened[1]
        if self.make is None:
            from seeknal_nb.notebook.project import Project  # noqa: PLC0415 - loading the extension stays quick

            self.make = Project
        project = self.adopt(self.make(self.project, **told))
        self._told = told
        return project

    def _refuse_other(self, told: dict[str, Any]) -> None:
        """A project keeps the engine, the executor and the rest that it was opened with; its nodes would be lost else."""
        changed = [name for name, value in told.items() if self._told is not None and self._told[name] != value]
        if changed:
            why = f"{self.project!r} is open already, with another {changed[0]}"
            remedy = "set it back; it is told before the first node, or in pyproject.toml"
            raise UsageError(f"SeeknalMagics.{changed[0]} has no effect now", why=why, remedy=remedy)

    def _cell_ended(self) -> None:
        if self._opened is not None:
            self._opened[1].cell_ended()

    def known(self) -> Pipeline | None:
        """The project, if it has been made; None where the notebook has given its name to something else."""
        from seeknal_nb.pipeline import Pipeline  # noqa: PLC0415 - a twentieth of a second

        found: Any = self.shell.user_ns.get(VARIABLE)
        return found if isinstance(found, Pipeline) else None

    def adopt(self, project: Project) -> Project:
        """Work on this project from now on; the former one lets go of its engine."""
        if self._opened is not None and self._opened[1] is not project:
            self._opened[1].close()
        project.namespace = self.shell.user_ns
        project.cell_of, project.cell_id_of = self.session.cell_of, self.session.cell_id_of
        if not is_known(project.owner):  # VS Code tells it in the namespace
            project.owner = owner_here(project.directory, self.shell.user_ns)
        self._opened, self._told = (self.project, project), None
        self.shell.user_ns[VARIABLE] = project
        self.shell.user_ns_hidden[VARIABLE] = project
        return project

    def close(self) -> None:
        """Let go of the project, and of the notebook's name for it."""
        if self._opened is not None:
            project = self._opened[1]
            project.close()
            if self.shell.user_ns.get(VARIABLE) is project:
                del self.shell.user_ns[VARIABLE]

    @no_var_expand
    @line_cell_magic
    def seeknal(self, line: str, cell: str | None = None) -> Any:
        """Define and run pipelines; `%seeknal -h` lists the commands, `%seeknal run -h` the options of one."""
        from seeknal_nb.grammar import Help, split_line  # noqa: PLC0415 - loading the extension stays quick
        from seeknal_nb.notebook import face  # noqa: PLC0415

        try:
            with io_errors():
                return self._answer(split_line(line.rstrip().removesuffix(";")), cell)
        except Help as text:
            return None if self.headless else face.show_text(str(text))

    def show(self, answer: object) -> None:
        """Show what a line gave that is not the last of its cell; what seems to be gone may be defined again below it."""
        from seeknal_nb.notebook.registered import Registered  # noqa: PLC0415 - loading the extension stays quick

        if isinstance(answer, Registered):
            notes = self.session.notes()
            answer = replace(answer, lines=tuple(line for line in answer.lines if line not in notes))
        if answer is not None:
            display(answer)

    def _answer(self, words: Sequence[str], cell: str | None) -> Any:
        from seeknal_nb.authoring.cell import check_kind  # noqa: PLC0415
        from seeknal_nb.commands import with_installed  # noqa: PLC0415
        from seeknal_nb.notebook.commands import NOTEBOOK_COMMANDS  # noqa: PLC0415

        project = self.opened()
        if words[:1] == ["help"]:
            words = [*words[1:2], "-h"]
        if not words and cell is not None:
            return self._register_yaml(project, cell)
        if words and words[0] in project.known_kinds():
            return self._register(project, words[0], words[1:], cell or "")
        if words and not words[0].startswith("-"):
            check_kind(words[0], project.known_kinds(), [*with_installed(NOTEBOOK_COMMANDS), "help"])
        if cell is not None:
            raise UsageError(f"{' '.join(words)!r} takes no body", remedy="write it as a line: %seeknal ...")
        return self._command(project, words)

    def _register_yaml(self, project: Project, text: str) -> Any:
        from seeknal_nb.notebook.registered import registered  # noqa: PLC0415

        if not text.strip():
            raise UsageError("the cell is empty", remedy="write %%seeknal KIND NAME and a body, or YAML below %%seeknal")
        text = f"\n{text}"  # an error counts the cell's lines, of which the magic's is the first
        self.session.defined(project, node_ids := project.add_yaml(text))
        return registered(project, node_ids, notes=self.session.notes())

    def _register(self, project: Project, kind: str, words: Sequence[str], body: str) -> Any:
        from seeknal_nb.authoring.cell import define  # noqa: PLC0415
        from seeknal_nb.notebook import face  # noqa: PLC0415
        from seeknal_nb.notebook.registered import registered  # noqa: PLC0415

        found = define(kind, words, body, project.kinds)
        node_id = project.node(found.kind, found.name, **found.config)
        self.session.defined(project, [node_id])
        if not found.run or self.headless:
            return registered(project, [node_id], notes=self.session.notes())
        face.show_run(project.stream(nodes=[node_id], only=True, command=f"run --nodes {node_id} --only"), project)
        self._raise_failures(project.summary)
        return project.show(node_id)

    def _command(self, project: Project, words: Sequence[str]) -> Any:
        from seeknal_nb.arguments import parse_words  # noqa: PLC0415
        from seeknal_nb.commands import with_installed  # noqa: PLC0415
        from seeknal_nb.notebook import face  # noqa: PLC0415
        from seeknal_nb.notebook.commands import NOTEBOOK_COMMANDS  # noqa: PLC0415

        options = parse_words(words, with_installed(NOTEBOOK_COMMANDS), prog="%seeknal")
        if self.headless and options.command not in ("parse", "remove", "load"):
            from seeknal_nb.notebook.absent import Absent  # noqa: PLC0415

            return Absent()
        if where := getattr(options, "where", None):
            remedy = f"write --nodes {where} for a node; this notebook's nodes are what runs"
            raise UsageError(f"{where!r} is no option, and a notebook cannot be named here", remedy=remedy)
        things = with_installed(NOTEBOOK_COMMANDS)[options.command].run(project, options)
        if options.command not in ("run", "retry") or options.background:
            return face.value_of(things, options)
        summary = face.show_run(things, project)
        if self.raise_on_failure and not options.no_raise:
            self._raise_failures(summary)
        return summary

    def _raise_failures(self, summary: Any) -> None:
        from seeknal_nb.notebook.registered import failure  # noqa: PLC0415

        if summary is not None and summary.failed:
            raise failure(summary)


class EachAnswers(ast.NodeTransformer):
    """Shows what each ``%seeknal`` line of a cell gives, for IPython shows only the last expression."""

    def visit_Module(self, node: ast.Module) -> ast.Module:
        """The cell, its lines but the last one shown as they come."""
        for statement in node.body[:-1]:
            if isinstance(statement, ast.Expr) and ast.unparse(statement.value).startswith(LINE):
                shown = ast.Call(ast.parse(SHOW, mode="eval").body, [statement.value], [])
                statement.value = ast.fix_missing_locations(ast.copy_location(shown, statement.value))
        return node


def uncommented(lines: list[str]) -> list[str]:
    """The cell without the comments above its ``%%seeknal``, which would make IPython take it for Python."""
    for number, line in enumerate(lines):
        if line.startswith("%%seeknal"):
            return lines[number:]
        if line.strip() and not line.lstrip().startswith("#"):
            break
    return lines


def load(shell: InteractiveShell) -> SeeknalMagics:
    """Register the magics, once a shell."""
    registry = shell.magics_manager.registry
    magics: SeeknalMagics | None = registry.get("SeeknalMagics")
    if magics is not None:
        return magics
    magics = SeeknalMagics(shell)
    shell.register_magics(magics)
    shell.input_transformers_cleanup.append(uncommented)
    shell.ast_transformers.append(magics.each_answers)
    shell.Completer.custom_matchers.append(magics.completer.matcher)
    magics.session.open()
    LISTENING.append(magics.declared)
    return magics


def unload(shell: InteractiveShell) -> None:
    """Take the magics away, and let go of the engine."""
    magics = shell.magics_manager.registry.pop("SeeknalMagics", None)
    if uncommented in shell.input_transformers_cleanup:
        shell.input_transformers_cleanup.remove(uncommented)
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("seeknal", None)
    if magics is None:
        return
    with contextlib.suppress(ValueError):
        shell.configurables.remove(magics)
    with contextlib.suppress(ValueError):
        shell.Completer.custom_matchers.remove(magics.completer.matcher)
    if magics.each_answers in shell.ast_transformers:
        shell.ast_transformers.remove(magics.each_answers)
    if magics.declared in LISTENING:
        LISTENING.remove(magics.declared)
    magics.session.close()
    magics.close()
