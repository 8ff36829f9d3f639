"""Names of container images: the official ones, and ours that stand in for them."""

from typing import Final, NamedTuple


class ImageChoice(NamedTuple):
    """A store's images: the variable that names another, the official one, and the one built here."""

    variable: str
    official: str
    local: str


BASE: Final = "local/checkline-base:bookworm"
CHECKLINE: Final = "local/checkline:0.1.0"
# The versions are those of the embedded parts.
KAFKA: Final = ImageChoice("CHECKLINE_TEST_KAFKA_IMAGE", "apache/kafka:4.3.1", "local/checkline-kafka:4.3.1")
CLICKHOUSE: Final = ImageChoice(
    "CHECKLINE_TEST_CLICKHOUSE_IMAGE", "clickhouse/clickhouse-server:26.9", "local/checkline-clickhouse:26.9"
)
