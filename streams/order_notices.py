"""Which notices of risk areas concern which closure orders: those of the order's division, of what lies above it and,
because the scope of a tier widens (T6: a village's notice closes its township), of what lies below it."""

from collections.abc import Mapping
from typing import Any

Row = dict[str, Any]


class OrdersAndNotices:
    """Pairs of orders and notices, told once each, in whatever order they arrive."""

    def __init__(self) -> None:
        self._parents: dict[str, str] = {}
        self._orders: dict[str, set[str]] = {}
        """Divisions that the versions of an order name, by order."""
        self._notices: dict[str, list[Row]] = {}
        self._told: set[tuple[str, str, int, int]] = set()

    def add(self, entity_id: str, row: Mapping[str, Any]) -> list[tuple[bytes, Row]]:
        """Takes in a row of kind CLOSURE_ORDER, RISK_AREA or DIVISION; returns what became known of orders by it: (key,
        row)."""
        said = dict(row)
        if row["parent"] is not None and row["kind"] != "CLOSURE_ORDER":
            self._parents[entity_id] = row["parent"]
        found: list[tuple[bytes, Row]] = []
        if row["kind"] == "CLOSURE_ORDER":
            self._orders.setdefault(entity_id, set()).add(row["division"])
            found.append((entity_id.encode(), said))
        elif row["kind"] == "RISK_AREA":
            self._notices.setdefault(entity_id, []).append(said)
        return found + self._pairs()

    def _pairs(self) -> list[tuple[bytes, Row]]:
        found = []
        for order, divisions in self._orders.items():
            for division in divisions:
                for area, notices in self._notices.items():
                    if area not in self._upwards(division) and division not in self._upwards(area):
                        continue
                    for notice in notices:
                        name = (order, notice["source"], notice["sequence"], notice["effective_from"])
                        if name not in self._told:
                            self._told.add(name)
                            found.append((order.encode(), notice))
        return found

    def _upwards(self, division: str) -> list[str]:
        way = [division]
        while (parent := self._parents.get(way[-1])) is not None and parent not in way:
            way.append(parent)
        return way
