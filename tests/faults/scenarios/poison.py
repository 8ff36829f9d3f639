"""Records that no reader can use."""

from schemas.topics import BY_NAME, INPUT_TOPICS
from tests.faults.avro_writer import write_long, write_text
from tests.faults.model.judgement import partition_of
from tests.faults.scenarios import odd
from tests.faults.scenarios.world import World, scenario


@scenario("poison")
def null(world: World) -> None:
    odd.spoilt(world, lambda value: None)


@scenario("poison")
def empty(world: World) -> None:
    odd.spoilt(world, lambda value: b"")


@scenario("poison")
def short(world: World) -> None:
    odd.spoilt(world, lambda value: value[: world.chance.randint(1, 4)])


@scenario("poison")
def framing_only(world: World) -> None:
    odd.spoilt(world, lambda value: value[:5])


@scenario("poison")
def wrong_magic(world: World) -> None:
    odd.spoilt(world, lambda value: bytes([world.chance.randint(1, 255)]) + value[1:])


@scenario("poison")
def text(world: World) -> None:
    odd.spoilt(world, lambda value: '{"token": "张三", "value": 37.3}'.encode())


@scenario("poison")
def unknown_schema(world: World) -> None:
    schema_id = world.chance.choice((0, 11, 4_711, 2**31 - 1, 2**32 - 1))
    odd.spoilt(world, lambda value: b"\0" + schema_id.to_bytes(4, "big") + value[5:])


@scenario("poison")
def schema_of_another_topic(world: World) -> None:
    topic, key, _, _ = odd.good(world)
    other = world.chance.choice([name.name for name in INPUT_TOPICS if name.name != topic])
    world.put(topic, key, odd.good(world, other)[3], world.now)


@scenario("poison")
def schema_of_a_derived_topic(world: World) -> None:
    schema_id = world.chance.choice((8, 9, 10))
    odd.spoilt(world, lambda value: b"\0" + schema_id.to_bytes(4, "big") + value[5:])


@scenario("poison")
def truncated(world: World) -> None:
    odd.spoilt(world, lambda value: value[: world.chance.randint(6, len(value) - 1)])


@scenario("poison")
def trailing(world: World) -> None:
    odd.spoilt(world, lambda value: value + world.chance.randbytes(world.chance.randint(1, 40)))


@scenario("poison")
def twice_the_datum(world: World) -> None:
    odd.spoilt(world, lambda value: value + value[5:])


@scenario("poison")
def random_datum(world: World) -> None:
    odd.spoilt(world, lambda value: value[:5] + world.chance.randbytes(world.chance.randint(1, 300)))


@scenario("poison")
def random(world: World) -> None:
    odd.spoilt(world, lambda value: world.chance.randbytes(world.chance.randint(5, 300)))


@scenario("poison")
def flipped_byte(world: World) -> None:
    def flip(value: bytes) -> bytes:
        place = world.chance.randint(5, len(value) - 1)
        return value[:place] + bytes([value[place] ^ world.chance.randint(1, 255)]) + value[place + 1 :]

    odd.spoilt(world, flip)


@scenario("poison")
def unknown_kind(world: World) -> None:
    odd.spoilt_field(world, "kind", write_long(world.chance.choice((-1, 60, 2**40))))


@scenario("poison")
def invalid_utf8(world: World) -> None:
    odd.spoilt_field(world, "source", b"\x08\xff\xfe\xc3\x28")


@scenario("poison")
def surrogate_in_utf8(world: World) -> None:
    odd.spoilt_field(world, "source", b"\x06\xed\xa0\x80")


@scenario("poison")
def text_for_a_number(world: World) -> None:
    odd.spoilt_field(world, "sequence", write_text("one hundred and twelve"))


@scenario("poison")
def endless_number(world: World) -> None:
    odd.spoilt_field(world, "sequence", b"\xff" * 11 + b"\x01")


@scenario("poison")
def number_of_65_bits(world: World) -> None:
    odd.spoilt_field(world, "sequence", b"\xff" * 9 + b"\x03")


