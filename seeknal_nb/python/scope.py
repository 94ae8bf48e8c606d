"""Which names a block of Python reads before it has certainly bound them, found in its tree alone; knows no node."""

# ruff: noqa: D102, N815  # ast.NodeVisitor names the methods, and its documentation says what they are for

from __future__ import annotations

import ast
from functools import reduce
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["DEFS", "SCOPES", "Scope", "block", "bound_by", "targets"]

DEFS = (ast.FunctionDef, ast.AsyncFunctionDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
SCOPES = (*DEFS, ast.ClassDef, ast.Lambda)

State: TypeAlias = "frozenset[str] | None"
"""The names that are bound for certain at one point; None where the program cannot come."""


def block(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Every node that runs with the block itself: an inner function or class is given, what is in it is not."""
    for node in nodes:
        yield node
        if isinstance(node, _COMPREHENSIONS):
            yield from (inner for inner in ast.walk(node) if isinstance(inner, ast.NamedExpr))
        elif not isinstance(node, SCOPES):
            yield from block(ast.iter_child_nodes(node))


def bound_by(nodes: Iterable[ast.AST]) -> frozenset[str]:
    """The names that a block binds or deletes."""
    return frozenset(name for node in block(nodes) for name in targets(node))


def targets(node: ast.AST) -> Iterator[str]:
    """The names that one node itself binds or deletes."""
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.NamedExpr(target=ast.Name(id=name)):
            yield name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
            yield name
        case ast.ExceptHandler(name=str(name)):
            yield name
        case ast.alias(name=name, asname=asname):
            yield asname or name.partition(".")[0]


def _join(*states: State) -> State:
    """Bound for certain where several ways meet."""
    ways = [state for state in states if state is not None]
    return reduce(frozenset.intersection, ways) if ways else None


class Scope(ast.NodeVisitor):
    """Walks one block in the order in which it runs.

    ``reads`` maps each name that is read before it is certainly bound to whether it may have been bound each time.
    A function reads its free names when it is called, so when its name is first used, and at ``finish`` if it never is.
    Names in ``local`` belong to the block alone, in whatever order they are used: so Python treats a function's.
    """

    def __init__(self, body: Iterable[ast.AST], *, local: frozenset[str] = frozenset(), annotated: bool = True) -> None:
        nodes = list(body)
        self.local = local
        self.bound = bound_by(nodes)
        self.reads: dict[str, bool] = {}
        self.may: set[str] = set()
        self.later: dict[str, tuple[str, ...]] = {}
        self._must: State = frozenset()
        self._used: set[str] = set()
        self._breaks: list[list[State]] = []
        # As strings, annotations are read by nobody.
        self._annotated = annotated and not any(map(_makes_annotations_strings, nodes))
        self._each(nodes)

    def finish(self) -> None:
        """Read what the functions read that the block never used."""
        for name in [name for name in self.later if name not in self._used]:
            for read in self.later[name]:
                self._read(read)

    def _each(self, nodes: Iterable[ast.AST | None]) -> None:
        for node in filter(None, nodes):
            self.visit(node)

    def _branch(self, state: State, *nodes: ast.AST | None) -> State:
        self._must = state
        self._each(nodes)
        return self._must

    def _read(self, name: str, *, late: bool = False) -> None:
        """A read of the name, and of all that the function of that name will read; ``late`` if it may happen later."""
        todo = [name]
        seen: set[str] = set()
        while todo:
            read = todo.pop()
            if read in seen:
                continue
            seen.add(read)
            if self._must is not None and read not in self._must and read not in self.local:
                perhaps = read in self.may or (late and read in self.bound)
                self.reads[read] = self.reads.get(read, True) and perhaps
            todo.extend(reversed(self.later.get(read, ())))
        self._used |= seen

    def _bind(self, *names: str) -> None:
        self.may.update(names)
        self._must = None if self._must is None else self._must.union(names)

    def _unbind(self, name: str) -> None:
        self._must = None if self._must is None else self._must - {name}

    def _defer(self, name: str, reads: Iterable[str]) -> None:
        self.later[name] = tuple(dict.fromkeys((*self.later.get(name, ()), *reads)))

    # Names, and what binds them.

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Store):
            self._bind(node.id)
        else:
            self._read(node.id)
        if isinstance(node.ctx, ast.Del):
            self._unbind(node.id)

    def visit_alias(self, node: ast.alias) -> None:
        self._bind(*targets(node))

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self._each([node.value, node.target])

    def visit_Assign(self, node: ast.Assign) -> None:
        if isinstance(node.value, ast.Lambda) and all(isinstance(target, ast.Name) for target in node.targets):
            self._each(_defaults(node.value.args))
            for target in node.targets:
                self._defer(ast.unparse(target), self._function(node.value))
        else:
            self.visit(node.value)
        self._each(node.targets)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self._read(node.target.id)
        self._each([node.value, node.target])

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._each([node.value])
        if self._annotated and not self.local:  # a function never evaluates the annotations in its block
            self.visit(node.annotation)
        if node.value or not isinstance(node.target, ast.Name):
            self.visit(node.target)

    def visit_TypeAlias(self, node: Any) -> None:  # ast.TypeAlias came with 3.12
        self._defer(node.name.id, _without(Scope([node.value]).reads, _type_params(node)))
        self._bind(node.name.id)

    # Functions, classes, comprehensions.

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> tuple[str, ...]:
        """What a function reads from outside when it is called, after what its annotations read."""
        body = [node.body] if isinstance(node, ast.Lambda) else node.body
        outer = {n for inner in block(body) if isinstance(inner, (ast.Global, ast.Nonlocal)) for n in inner.names}
        args = {arg.arg for arg in ast.walk(node.args) if isinstance(arg, ast.arg)}
        local = (bound_by(body) - outer) | args | {"__class__"}
        scope = Scope(body, local=local, annotated=self._annotated)
        scope.finish()
        self.may |= outer & scope.may
        annotations = Scope(_annotations(node)).reads if self._annotated else {}
        return _without((*annotations, *scope.reads), _type_params(node))

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._each([*node.decorator_list, *_defaults(node.args)])
        self._defer(node.name, self._function(node))
        self._bind(node.name)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.visit_FunctionDef(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._each(_defaults(node.args))
        for name in self._function(node):
            self._read(name, late=True)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """The block of a class runs at once; its functions do not see the names that it binds."""
        self._each([*node.decorator_list, *node.bases, *node.keywords])
        inner, params = Scope(node.body, annotated=self._annotated), _type_params(node)
        for name in _without(inner.reads, params):
            self._read(name)
        self._defer(node.name, _without((name for reads in inner.later.values() for name in reads), params))
        self._bind(node.name)

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> None:
        """Its targets are its own, and its first iterable is the outer block's. ``:=`` in it binds outside, perhaps."""
        self.visit(node.generators[0].iter)
        before = self._must
        own = bound_by(part.target for part in node.generators)
        self._must = None if before is None else before | own
        for part in node.generators:
            if part is not node.generators[0]:
                self.visit(part.iter)
            for test in part.ifs:
                self._must = self._test(test)[0]
        self._each([node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt])
        self._must = before

    visit_ListComp = visit_SetComp = visit_GeneratorExp = visit_DictComp = _comprehension

    # Ways that part and meet.

    def _test(self, node: ast.expr) -> tuple[State, State]:
        """The state where the condition holds, and where it does not."""
        match node:
            case ast.BoolOp(op=op, values=[first, *rest]):
                on = 0 if isinstance(op, ast.And) else 1  # which outcome goes on to the next operand
                ways = self._test(first)
                going, done = ways[on], ways[1 - on]
                for value in rest:
                    self._must = going
                    ways = self._test(value)
                    going, done = ways[on], _join(done, ways[1 - on])
                return (going, done) if on == 0 else (done, going)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                yes, no = self._test(operand)
                return no, yes
            case ast.Constant(value=value):
                return (self._must, None) if value else (None, self._must)
        self.visit(node)
        return self._must, self._must

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        self._must = _join(*self._test(node))

    def visit_IfExp(self, node: ast.IfExp) -> None:
        yes, no = self._test(node.test)
        self._must = _join(self._branch(yes, node.body), self._branch(no, node.orelse))

    def visit_If(self, node: ast.If) -> None:
        yes, no = self._test(node.test)
        self._must = _join(self._branch(yes, *node.body), self._branch(no, *node.orelse))

    def visit_Assert(self, node: ast.Assert) -> None:
        yes, no = self._test(node.test)
        self._branch(no, node.msg)
        self._must = yes

    def visit_While(self, node: ast.While) -> None:
        self.may |= bound_by([node])
        yes, no = self._test(node.test)
        self._loop(yes, no, node)

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        self.visit(node.iter)
        self.may |= bound_by([node])
        before = self._must
        self.visit(node.target)
        self._loop(self._must, before, node)

    def visit_AsyncFor(self, node: ast.AsyncFor) -> None:
        self.visit_For(node)

    def _loop(self, enter: State, leave: State, node: ast.For | ast.AsyncFor | ast.While) -> None:
        self._breaks.append([])
        self._branch(enter, *node.body)
        breaks = self._breaks.pop()
        self._must = _join(self._branch(leave, *node.orelse), *breaks)

    def visit_Break(self, _: ast.Break) -> None:
        self._breaks[-1].append(self._must)
        self._must = None

    def visit_Continue(self, _: ast.Continue) -> None:
        self._must = None

    def visit_Return(self, node: ast.Return | ast.Raise) -> None:
        self.generic_visit(node)
        self._must = None

    def visit_Raise(self, node: ast.Raise) -> None:
        self.visit_Return(node)

    def visit_Try(self, node: Any) -> None:  # also ast.TryStar, which has the same fields
        before = self._must
        ends = [self._branch(before, *node.body, *node.orelse)]
        ends += [self._branch(before, handler) for handler in node.handlers]
        last = self._branch(before, *node.finalbody)
        after = _join(*ends)
        gained = frozenset[str]() if last is None or before is None else last - before
        self._must = None if after is None or last is None else after | gained

    visit_TryStar = visit_Try

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        self._each([node.type])
        self._bind(*targets(node))
        self._each(node.body)
        self._unbind(node.name or "")

    def visit_Match(self, node: ast.Match) -> None:
        self.visit(node.subject)
        before = self._must
        ends = [self._branch(before, case) for case in node.cases]
        match node.cases[-1]:
            case ast.match_case(pattern=ast.MatchAs(pattern=None), guard=None):
                self._must = _join(*ends)
            case _:
                self._must = _join(before, *ends)

    def visit_match_case(self, node: ast.match_case) -> None:
        self.visit(node.pattern)
        if node.guard:
            self._must = self._test(node.guard)[0]
        self._each(node.body)

    def visit_MatchAs(self, node: ast.MatchAs | ast.MatchStar | ast.MatchMapping) -> None:
        self.generic_visit(node)
        self._bind(*targets(node))

    visit_MatchStar = visit_MatchMapping = visit_MatchAs


def _makes_annotations_strings(node: ast.AST) -> bool:
    future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
    return future and any(alias.name == "annotations" for alias in getattr(node, "names", ()))


def _defaults(args: ast.arguments) -> list[ast.expr | None]:
    return [*args.defaults, *args.kw_defaults]


def _annotations(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> list[ast.expr]:
    args = [arg.annotation for arg in ast.walk(node.args) if isinstance(arg, ast.arg)]
    return [note for note in (*args, getattr(node, "returns", None)) if note]


def _type_params(node: Any) -> set[str]:
    return {param.name for param in getattr(node, "type_params", ())}


def _without(names: Iterable[str], own: set[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name not in own)
