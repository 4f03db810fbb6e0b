"""What each gate expects: staging suites follow from the contracts, those of the marts are in tests/expectations."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from loaders.contracts import Column, Contract
from loaders.errors import BadContract
from loaders.project import PROJECT

SUITES = PROJECT / "tests" / "expectations"


@dataclass(frozen=True)
class Expectation:
    """A Great Expectations type and its arguments; `{batch}` in a query stands for the relation."""

    type: str
    kwargs: Mapping[str, Any]
    description: str


@dataclass(frozen=True)
class Suite:
    """What is expected of one relation; the row count comes first, since every other expectation holds of no rows."""

    schema: str
    table: str
    expectations: tuple[Expectation, ...]

    @property
    def name(self) -> str:
        """The relation's name."""
        return f"{self.schema}.{self.table}"


def staging_suite(contract: Contract, rows: int) -> Suite:
    """What a contract says of its staged rows, of which the manifest says there are `rows`."""
    found = [
        Expectation("expect_table_row_count_to_equal", {"value": rows}, f"there are the manifest's {rows:,} rows"),
        Expectation(
            "expect_table_columns_to_match_ordered_list",
            {"column_list": [column.name for column in contract.columns]},
            "the columns are the contract's, in its order",
        ),
    ]
    found += [_unique(names) for names in contract.unique_sets]
    for column in contract.columns:
        found += _of_column(column)
        found += _of_references(contract, column)
    found += [_unexpected(f"not ({check})", f"{check} holds") for check in contract.checks]
    return Suite("staged", contract.entity, tuple(found))


def _unique(names: tuple[str, ...]) -> Expectation:
    said = f"{' and '.join(names)} {'is' if len(names) == 1 else 'together are'} unique"
    if len(names) == 1:
        return Expectation("expect_column_values_to_be_unique", {"column": names[0]}, said)
    return Expectation("expect_compound_columns_to_be_unique", {"column_list": list(names)}, said)


def _of_column(column: Column) -> list[Expectation]:
    name = column.name
    found = []
    if column.required:
        found.append(Expectation("expect_column_values_to_not_be_null", {"column": name}, f"{name} is there"))
    if column.accepted is not None:
        found.append(
            Expectation(
                "expect_column_values_to_be_in_set",
                {"column": name, "value_set": list(column.accepted)},
                f"{name} is one of {', '.join(column.accepted)}",
            )
        )
    if column.minimum is not None or column.maximum is not None:
        found.append(
            Expectation(
                "expect_column_values_to_be_between",
                {"column": name, "min_value": column.minimum, "max_value": column.maximum},
                f"{name} is from {column.minimum} to {column.maximum}",
            )
        )
    if column.pattern:
        found.append(
            _unexpected(f"not regexp_full_match({name}, '{column.pattern}')", f"{name} matches {column.pattern}")
        )
    if column.data_type == "double":
        found.append(_unexpected(f"not isfinite({name})", f"{name} is a finite number"))
    if column.length is not None and column.accepted is None:
        found.append(
            Expectation(
                "expect_column_value_lengths_to_be_between",
                {"column": name, "max_value": column.length},
                f"{name} has at most {column.length} characters",
            )
        )
    if column.not_after and "." not in column.not_after:
        late = f"cast({name} as date) > cast({column.not_after} as date)"
        found.append(_unexpected(late, f"{name} is not on a day after {column.not_after}"))
    if column.not_before and "." not in column.not_before:
        early = f"cast({name} as date) < cast({column.not_before} as date)"
        found.append(_unexpected(early, f"{name} is not on a day before {column.not_before}"))
    if column.on:
        found.append(_unexpected(f"cast({name} as date) <> {column.on}", f"{name} is on {column.on}"))
    return found


def _of_references(contract: Contract, column: Column) -> list[Expectation]:
    """What a column of a day batch says of the staged rows of the same day that it refers to."""
    name, found = column.name, []
    if column.refers_to:
        theirs = f"select 1 from staged.{column.refers_to.entity} as theirs {_same_row(contract, column)}"
        unknown = f"{name} is not null and not exists ({theirs})"
        found.append(_unexpected(unknown, f"{name} is among the day's {column.refers_to}"))
    for bound in column.bounds:
        key = next(c for c in contract.columns if c.refers_to and c.refers_to.entity == bound.entity)
        theirs = f"select 1 from staged.{bound.entity} as theirs {_same_row(contract, key)}"
        said = {
            str(column.same_as): ("<>", "is"),
            column.not_before: ("<", "is not before"),
            column.not_after: (">", "is not after"),
        }
        broken, holds = said[str(bound)]
        found.append(
            _unexpected(f"exists ({theirs} and own.{name} {broken} theirs.{bound.column})", f"{name} {holds} {bound}")
        )
    return found


def _same_row(contract: Contract, key: Column) -> str:
    """The condition that a row is the one that a column refers to."""
    day = contract.partition
    return f"where theirs.{key.refers_to.column} = own.{key.name} and theirs.{day} = own.{day}" if key.refers_to else ""


def _unexpected(condition: str, description: str) -> Expectation:
    query = "select * from (select * from {batch}) as own where " + condition.replace("{", "{{").replace("}", "}}")
    return Expectation("unexpected_rows_expectation", {"unexpected_rows_query": query}, description)


def marts_suites(folder: Path = SUITES) -> list[Suite]:
    """The suites in a folder of YAML files. Raises BadContract with the file for one that cannot be read."""
    suites = []
    for path in sorted(folder.glob("*.yml")):
        try:
            for suite in yaml.safe_load(path.read_text())["suites"]:
                expectations = tuple(
                    Expectation(e["type"], e.get("kwargs", {}), " ".join(e["description"].split()))
                    for e in suite["expectations"]
                )
                if not expectations or expectations[0].type != "expect_table_row_count_to_be_between":
                    raise BadContract(f"{path.name}: {suite['relation']} does not expect a row count first")
                schema, _, table = suite["relation"].partition(".")
                suites.append(Suite(schema, table, expectations))
        except (KeyError, TypeError, yaml.YAMLError) as error:
            raise BadContract(f"tests/expectations/{path.name} is not a list of suites: {error}") from None
    if not suites:
        raise BadContract(f"there are no suites in {folder}")
    return suites
