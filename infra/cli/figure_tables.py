"""Figures and their proofs as people read them."""

from collections.abc import Mapping, Sequence
from itertools import groupby

from infra.cli.output import write_table
from sinks.clickhouse import ClickHouse
from sinks.figure_identities import CheckedIdentity, Status
from sinks.figures import ComputedFigure, Figure, ProvenSpan, proof, topics_read

CLAIMS = {True: "holds", False: "DOES NOT HOLD", None: "scaled"}
CLOSES = {True: "closes", False: "does not close", None: "not compared"}
NOT_ASSERTED = {Status.PARTIAL: "partial sum", Status.OPEN: "left open", Status.COINCIDENCE: "coincidence"}
WORD = 1 << 64


def print_figures(computed: Sequence[ComputedFigure]) -> None:
    """One row a figure."""
    rows = [
        (
            one.ref,
            one.name,
            one.unit,
            f"{'>= ' if one.lower_bound else ''}{one.published}",
            f"{one.scale:g}",
            one.expected,
            one.computed,
            "yes" if one.matches else "NO",
            CLAIMS[one.holds],
            one.as_of[:10],
        )
        for one in computed
    ]
    columns = ("row", "figure", "unit", "published", "scale", "expected", "computed", "matches", "claim", "as of")
    write_table(columns, rows, right=("published", "scale"))


def print_identities(checked: Sequence[CheckedIdentity]) -> None:
    """One row an identity: what must close, and what is flagged and never asserted."""
    if not checked:
        return
    rows = [(one.ref, one.numbers, one.unit, _claim(one), one.reason) for one in checked]
    print("\nIdentities between the figures (~ rounded, >= lower bound)")
    write_table(("row", "identity", "unit", "claim", "remark"), rows)


def _claim(one: CheckedIdentity) -> str:
    status = Status[one.status]
    return CLAIMS[one.closes] if status is Status.HOLDS else f"{NOT_ASSERTED[status]}: {CLOSES[one.closes]}"


def prove(client: ClickHouse, figures: Sequence[Figure]) -> dict[str, Sequence[ProvenSpan]]:
    """The blocks behind each figure; asked once for the figures that read the same topics. Raises StatementFailed."""
    known: dict[tuple[str, ...], Sequence[ProvenSpan]] = {}
    spans: dict[str, Sequence[ProvenSpan]] = {}
    for figure in figures:
        topics = tuple(topics_read(figure.query))
        if topics not in known:
            known[topics] = proof(client, figure)
        spans[figure.ref] = known[topics]
    return spans


def print_proof(spans: Mapping[str, Sequence[ProvenSpan]]) -> None:
    """The records of the log behind each figure, by topic, as the ledger has them."""
    rows = [
        (
            ref,
            topic,
            len({block.partition for block in blocks}),
            len(blocks),
            sum(block.stored for block in blocks),
            sum(block.refused for block in blocks),
            "yes" if all(block.recounted for block in blocks) else "not yet",
            digest_of(blocks),
        )
        for ref, of_figure in spans.items()
        for topic, blocks in _by_topic(of_figure)
    ]
    print("\nThe log behind each figure: blocks of the ledger, the rows they stored and refused, and their digest")
    write_table(("row", "topic", "partitions", "blocks", "stored", "refused", "counted", "digest"), rows)


def _by_topic(spans: Sequence[ProvenSpan]) -> list[tuple[str, list[ProvenSpan]]]:
    return [(topic, list(blocks)) for topic, blocks in groupby(sorted(spans), key=lambda span: span.topic)]


def digest_of(blocks: Sequence[ProvenSpan]) -> str:
    """The digest of all rows of blocks that do not overlap: sums and exclusive ors are put together as such."""
    total = parity = 0
    for block in blocks:
        digest = int(block.digest, 16)
        total, parity = (total + (digest >> 64)) % WORD, parity ^ (digest % WORD)
    return f"{total << 64 | parity:032x}"
