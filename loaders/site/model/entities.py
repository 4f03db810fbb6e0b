"""The star as pictures: where boxes stand, and the lines between their keys. In pixels, from the left top."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from loaders.site.model.relations import Column, Model, Relation

HEAD, ROW, GAP, MARGIN, BETWEEN = 32, 20, 26, 56, 170
LETTER = 7.6
"""The widest that a letter of 12 pixels is in the monospaced fonts of browsers."""


@dataclass(frozen=True)
class Row:
    """A key column in a box: its name, its badge, and the height of its middle."""

    name: str
    badge: str
    middle: float


@dataclass(frozen=True)
class Box:
    """A relation: its left top corner, its size and its rows."""

    relation: Relation
    left: float
    top: float
    width: float
    height: float
    rows: tuple[Row, ...]

    @property
    def right(self) -> float:
        """Its other side."""
        return self.left + self.width


@dataclass(frozen=True)
class Join:
    """A foreign key and what it points to, as tests hold it."""

    of: Relation
    column: Column
    to: Relation
    key: str

    @property
    def is_from_one(self) -> bool:
        """Whether each value stands once where it points from."""
        return self.column.is_unique or self.of.keys == (self.column.name,)

    @property
    def is_to_one(self) -> bool:
        """Whether it stands once where it points to: a business key does not, in a dimension with versions."""
        unique = any(column.is_unique for column in self.to.columns if column.name == self.key)
        return unique or self.to.keys == (self.key,)

    @property
    def says(self) -> str:
        """Its cardinality in words."""
        to = "one" if self.is_to_one else "many"
        return f"{'one' if self.is_from_one else 'many'} to {to}{'' if self.column.is_required else ' or none'}"


@dataclass(frozen=True)
class Line:
    """A join as a curve, with a crow's foot or a bar at its ends."""

    join: Join
    path: str
    start: str
    end: str


@dataclass(frozen=True)
class Diagram:
    """A drawing with all that it shows; `about` tells it in words."""

    name: str
    title: str
    about: str
    width: float
    height: float
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    joins: tuple[Join, ...]


def joins(model: Model, relations: Iterable[Relation]) -> list[Join]:
    """The foreign keys of relations, in their order."""
    return [
        Join(relation, column, model.relations[column.reference.relation], column.reference.column)
        for relation in relations
        for column in relation.columns
        if column.reference and column.reference.relation in model.relations
    ]


def diagrams(model: Model) -> list[Diagram]:
    """One diagram a domain of facts: its facts in the middle, and what they point to at both sides."""
    domains = sorted({fact.domain for fact in model.at("fact")}, key=lambda each: (each != "operations", each))
    return [_diagram(domain, [fact for fact in model.at("fact") if fact.domain == domain], model) for domain in domains]


def _diagram(domain: str, facts: list[Relation], model: Model) -> Diagram:
    told = joins(model, facts)
    inside = {fact.id for fact in facts}
    around = list({join.to.id: join.to for join in told if join.to.id not in inside}.values())
    among = [join for join in joins(model, around) if join.to in around or join.to.layer == "seed"]
    around += [join.to for join in among if join.to not in around]
    shown = tuple(told + among)
    keyed = _keyed(shown, [*facts, *around])
    left, right = _sides(around, shown, keyed)
    columns = [_sorted(left, facts, told), facts, _sorted(right, facts, told)]
    widths = [max((_width(each, keyed) for each in column), default=0) for column in columns]
    heights = [sum(_height(each, keyed) + GAP for each in column) - GAP if column else 0 for column in columns]
    tallest = max(heights)
    boxes: dict[str, Box] = {}
    x = float(MARGIN)
    for column, width, height in zip(columns, widths, heights, strict=True):
        y = MARGIN / 2 + (tallest - height) / 2
        for relation in column:
            boxes[relation.id] = _box(relation, x, y, width, keyed)
            y += boxes[relation.id].height + GAP
        x += width + (BETWEEN if width else 0)
    total = x - BETWEEN + MARGIN if widths[2] else x + MARGIN - BETWEEN
    return Diagram(
        name=domain,
        title=domain.capitalize(),
        about=f"{len(facts)} facts of {domain} in the middle, {len(around)} relations that they point to beside them, "
        f"and {len(shown)} foreign keys between them. The table under the picture has all of them.",
        width=total,
        height=tallest + MARGIN,
        boxes=tuple(boxes.values()),
        lines=tuple(_line(join, boxes, {each.id for each in left}) for join in shown),
        joins=shown,
    )


