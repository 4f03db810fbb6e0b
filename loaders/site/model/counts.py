"""How many rows relations have, asked at once."""

from loaders.site.model.relations import Model
from loaders.targets import Warehouse


def count_rows(warehouse: Warehouse, model: Model, layers: tuple[str, ...]) -> dict[str, int]:
    """Rows by a relation's id, of relations of these layers that are in the catalog; nothing where that fails.

    Counts are an extra of the dictionary, which says `rows not counted` without them.
    """
    asked = [each for each in model.at(*layers) if each.relation_name and each.is_in_catalog]
    if not asked:
        return {}
    selects = [f"select {at} as place, count(*) as row_count from {of.relation_name}" for at, of in enumerate(asked)]
    try:
        found = warehouse.rows(" union all ".join(selects))
    except Exception:
        return {}
    return {asked[int(place)].id: int(rows) for place, rows in found}
