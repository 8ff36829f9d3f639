"""Dead letters from a user's side: listed, shown, corrected, retried; what was retried is counted once."""

import json
import os
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from infra.campaigning import found_dead_letters
from infra.column_store import reader_address
from infra.dead_letters.letters import find_letter
from infra.dead_letters.positions import parse_position
from infra.edge.publisher import row_codec
from schemas.events import Event, Reading, Site, UrgentNeed
from schemas.wire.partitioner import partition_of_key
from sinks.clickhouse import ClickHouse
from tests.integration.conftest import FedHome
from tests.unit.replay.small_campaign import small

TOKEN = "p00letters2222222222222222a"
PARTITIONS = 8
PLACE = partition_of_key(TOKEN.encode(), PARTITIONS)
END = max(emission.appended_at for emission in small().emissions)
DAY = 86_400_000
MEGABYTE = 1_000_000


def event(model: type[Event], sequence: int, **fields: Any) -> Event:
    common = {"sequence": sequence, "occurred_at": END - 1000, "sent_at": END - 500, "zone_offset_minutes": 480}
    return model.model_validate({"source": "letters-gate", **common, **fields})


def reading(sequence: int, **fields: Any) -> Event:
    return event(Reading, sequence, **{"token": TOKEN, "value_tenths": 391, "method": "AXILLARY", **fields})


def encoded(one: Event, **instead: Any) -> bytes:
    topic, _, row = one.record()
    return row_codec(topic).encode({**row, **instead})


class Refused(NamedTuple):
    """A record that cannot be used, by the name that tests give it."""

    topic: str
    key: bytes
    value: bytes | None
    partition: int


KEY = TOKEN.encode()
SITE = event(Site, 1, entity_id="letters-site", site_kind="ROAD", name_en="A road")
NEED = event(UrgentNeed, 1, token=TOKEN, source="letters-ward", need="secret need")
REFUSED = {
    "cut off": Refused("temperatures", KEY, encoded(reading(1))[:-10], PLACE),
    "clock ahead": Refused("temperatures", KEY, encoded(reading(2), sent_at=END + 3 * DAY), PLACE),
    "wrong partition": Refused("temperatures", KEY, encoded(reading(3)), (PLACE + 1) % PARTITIONS),
    "sent again rightly": Refused("temperatures", KEY, encoded(reading(4))[:-3], PLACE),
    "conflict": Refused("temperatures", KEY, encoded(reading(5)) + b"\0", PLACE),
    "too old": Refused("temperatures", KEY, encoded(reading(6), occurred_at=END - 40 * DAY), PLACE),
    "foreign": Refused("temperatures", KEY, b"not ours", PLACE),
    "reference": Refused("reference", b"letters-site", encoded(SITE, name_en=None), 0),
    "urgent care": Refused("urgent-care", KEY, encoded(NEED, need=None), PLACE),
    "large and random": Refused("temperatures", KEY, b"\x01" + os.urandom(MEGABYTE - 1), PLACE),
    "large and absurd": Refused(
        "temperatures", KEY, encoded(reading(7, sent_at=END + 3 * DAY), instrument="x" * MEGABYTE), PLACE
    ),
    "too large for a letter": Refused("temperatures", KEY, b"\x01" * (9 * 1024 * 1024), PLACE),
}