@scenario("poison")
def offset_of_40_bits(world: World) -> None:
    odd.spoilt_field(world, "zone_offset_minutes", write_long(2**39))


@scenario("poison")
def negative_length(world: World) -> None:
    odd.spoilt_field(world, "source", write_long(-7) + b"desk-99")


@scenario("poison")
def immense_length(world: World) -> None:
    odd.spoilt_field(world, "source", write_long(2**40) + b"desk-99")


@scenario("poison")
def immense_array(world: World) -> None:
    odd.spoilt_field(world, "symptoms", write_long(2**40) + write_text("FEVER"), "temperatures")


@scenario("poison")
def unknown_branch(world: World) -> None:
    odd.spoilt_field(world, "value_tenths", write_long(world.chance.choice((-1, 2, 9))) + b"\x02", "temperatures")


@scenario("poison")
def boolean_of_two(world: World) -> None:
    odd.spoilt_field(world, "home_province", b"\x02\x02", "follow-ups")


@scenario("poison")
def out_of_range_temperature(world: World) -> None:
    odd.restated(world, "temperatures", value_tenths=world.chance.choice((0, 249, 451, -40, 2**31 - 1)))


@scenario("poison")
def out_of_range_sequence(world: World) -> None:
    odd.restated(world, sequence=world.chance.choice((-1, -(2**63))))


@scenario("poison")
def out_of_range_offset(world: World) -> None:
    odd.restated(world, zone_offset_minutes=world.chance.choice((841, -841, 2**31 - 1)))


@scenario("poison")
def out_of_range_rounding(world: World) -> None:
    odd.restated(world, "reports", kind="INDICATOR", value=4, rounded_to=0, unit_of_count="CASE", nature="FLOW")


@scenario("poison")
def missing_field(world: World) -> None:
    topic, field = world.chance.choice(
        (
            ("check-ins", "site"),
            ("temperatures", "value_tenths"),
            ("follow-ups", "lead_id"),
            ("reports", "indicator"),
        )
    )
    odd.restated(world, topic, **{field: None})


@scenario("poison")
def field_not_stated(world: World) -> None:
    topic, field = world.chance.choice((("check-ins", "direction"), ("temperatures", "method")))
    odd.restated(world, topic, **{field: "NOT_STATED"})


@scenario("poison")
def two_missing_fields(world: World) -> None:
    odd.restated(world, "follow-ups", lead_id=None, received_at=None)


@scenario("poison")
def no_source(world: World) -> None:
    odd.restated(world, source="")


@scenario("poison")
def nul_in_text(world: World) -> None:
    """Not a fault: a source may be any text."""
    odd.restated(world, source="desk\0zero")


@scenario("poison")
def bad_key(world: World) -> None:
    topic, _, _, value = odd.good(world)
    key = world.chance.choice((b"", b"370202199001011234x!", "张三".encode(), b"p00short", b"\n"))
    world.put(topic, key, value, world.now)


@scenario("poison")
def key_with_a_line_end(world: World) -> None:
    topic, key, _, value = odd.good(world, "check-ins")
    world.put(topic, key + b"\n", value, world.now)


@scenario("poison")
def key_no_utf8(world: World) -> None:
    topic, _, _, value = odd.good(world)
    world.put(topic, b"p00\xff\xfe", value, world.now)


@scenario("poison")
def null_key(world: World) -> None:
    topic, _, _, value = odd.good(world)
    partitions = world.partitions if BY_NAME[topic].partitioned else 1
    world.put(topic, None, value, world.now, world.chance.randrange(partitions))


@scenario("poison")
def wrong_partition(world: World) -> None:
    topic, key, _, value = odd.good(world, world.chance.choice([topic.name for topic in INPUT_TOPICS[:-1]]))
    elsewhere = (partition_of(key, world.partitions) + world.chance.randint(1, world.partitions - 1)) % world.partitions
    world.put(topic, key, value, world.now, elsewhere)
