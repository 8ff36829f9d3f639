"""The whole pipeline on containers: the same cases as on the embedded parts, and the containers killed."""

from pathlib import Path

import pytest

from tests.containers.images import Images
from tests.containers.stores import running_stores
from tests.support.pipeline import Outcome, facts_in_state, installation, outcome, publish
from tests.support.pipeline_cases import (
    FIGURES,
    compare,
    test_every_figure_fact_and_dead_letter_is_that_of_a_plain_count,
    test_kill_9_of_workers_and_sink_changes_nothing,
    undisturbed,
)
from tests.unit.replay.small_campaign import small

__all__ = [
    "test_every_figure_fact_and_dead_letter_is_that_of_a_plain_count",
    "test_kill_9_of_workers_and_sink_changes_nothing",
    "undisturbed",
]

KILLS = 3
# Several processes and three Java starts share what may be two busy cores.
pytestmark = pytest.mark.timeout(900)


@pytest.mark.expects_errors(r"is started again|exit status|^kafka\.")
@pytest.mark.parametrize("store", ["kafka", "clickhouse"])
def test_kill_9_of_a_container_in_mid_stream_changes_nothing(
    store: str, tmp_path: Path, images: Images, undisturbed: Outcome
) -> None:
    kill_every = len(small().emissions) // (KILLS + 1) // 1000 * 1000
    kills = 0

    with (
        running_stores(images) as stores,
        installation(tmp_path / "killed", variables=stores.variables) as (home, supervisor),
    ):
        killed = stores.kafka if store == "kafka" else stores.clickhouse

        def kill_now_and_then(published: int) -> None:
            nonlocal kills
            if published % kill_every == 0 and kills < KILLS:
                killed.kill_and_start()
                kills += 1

        publish(home, small().emissions, kill_now_and_then)
        killed.wait_until_ready()
        found = outcome(home, supervisor, FIGURES)
        assert kills == KILLS
        compare(found)
        assert found.facts == undisturbed.facts == facts_in_state(home)
        assert found.figures == undisturbed.figures