def _keyed(shown: Iterable[Join], relations: Iterable[Relation]) -> Mapping[str, tuple[str, ...]]:
    """The columns that a box shows: the primary key, foreign keys, and what is pointed to."""
    shown = list(shown)
    found = {}
    for relation in relations:
        named = {*relation.keys}
        named |= {join.column.name for join in shown if join.of.id == relation.id}
        named |= {join.key for join in shown if join.to.id == relation.id}
        ordered = [column.name for column in relation.columns if column.name in named]
        found[relation.id] = tuple(sorted(ordered, key=lambda name: name not in relation.keys))
    return found


def _sides(
    around: list[Relation], shown: Iterable[Join], keyed: Mapping[str, tuple[str, ...]]
) -> tuple[list[Relation], list[Relation]]:
    """Two sides of about the same height; what points to each other stands on the same side."""
    group = {each.id: each.id for each in around}
    for join in shown:
        if join.of.id in group and join.to.id in group:
            old, new = group[join.of.id], group[join.to.id]
            group = {each: new if of == old else of for each, of in group.items()}
    groups: dict[str, list[Relation]] = {}
    for each in around:
        groups.setdefault(group[each.id], []).append(each)
    sides: tuple[list[Relation], list[Relation]] = ([], [])
    tall = [0.0, 0.0]
    for some in sorted(groups.values(), key=lambda some: (-sum(_height(each, keyed) for each in some), some[0].name)):
        side = 0 if tall[0] < tall[1] else 1
        sides[side].extend(some)
        tall[side] += sum(_height(each, keyed) + GAP for each in some)
    return sides


def _sorted(side: list[Relation], facts: list[Relation], told: list[Join]) -> list[Relation]:
    """Each about as high as the facts that point to it, so that fewer lines cross."""
    place = {fact.id: at for at, fact in enumerate(facts)}

    def middle(relation: Relation) -> tuple[float, str]:
        of = [place[join.of.id] for join in told if join.to.id == relation.id]
        return (sum(of) / len(of) if of else len(facts), relation.name)

    return sorted(side, key=middle)


def _width(relation: Relation, keyed: Mapping[str, tuple[str, ...]]) -> float:
    longest = max((len(name) + 4 for name in keyed[relation.id]), default=0)
    return round(max(longest * LETTER, len(relation.name) * (LETTER + 0.9)) + 24)


def _height(relation: Relation, keyed: Mapping[str, tuple[str, ...]]) -> float:
    return HEAD + ROW * len(keyed[relation.id]) + 8


def _box(relation: Relation, left: float, top: float, width: float, keyed: Mapping[str, tuple[str, ...]]) -> Box:
    columns = {column.name: column for column in relation.columns}
    rows = tuple(
        Row(
            name,
            "PK" if name in relation.keys else "FK" if columns[name].reference else "",
            top + HEAD + 4 + ROW * (at + 0.5),
        )
        for at, name in enumerate(keyed[relation.id])
    )
    return Box(relation, left, top, width, _height(relation, keyed), rows)


def _line(join: Join, boxes: Mapping[str, Box], left: set[str]) -> Line:
    """From the foreign key's row to the row of the key; beside a column where both stand in it."""
    a, b = boxes[join.of.id], boxes[join.to.id]
    y1, y2 = _middle(a, join.column.name), _middle(b, join.key)
    if a.left == b.left:
        out = -1 if a.relation.id in left or a.relation.layer == "fact" else 1
        x = a.left if out < 0 else a.right
        bend = x + out * 46
        return Line(
            join,
            f"M{x + out * 10:g} {y1:g}C{bend:g} {y1:g} {bend:g} {y2:g} {x + out * 10:g} {y2:g}",
            _end(x, y1, out, join.is_from_one),
            _end(x, y2, out, join.is_to_one),
        )
    out = -1 if b.left < a.left else 1
    x1, x2 = (a.left, b.right) if out < 0 else (a.right, b.left)
    half = (x1 + x2) / 2
    return Line(
        join,
        f"M{x1 + out * 10:g} {y1:g}C{half:g} {y1:g} {half:g} {y2:g} {x2 - out * 10:g} {y2:g}",
        _end(x1, y1, out, join.is_from_one),
        _end(x2, y2, -out, join.is_to_one),
    )


def _middle(box: Box, column: str) -> float:
    return next((row.middle for row in box.rows if row.name == column), box.top + HEAD / 2)


def _end(x: float, y: float, out: int, is_one: bool) -> str:
    """A crow's foot, or a bar where each value stands once."""
    tip = x + out * 10
    if is_one:
        return f"M{x:g} {y:g}L{tip:g} {y:g}M{x + out * 7:g} {y - 5:g}L{x + out * 7:g} {y + 5:g}"
    return f"M{x:g} {y - 5:g}L{tip:g} {y:g}L{x:g} {y + 5:g}M{x:g} {y:g}L{tip:g} {y:g}"
