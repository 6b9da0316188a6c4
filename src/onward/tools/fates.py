"""What became of every TensorFlow node, and where every ONNX node comes from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from onward import ir
from onward.ir import Node
from onward.journal import Change, Journal, counts_text, ops_text
from onward.lowering.custom import Kept
from onward.pipeline import build
from onward.program import ONNXProgram
from onward.progress import Progress
from onward.reporting import Section, Table
from onward.specs import show
from onward.tools.report import readable

Kind = Literal["input", "lowered", "kept", "fused", "folded", "dropped", "not reached"]

RECURRENT = ("LSTM", "GRU", "RNN")
CANCELLING, RECURRING = "cancel_transposes", "recur"  # the passes that tell why, though they have no rules


class _End(NamedTuple):
    """The nodes of the finished graph that do what another did, and the rules and passes that led there."""

    nodes: dict[Node, None]
    rules: dict[str, None]


@dataclass(frozen=True)
class Fate:
    """What became of one TensorFlow node.

    Attributes:
        kind: ``lowered``, the nodes made for it are in the model; ``kept``, it is there itself, in a domain of its own;
            ``fused``, its nodes are part of others; ``folded``, it needed none; ``dropped``, a pass found them
            needless; ``not reached``, no output depends on it.
        ops: the ONNX operators, or what its value is.
        by: the rules or passes that fused or dropped its nodes.
        names: of the ONNX nodes.
    """

    node: str
    op: str
    kind: Kind
    ops: str = ""
    by: str = ""
    names: tuple[str, ...] = ()


def fates(program: ONNXProgram) -> list[Fate]:
    """The fate of every TensorFlow node, in the order in which they were converted; none for a program without source.

    Where nobody wanted to know while it was converted, its graph is lowered once more.
    """
    if program.graph is None:
        return []
    journal, graph = program.journal, program._ir.graph
    if journal is None:
        assert program.options is not None
        journal = Journal()
        graph = build(program.graph, program.options, Progress(), journal).graph
    custom = (program.options.custom_ops if program.options is not None else None) or {}
    kept = {op for op, how in custom.items() if isinstance(how, (str, Kept))}
    trail = _Trail(journal, graph, kept)
    found = [Fate(i.tensor.node.name, i.tensor.node.op, "input", i.name) for i in program.graph.inputs]
    for node, lowered in journal.lowered.items():
        found.append(trail.fate(node.name, node.op, lowered.made, lowered.value))
    unreached = program.graph.unreached() if program.graph.unreached is not None else ()
    return [*found, *(Fate(name, op, "not reached", "no output needs it") for name, op in unreached)]


def sections(program: ONNXProgram) -> list[Section]:
    """The two maps: the model's nodes to where they come from, and TensorFlow's nodes to what became of them."""
    found = fates(program)
    groups = Counter((fate.op, fate.kind, fate.ops, fate.by) for fate in found)
    summary = sorted(((op, n, kind, ops, by) for (op, kind, ops, by), n in groups.items()), key=lambda r: (r[0], -r[1]))
    shared = _shared([*(node.origin.layer for node in program._ir.graph.all_nodes()), *(fate.node for fate in found)])
    rows = [(fate.op, fate.node.removeprefix(shared), fate.kind, fate.ops, fate.by) for fate in found]
    sources = _sources(found)
    made = [_placed(node, shared, sources) for node in program._ir.graph.all_nodes()]
    caption = "Every node of the model, by the layer that it keeps as metadata"
    if shared:
        caption += f"; names are below {shared}"
    columns = ("layer", "node", "operator", "shape", "made of")
    layers = Section("Layers and nodes", [Table(columns, made, search=True, caption=caption)])
    if not found:
        return [layers]
    every = f"Every node{f', below {shared}' if shared else ''}"
    return [
        layers,
        Section(
            "TensorFlow ops",
            [
                Table(
                    ("op", "nodes", "became", "what", "rule"), summary, search=len(summary) > 20, caption=_counts(found)
                ),
                Table(("op", "node", "became", "what", "rule"), rows, search=True, caption=every),
            ],
        ),
    ]


def changes(journal: Journal) -> Section:
    """The rewrites of a run of the passes, and the passes."""
    rules = Counter((c.by, ops_text(c.gone), ops_text(c.made)) for c in journal.changes if c.matched)
    rows = [(by, number, gone, made) for (by, gone, made), number in rules.most_common()]
    timed = [(p.name, p.before, p.after, f"{1e3 * p.seconds:.1f} ms") for p in journal.passes]
    return Section(
        "Rewrites",
        [
            Table(("rule", "times", "before", "after"), rows, search=len(rows) > 20),
            Table(("pass", "nodes before", "after", "took"), timed),
        ],
    )


class _Trail:
    """Follows ONNX nodes from where they were made to what they are in the finished graph."""

    def __init__(self, journal: Journal, graph: ir.Graph, kept: Collection[str] = ()) -> None:
        self._kept = kept
        self._final = set(graph.all_nodes())
        self._gone: dict[Node, Change] = {node: change for change in journal.changes for node in change.gone}
        self._ends: dict[Node, _End] = {}
        self._alike: dict[int, dict[str, list[Node]]] = {}

    def fate(self, name: str, op: str, made: Sequence[Node], value: str) -> Fate:
        """The fate of a TensorFlow node that these nodes were made for."""
        if not made:
            return Fate(name, op, "folded", value)
        end = _joined(self._end(node) for node in made)
        if not end.nodes:
            why = "cancelled" if end.rules else "unused, or the same as another"
            return Fate(name, op, "dropped", why, ", ".join(end.rules))
        names, by = tuple(node.name for node in end.nodes), ", ".join(rule for rule in end.rules if rule != CANCELLING)
        kind: Kind = "fused" if by else "kept" if op in self._kept else "lowered"
        return Fate(name, op, kind, ops_text(end.nodes), by, names)

    def _end(self, node: Node) -> _End:
        if node not in self._ends:
            self._ends[node] = _End({}, {})  # until more is known: a rewrite may give back what it took
            self._ends[node] = self._followed(node)
        return self._ends[node]

    def _followed(self, node: Node) -> _End:
        if node in self._final:
            return _End({node: None}, {})
        change = self._gone.get(node)
        if change is None:
            return _End({}, {})
        if change.matched:
            end = _joined(map(self._end, change.made))
            return _End(end.nodes, {change.by: None, **end.rules})
        same = self._of_origin(change, node)
        if not same and node in change.owners:
            whole = self._end(change.owners[node])
            layers = {n: None for n in whole.nodes if n.op in RECURRENT}
            return _End(layers or whole.nodes, {change.by: None, **whole.rules})
        end = _joined(map(self._end, same))
        return _End(end.nodes, {change.by: None, **end.rules}) if change.by in (CANCELLING, RECURRING) else end

    def _of_origin(self, change: Change, node: Node) -> list[Node]:
        """What a pass made for the same TensorFlow node."""
        if id(change) not in self._alike:
            alike: dict[str, list[Node]] = {}
            for made in change.made:
                alike.setdefault(made.origin.node, []).append(made)
            self._alike[id(change)] = alike
        return self._alike[id(change)].get(node.origin.node, [])


def _joined(ends: Iterable[_End]) -> _End:
    nodes: dict[Node, None] = {}
    rules: dict[str, None] = {}
    for end in ends:
        nodes.update(end.nodes)
        rules.update(end.rules)
    return _End(nodes, rules)


def _sources(found: Iterable[Fate]) -> dict[str, Counter[str]]:
    """The TensorFlow ops that each ONNX node does the work of, by its name."""
    sources: dict[str, Counter[str]] = {}
    for fate in found:
        for name in fate.names:
            sources.setdefault(name, Counter())[fate.op] += 1
    return sources


def _placed(node: Node, shared: str, sources: Mapping[str, Mapping[str, int]]) -> tuple[str, ...]:
    """A node's layer, its name below that layer, operator and shape, and the TensorFlow ops it is made of."""
    layer, shape = node.origin.layer, node.outputs[0].shape if node.outputs else None
    sizes = None if shape is None else tuple(map(readable, shape))
    name = node.name.removeprefix(f"{layer}/") if layer else node.name
    ops = counts_text(sources.get(node.name) or {node.origin.op: 1})
    return layer.removeprefix(shared), name, node.op, show(sizes), ops


def _shared(names: Iterable[str]) -> str:
    """The scope, with the slash behind it, that most of the names begin with; empty where they do not."""
    scopes = Counter(name.partition("/")[0] for name in names if "/" in name)
    (scope, number), *_ = scopes.most_common(1) or [("", 0)]
    return f"{scope}/" if number > sum(scopes.values()) / 2 else ""


def _counts(found: Iterable[Fate]) -> str:
    kinds = Counter(fate.kind for fate in found)
    return ", ".join(f"{number:,} {kind}" for kind, number in kinds.most_common())