class Poisoned(NamedTuple):
    """The fed home after the refused records; ``positions`` by their names."""

    fed: FedHome
    positions: dict[str, str]

    def call(self, *arguments: str) -> Any:
        return self.fed.call("dead-letters", *arguments)

    def shown(self, name: str) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.call("show", self.positions[name], "--json").stdout)
        return document

    def listed(self, *arguments: str) -> dict[str, dict[str, Any]]:
        document = json.loads(self.call("list", "--json", "--limit", "100000", *arguments).stdout)
        return {one["position"]: one for one in document["dead_letters"]}

    def state(self, name: str) -> str:
        with ClickHouse(reader_address(self.fed.home), "test") as client:
            found = find_letter(client, parse_position(self.positions[name]))
        assert found is not None
        return found.state

    def retry(self, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
        """Exit status and answers."""
        result = self.call("retry", "--json", *arguments)
        return result.returncode, json.loads(result.stdout)["retries"]

    def corrected(self, name: str, file: Path, change: Callable[[dict[str, Any]], object]) -> str:
        """The event of a letter, written by `show`, corrected in an editor."""
        result = self.call("show", self.positions[name], "--event", str(file))
        assert result.returncode == 0, result.stderr
        fields = json.loads(file.read_text(encoding="utf-8"))
        change(fields)
        file.write_text(json.dumps(fields) + "\n", encoding="utf-8")
        return str(file)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with ClickHouse(reader_address(self.fed.home), "test") as client:
            return client.rows(query)

    def readings(self) -> dict[int, int]:
        """How often each reading of the device is counted, by its sequence."""
        query = "SELECT sequence, count() FROM checkline.valid_temperatures WHERE source = 'letters-gate' GROUP BY ALL"
        return dict(self.rows(query))

    def counted(self) -> int:
        query = "SELECT sum(value) FROM checkline.counts WHERE topic = 'temperatures'"
        return int(self.rows(query)[0][0])


@pytest.fixture(scope="module")
def poisoned(fed_home: FedHome) -> Poisoned:
    positions = {}
    producer = KafkaProducer(
        bootstrap_servers=fed_home.home.kafka_bootstrap, max_request_size=16 << 20, compression_type="lz4"
    )
    for name, (topic, key, value, partition) in REFUSED.items():
        sent = producer.send(topic, value, key, partition=partition, timestamp_ms=END).get(timeout=30)
        positions[name] = f"{topic}/{sent.partition}/{sent.offset}"
    behind = reading(100).record()
    producer.send("temperatures", encoded(reading(100)), behind.key, partition=PLACE, timestamp_ms=END).get(timeout=30)
    producer.close()
    fed_home.catch_up()
    return Poisoned(fed_home, positions)


def test_poison_of_any_size_is_a_dead_letter_and_the_partition_goes_on(poisoned: Poisoned) -> None:
    assert poisoned.readings()[100] == 1
    found = poisoned.listed("--all")
    reasons = {name: found[position]["reason"] for name, position in poisoned.positions.items()}
    assert reasons == {
        "cut off": "TRUNCATED",
        "clock ahead": "SENT_AFTER_APPENDED",
        "wrong partition": "WRONG_PARTITION",
        "sent again rightly": "TRUNCATED",
        "conflict": "TRAILING_BYTES",
        "too old": "BEYOND_HORIZON",
        "foreign": "FOREIGN_MAGIC",
        "reference": "MISSING_FIELD",
        "urgent care": "MISSING_FIELD",
        "large and random": "FOREIGN_MAGIC",
        "large and absurd": "SENT_AFTER_APPENDED",
        "too large for a letter": "FOREIGN_MAGIC",
    }
    story = poisoned.fed.call("explain", TOKEN).stdout
    assert re.search(r"letters-gate#100\b", story)


def test_a_dead_letter_carries_a_megabyte_and_says_where_larger_bytes_are(poisoned: Poisoned) -> None:
    assert letter_value(poisoned, "large and random") == REFUSED["large and random"].value
    assert letter_value(poisoned, "large and absurd") == REFUSED["large and absurd"].value
    assert letter_value(poisoned, "too large for a letter") is None
    shown = poisoned.shown("too large for a letter")
    assert "stand at its position" in shown["detail"]
    assert shown["size"] == 9 * 1024 * 1024


def letter_value(poisoned: Poisoned, name: str) -> bytes | None:
    """What the dead letter in Kafka holds of a record's value."""
    query = "SELECT letter_partition, letter_offset FROM checkline.dead_letters WHERE topic = '{}' AND partition = {} "
    ((partition, offset),) = poisoned.rows((query + "AND offset = {}").format(*poisoned.positions[name].split("/")))
    place = TopicPartition("dead-letters", partition)
    consumer = KafkaConsumer(bootstrap_servers=poisoned.fed.home.kafka_bootstrap, consumer_timeout_ms=20_000)
    consumer.assign([place])
    consumer.seek(place, offset)
    record = next(consumer)
    consumer.close()
    assert record.offset == offset
    value: bytes | None = row_codec("dead-letters").decode(record.value)["record_value"]
    return value


def test_a_list_is_narrowed_by_topic_reason_time_and_device(poisoned: Poisoned) -> None:
    of_device = poisoned.listed("--all", "--source", "letters-gate")
    assert {one["sequence"] for one in of_device.values()} == {1, 2, 3, 4, 5, 6, 7}
    assert set(poisoned.listed("--all", "--topic", "reference")) == {poisoned.positions["reference"]}
    narrowed = poisoned.listed("--all", "--source", "letters-gate", "--reason", "TRAILING_BYTES")
    assert set(narrowed) == {poisoned.positions["conflict"]}
    assert poisoned.listed("--all", "--source", "letters-gate", "--until", "2020-01-01T00:00:00+08:00") == {}
    document = json.loads(poisoned.call("list", "--all", "--source", "letters-gate", "--json", "--limit", "2").stdout)
    assert len(document["dead_letters"]) == 2
    assert sum(group["letters"] for group in document["summary"]) == 7
    text = poisoned.call("list", "--all", "--topic", "reference").stdout
    assert poisoned.positions["reference"] in text


def test_a_position_where_nothing_was_refused_is_exit_1(poisoned: Poisoned) -> None:
    result = poisoned.call("show", "temperatures/0/99999999")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("no record was refused at temperatures/0/99999999")
    status, (answer,) = poisoned.retry("temperatures/0/99999999")
    assert (status, answer["outcome"], answer["why"]) == (1, "refused", "no record was refused there")


def test_a_record_that_was_cut_off_is_shown_up_to_the_first_field_that_cannot_be_read(
    poisoned: Poisoned, tmp_path: Path
) -> None:
    shown = poisoned.shown("cut off")
    assert (shown["source"], shown["sequence"], shown["key"]) == ("letters-gate", 1, TOKEN)
    assert shown["event"]["occurred_at"].endswith("+08:00")
    (unread,) = shown["unread"]
    assert (unread["name"], unread["begin"]) == (shown["field"], shown["fields"][-1]["end"])
    file = tmp_path / "raw"
    text = poisoned.call("show", poisoned.positions["cut off"], "--raw", str(file)).stdout
    assert "CANNOT BE READ" in text
    assert file.read_bytes() == REFUSED["cut off"].value
    assert file.stat().st_mode & 0o077 == 0


def test_nothing_of_urgent_care_is_shown_or_written(poisoned: Poisoned, tmp_path: Path) -> None:
    position = poisoned.positions["urgent care"]
    outputs = [
        poisoned.call("show", position).stdout,
        poisoned.call("show", position, "--json").stdout,
        poisoned.call("list", "--all", "--topic", "urgent-care").stdout,
        poisoned.call("retry", position).stdout,
    ]
    assert not any(word in text for text in outputs for word in ("secret", "letters-ward", TOKEN))
    assert poisoned.shown("urgent care")["owner"] == "urgent-care"
    result = poisoned.call("show", position, "--raw", str(tmp_path / "raw"))
    assert result.returncode == 2
    assert not (tmp_path / "raw").exists()


def test_what_would_only_be_refused_again_is_not_published(poisoned: Poisoned, tmp_path: Path) -> None:
    names = ["cut off", "clock ahead", "too old", "foreign", "large and random"]
    status, answers = poisoned.retry(*(poisoned.positions[name] for name in names))
    assert status == 1
    assert [answer["outcome"] for answer in answers] == ["refused"] * len(names)
    assert all("would become a dead letter again" in answer["why"] for answer in answers)
    other = poisoned.corrected("clock ahead", tmp_path / "e.jsonl", lambda fields: fields.update(sequence=77))
    status, (answer,) = poisoned.retry(poisoned.positions["clock ahead"], "--with", other, "--force")
    assert (status, answer["outcome"]) == (1, "refused")
    assert "a retried event is not a new event" in answer["why"]
    assert {poisoned.state(name) for name in names} == {"open"}


def test_a_corrected_event_is_stored_folded_counted_once_and_stays_so_when_it_is_retried_again(
    poisoned: Poisoned, tmp_path: Path
) -> None:
    position = poisoned.positions["clock ahead"]
    letters, counted = found_dead_letters(poisoned.fed.home), poisoned.counted()
    file = poisoned.corrected("clock ahead", tmp_path / "e.jsonl", lambda fields: fields.update(sent_at=END))
    assert poisoned.retry(position, "--with", file, "--dry-run")[1][0]["outcome"] == "would be retried"
    status, (answer,) = poisoned.retry(position, "--with", file, "--by", "lena")
    assert (status, answer["outcome"]) == (0, "retried")
    poisoned.fed.catch_up()

    assert (poisoned.readings()[2], poisoned.counted()) == (1, counted + 1)
    assert re.search(r"letters-gate#2\b", poisoned.fed.call("explain", TOKEN).stdout)
    one = poisoned.listed("--settled")[position]
    assert (one["state"], one["retried"]["by"], one["retried"]["to"]) == ("settled", "lena", answer["to"])
    assert one["retried"]["corrected"] is True
    assert position not in poisoned.listed("--open")

    assert poisoned.retry(position, "--with", file)[1][0]["outcome"] == "stored already"
    assert poisoned.retry(position, "--with", file, "--force")[1][0]["outcome"] == "retried"
    poisoned.fed.catch_up()
    assert (poisoned.readings()[2], poisoned.counted()) == (1, counted + 1)
    assert found_dead_letters(poisoned.fed.home) == letters
    audited = poisoned.fed.call("audit", "--json")
    assert (audited.returncode, json.loads(audited.stdout)) == (0, {"findings": []})


def test_the_log_itself_says_of_a_record_that_it_was_retried_and_keeps_its_time(poisoned: Poisoned) -> None:
    status, (answer,) = poisoned.retry(poisoned.positions["wrong partition"], "--by", "lena")
    assert (status, answer["outcome"]) == (0, "retried")
    topic, partition, offset = answer["to"].split("/")
    assert int(partition) == PLACE
    place = TopicPartition(topic, PLACE)
    consumer = KafkaConsumer(bootstrap_servers=poisoned.fed.home.kafka_bootstrap, consumer_timeout_ms=20_000)
    consumer.assign([place])
    consumer.seek(place, int(offset))
    record = next(consumer)
    consumer.close()
    assert (record.key, record.value) == (KEY, REFUSED["wrong partition"].value)
    assert record.timestamp == END
    headers = {"checkline-retry-of": poisoned.positions["wrong partition"].encode(), "checkline-retry-by": b"lena"}
    assert dict(record.headers) == headers
    poisoned.fed.catch_up()
    assert (poisoned.state("wrong partition"), poisoned.readings()[3]) == ("settled", 1)


def test_a_letter_is_settled_when_the_device_itself_sends_the_event_again_rightly(
    poisoned: Poisoned, tmp_path: Path
) -> None:
    assert poisoned.state("sent again rightly") == "open"
    file = tmp_path / "events.jsonl"
    fields = {**reading(4).model_dump(exclude={"symptoms"}), "topic": "temperatures", "kind": "READING"}
    file.write_text(json.dumps({name: value for name, value in fields.items() if value is not None}) + "\n")
    assert poisoned.fed.call("publish", str(file)).returncode == 0
    poisoned.fed.catch_up()
    one = poisoned.listed("--settled")[poisoned.positions["sent again rightly"]]
    assert (one["state"], one["retried"]) == ("settled", None)
    status, (answer,) = poisoned.retry(poisoned.positions["sent again rightly"], "--with", str(file))
    assert (status, answer["outcome"]) == (0, "stored already")


@pytest.mark.long
def test_a_correction_with_another_content_than_what_is_stored_is_a_conflict_and_refused(
    poisoned: Poisoned, tmp_path: Path
) -> None:
    position = poisoned.positions["conflict"]
    first = poisoned.corrected("conflict", tmp_path / "first.jsonl", lambda fields: None)
    assert poisoned.retry(position, "--with", first)[0] == 0
    poisoned.fed.catch_up()
    other = poisoned.corrected("conflict", tmp_path / "e.jsonl", lambda fields: fields.update(value_tenths=385))
    status, (answer,) = poisoned.retry(position, "--with", other)
    assert (status, answer["outcome"]) == (1, "refused")
    assert "another content is stored under its identity letters-gate#5" in answer["why"]


@pytest.mark.long
def test_a_topic_without_an_app_is_listed_shown_and_retried_as_well(poisoned: Poisoned, tmp_path: Path) -> None:
    position = poisoned.positions["reference"]
    shown = poisoned.shown("reference")
    assert (shown["field"], shown["source"], shown["owner"]) == ("name_en", "letters-gate", None)
    file = poisoned.corrected("reference", tmp_path / "e.jsonl", lambda fields: fields.update(name_en="A road"))
    assert poisoned.retry(position, "--with", file)[0] == 0
    poisoned.fed.catch_up()
    assert poisoned.state("reference") == "settled"
    assert poisoned.rows("SELECT name_en FROM checkline.valid_reference WHERE entity_id = 'letters-site'") == [
        ("A road",)
    ]


def test_what_is_forced_and_refused_again_is_no_longer_open_and_its_new_letter_is(poisoned: Poisoned) -> None:
    status, (answer,) = poisoned.retry(poisoned.positions["foreign"], "--force")
    assert (status, answer["outcome"]) == (0, "retried")
    poisoned.fed.catch_up()
    assert poisoned.state("foreign") == "retried"
    found = poisoned.listed("--open", "--reason", "FOREIGN_MAGIC")
    assert answer["to"] in found
    assert poisoned.positions["foreign"] not in found


def test_all_open_letters_of_a_reason_are_retried_each_with_its_own_answer(poisoned: Poisoned) -> None:
    still_open = poisoned.listed("--open", "--reason", "BEYOND_HORIZON")
    status, answers = poisoned.retry("--all", "--reason", "BEYOND_HORIZON", "--dry-run")
    assert (status, {answer["position"] for answer in answers}) == (1, set(still_open))
    assert Counter(answer["outcome"] for answer in answers) == {"refused": len(still_open)}
    assert poisoned.positions["too old"] in still_open
