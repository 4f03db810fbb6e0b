"""The operational tables, as the contracts have them: current rows, and every version of what has any."""

from collections.abc import Mapping
from dataclasses import dataclass

from loaders.contracts import Contract, contracts

SOURCE = "robotics"
CHANGED = "updated_at"


@dataclass(frozen=True)
class Table:
    """An operational table: its contract, and its columns that are ids of other tables, with those tables' names."""

    contract: Contract
    refers_to: Mapping[str, str]

    @property
    def name(self) -> str:
        """The table of current rows."""
        return self.contract.entity

    @property
    def schema(self) -> str:
        """Where it is."""
        return self.contract.source

    @property
    def id(self) -> str:
        """The column that says which thing a row is about."""
        return self.contract.key[0]

    @property
    def versions(self) -> str | None:
        """The table of all versions, where there may be more than one."""
        return f"{self.name}_history" if CHANGED in self.contract.key else None

    @property
    def told(self) -> str:
        """The table with every row that an extract tells."""
        return self.versions or self.name

    @property
    def columns(self) -> list[str]:
        """The names of its columns."""
        return [column.name for column in self.contract.columns]


def operational(known: Mapping[str, Contract] | None = None) -> list[Table]:
    """The operational tables, those that others refer to first; by default those of this project's contracts."""
    found = known or contracts()
    chosen = [c for c in found.values() if c.source == SOURCE and c.partition == CHANGED]
    owners = {contract.key[0]: contract.entity for contract in chosen if CHANGED in contract.key}
    owners |= {contract.key[0]: contract.entity for contract in chosen if CHANGED not in contract.key}
    tables = [
        Table(c, {col.name: owners[col.name] for col in c.columns if owners.get(col.name, c.entity) != c.entity})
        for c in chosen
    ]
    ordered: list[Table] = []
    while len(ordered) < len(tables):
        done = {table.name for table in ordered}
        ordered += [t for t in tables if t.name not in done and done.issuperset(t.refers_to.values())]
    return ordered


def quoted(*names: str) -> str:
    """A name as SQL has it, with what it is in."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def literal(text: str) -> str:
    """A text as SQL has it."""
    return "'" + text.replace("'", "''") + "'"
