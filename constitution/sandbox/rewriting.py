"""What a template's tree is made into before it is compiled, so that all it does is paid for.

Loops pay for all their rounds before the first, blocks and macros each time they are entered; lists, slices, `~` and
comparisons go through the functions in `FUNCTIONS`. Operators, calls, filters and printed values need none of that:
Jinja's sandbox asks the environment about them (`environment.py`).
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from jinja2 import TemplateSyntaxError, nodes, pass_context
from jinja2.visitor import NodeTransformer

from constitution.sandbox.budget import CALL, ELEMENT
from constitution.sandbox.context import BoundedContext
from constitution.sandbox.operators import concatenate

# Of a node of the tree, each time it is come to; most take less time than it takes to write so many characters.
NODE = 4
REFUSED: dict[type[nodes.Node], str] = {
    nodes.Include: "include",
    nodes.Import: "import",
    nodes.FromImport: "from ... import",
    nodes.Extends: "extends",
    nodes.ScopedEvalContextModifier: "autoescape",
}
AnyNode = TypeVar("AnyNode", bound=nodes.Node)
Body = TypeVar("Body", nodes.Macro, nodes.CallBlock, nodes.Block)


@pass_context
def _loop(context: BoundedContext, iterable: Any, work: int) -> list[Any]:
    return context.budget.gather(iterable, work)


@pass_context
def _made(context: BoundedContext, value: Any) -> Any:
    context.budget.make(context.budget.measure(value))
    return value


@pass_context
def _slice(context: BoundedContext, value: Any) -> Any:
    # A part of a list is no larger than the list, so only the copy is to be paid for.
    context.budget.spend(CALL + len(value) * (1 if isinstance(value, str) else ELEMENT))
    return value


@pass_context
def _read(context: BoundedContext, value: Any) -> Any:
    context.budget.read(value)
    return value


@pass_context
def _tilde(context: BoundedContext, *values: Any) -> str:
    return concatenate(context.budget, values)


@pass_context
def _enter(context: BoundedContext, work: int) -> None:
    context.budget.spend(work)


# Filters by names that no template can write with a bar.
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "a loop": _loop,
    "a list": _made,
    "a slice": _slice,
    "a comparison": _read,
    "a tilde": _tilde,
    "a body": _enter,
}


def rewritten(template: nodes.Template) -> nodes.Template:
    """The tree with its work counted.

    Raises:
        TemplateSyntaxError: A tag that reads other templates, or changes how text is written.
    """
    made: nodes.Template = _Rewriter().visit(template)
    assert template.environment
    made.set_environment(template.environment)
    return made


class _Rewriter(NodeTransformer):
    def generic_visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> nodes.Node:
        if type(node) in REFUSED:
            raise TemplateSyntaxError(f"the tag {REFUSED[type(node)]!r} is not for templates here", node.lineno)
        return super().generic_visit(node, *args, **kwargs)

    def visit_For(self, node: nodes.For) -> nodes.Node:
        self.generic_visit(node)
        work = _work(node)
        if node.recursive:
            # It is entered again by a call, with other items.
            node.body.insert(0, _entering(work, node))
            work = 0
        node.iter = _through("a loop", node.iter, _at(node, nodes.Const(work)))
        return node

    def visit_Macro(self, node: nodes.Macro) -> nodes.Node:
        return self._entered(node)

    def visit_CallBlock(self, node: nodes.CallBlock) -> nodes.Node:
        return self._entered(node)

    def visit_Block(self, node: nodes.Block) -> nodes.Node:
        return self._entered(node)

    def visit_Output(self, node: nodes.Output) -> nodes.Node:
        self.generic_visit(node)
        # Jinja does that too, but not where printing is watched.
        for n, part in enumerate(node.nodes):
            if isinstance(part, nodes.Const) and isinstance(part.value, str):
                node.nodes[n] = _at(part, nodes.TemplateData(part.value))
        return node

    def visit_List(self, node: nodes.List) -> nodes.Node:
        return self._literal(node, node.items)

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:
        return self._literal(node, node.items) if node.ctx == "load" else node

    def visit_Dict(self, node: nodes.Dict) -> nodes.Node:
        return self._literal(node, [part for pair in node.items for part in (pair.key, pair.value)])

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:
        self.generic_visit(node)
        return _through("a slice", node) if isinstance(node.arg, nodes.Slice) else node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        self.generic_visit(node)
        return _through("a tilde", node.nodes[0], *node.nodes[1:])

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:
        self.generic_visit(node)
        sides = [node.expr, *(operand.expr for operand in node.ops)]
        searches = any(operand.op in ("in", "notin") for operand in node.ops)
        # With a constant, the shorter side decides how long it takes.
        if len(sides) == 2 and not searches and any(isinstance(side, nodes.Const) for side in sides):
            return node
        node.expr = _compared(node.expr)
        for operand in node.ops:
            operand.expr = _compared(operand.expr)
        return node

    def _entered(self, node: Body) -> Body:
        self.generic_visit(node)
        node.body.insert(0, _entering(_work(node), node))
        return node

    def _literal(self, node: nodes.Expr, parts: Sequence[nodes.Node]) -> nodes.Node:
        constant = all(isinstance(part, nodes.Const) for part in parts)
        self.generic_visit(node)
        return node if constant else _through("a list", node)


def _at(place: nodes.Node, node: AnyNode) -> AnyNode:
    """A node that is on the line of another one."""
    node.set_lineno(place.lineno)
    return node


def _through(name: str, first: nodes.Node, *rest: nodes.Node) -> nodes.Filter:
    return _at(first, nodes.Filter(first, name, list(rest), [], None, None))


def _entering(work: int, node: nodes.Node) -> nodes.ExprStmt:
    return _at(node, nodes.ExprStmt(_through("a body", _at(node, nodes.Const(work)))))


def _compared(node: nodes.Expr) -> nodes.Expr:
    constant = isinstance(node, nodes.Const | nodes.List | nodes.Tuple)
    return node if constant else _through("a comparison", node)


def _work(node: nodes.Node) -> int:
    """Of coming once to everything in a node: its nodes, and the text that it writes as it is."""
    written = sum(len(part.data) for part in node.find_all(nodes.TemplateData))
    return CALL + written + NODE * sum(1 for _ in node.find_all(nodes.Node))
