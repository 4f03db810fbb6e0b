"""How many rows relations have."""

from loaders.site.model.relations import Model
from loaders.targets import Warehouse


def count_rows(warehouse: Warehouse, model: Model, layers: tuple[str, ...]) -> dict[str, int]:
    """Rows by a relation's id, of relations of these layers that are in the catalog, a layer at once.

    A layer that cannot be counted is left out: sources show files, which may have moved since, and the dictionary says
    `rows not counted`.
    """
    counted: dict[str, int] = {}
    for layer in layers:
        asked = [each for each in model.at(layer) if each.relation_name and each.is_in_catalog]
        selects = [
            f"select {at} as place, count(*) as row_count from {each.relation_name}" for at, each in enumerate(asked)
        ]
        if not selects:
            continue
        try:
            found = warehouse.rows(" union all ".join(selects))
        except Exception:  # of SQLAlchemy or of any driver
            continue
        counted |= {asked[int(place)].id: int(rows) for place, rows in found}
    return counted
