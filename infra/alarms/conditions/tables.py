"""Rules about what arrived and what the tables hold of it: devices, dead letters, the ledger, conflicts."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from infra.alarms.alarm import Condition
from infra.alarms.conditions.judgement import Judgement, Look, NotKnown, Unsure
from infra.alarms.conditions.memory import asked_at, place
from infra.alarms.words import lasting, some
from infra.embedded.catch_up import SINK_GROUP
from infra.lag.snapshot import DeviceState
from schemas import topics

# A share of few records says nothing: below this many refused ones it is not judged.
FEWEST_REFUSED = 3
_FROM_DEVICES = frozenset(topic.name for topic in (topics.CHECK_INS, topics.TEMPERATURES, topics.REPORTS))


def checkpoint_silent(look: Look) -> Iterator[Judgement]:
    """An expected device is silent for too long; a site, if all of its devices are. What arrived and is not in the
    tables yet may be theirs: nobody is called silent for the sinks' lag. Not in an event-clock home."""
    store, unread = look.store, _unread_seconds(look)
    sites: dict[str, list[tuple[DeviceState, bool | None]]] = defaultdict(list)
    for device in store.devices:
        if device.expected:
            sites[device.site or f"\0{device.device}"].append((device, _is_silent(look, device, unread)))
    for site, devices in sites.items():
        alone = site.startswith("\0") or len(devices) == 1
        if not alone and all(silent for _, silent in devices):
            names = some(device.device for device, _ in devices)
            since = [device.silent_seconds for device, _ in devices if device.silent_seconds is not None]
            ever = f"for {lasting(min(since))}" if since else "and was never heard of"
            ever_zh = f"已 {lasting(min(since))} 无数据" if since else "从未有数据"
            yield Condition(
                "CheckpointSilent",
                site,
                f"site {site} is silent {ever}: all {len(devices)} devices ({names})",
                f"卡口 {site} {ever_zh}：全部 {len(devices)} 台设备（{names}）",
            )
            yield from (Unsure("CheckpointSilent", device.device) for device, _ in devices)
            continue
        if any(silent is None for _, silent in devices):
            yield Unsure("CheckpointSilent", site)
        for device, silent in devices:
            if silent is None:
                yield Unsure("CheckpointSilent", device.device)
            elif silent:
                yield _silent_device(device)


def device_skewed(look: Look) -> Iterator[Judgement]:
    """A device's clock is off. Not in an event-clock home."""
    store = look.store
    for device in store.devices:
        if device.skew_seconds is not None and abs(device.skew_seconds) > look.settings.skew_seconds:
            off, ahead = lasting(abs(device.skew_seconds)), device.skew_seconds > 0
            said = "fast" if ahead else "slow, or its records were under way for as long"
            yield Condition(
                "DeviceSkewed",
                device.device,
                f"the clock of {device.device}{_at(device)} is {off} {said}",
                f"{device.device}{_at(device)} 时钟{'快' if ahead else '慢（或传输延迟）'} {off}",
            )


def dead_letters_growing(look: Look) -> Iterator[Judgement]:
    """Many records of a topic were refused lately, in number or as a share of what came. Not in an event-clock home,
    where weeks go by in seconds and then nothing does."""
    store = look.store
    letters: dict[str, dict[str, int]] = defaultdict(dict)
    for one in store.dead_letters:
        if one.recent:
            letters[one.topic][one.reason] = one.recent
    counts = {one.topic: one for one in store.topics}
    for topic in sorted({*letters, *counts}):
        count = counts.get(topic)
        arrived, refused = (count.recent_arrived, count.recent_refused) if count else (0, 0)
        number = max(sum(letters[topic].values()), refused)
        share = refused / arrived if arrived else 0.0
        many = number >= look.settings.dead_letters_lately
        if many or (share > look.settings.dead_letter_ratio and refused >= FEWEST_REFUSED):
            reasons = some(f"{reason} {count}" for reason, count in _most(letters[topic]))
            yield Condition(
                "DeadLettersGrowing",
                topic,
                f"{number} records of {topic} were refused lately, {share:.1%} of what came: {reasons}",
                f"{topic} 近期有 {number} 条无法使用，占到达的 {share:.1%}：{reasons}",
            )


def ledger_behind(look: Look) -> Iterator[Judgement]:
    """The sinks committed more than the ledger holds without a hole; or hours wait to be counted and nobody counts
    them."""
    store, ledger, before = look.store, look.memory.ledger, look.memory.ledger_before
    if ledger is None or before is None or before.taken_at > ledger.asked_at:
        raise NotKnown
    holes: dict[str, list[str]] = defaultdict(list)
    for one in store.coverage:
        where = place(one.topic, one.partition)
        # A block is in the ledger before its end is committed: this much had been, before the ledger was asked.
        read = before.committed.get(where, 0)
        if read > one.covered_until:
            holes[one.topic].append(f"{where} stands at {one.covered_until} of {read}")
        elif _waits_to_be_counted(look, where):
            holes[one.topic].append(f"{where}: {one.uncounted} h ?")
    for topic, places in holes.items():
        yield Condition(
            "LedgerBehind",
            topic,
            f"the ledger of {topic} does not get on (? hours not counted again): {some(places)}",
            f"{topic} 的台账未前进（? 为待重算小时）：{some(places)}",
        )


def conflicts_seen(look: Look) -> Iterator[Judgement]:
    """More pairs of contents under one identity than before."""
    store = look.store
    for one in store.topics:
        held = look.memory.held.get(("conflicts", one.topic))
        lately = held is not None and look.snapshot.at - held.at < look.settings.lately_seconds * 1000
        if held is not None and lately and held.before is not None and held.value > held.before:
            yield Condition(
                "ConflictsSeen",
                one.topic,
                f"{held.value - held.before} new conflicts on {one.topic}, {held.value} in all",
                f"{one.topic} 新增 {held.value - held.before} 处同号异文，共 {held.value} 处",
            )


def _unread_seconds(look: Look) -> float:
    """For how long records may have come of which we do not know yet. Raises NotKnown."""
    waiting = [
        one for one in look.kafka.partitions if one.group in SINK_GROUP and one.topic in _FROM_DEVICES and one.lag
    ]
    if any(one.lag_seconds is None for one in waiting):
        raise NotKnown
    heard = asked_at(look.snapshot, "devices_lately")
    old = max(0.0, (look.snapshot.at - heard) / 1000)
    return old + max((one.lag_seconds or 0.0 for one in waiting), default=0.0)


def _is_silent(look: Look, device: DeviceState, unread: float) -> bool | None:
    """None where what is unread, or how short we have been looking, leaves it open."""
    limit = look.settings.silence_seconds
    if device.silent_seconds is None:
        waited = look.memory.seconds("unheard", device.device, look.snapshot.at)
        return True if waited - unread >= limit else None
    if device.silent_seconds <= limit:
        return False
    return True if device.silent_seconds - unread > limit else None


def _silent_device(device: DeviceState) -> Condition:
    ever, ever_zh = "was never heard of", "从未有数据"
    if device.silent_seconds is not None:
        ever = f"is silent for {lasting(device.silent_seconds)}"
        ever_zh = f"已 {lasting(device.silent_seconds)} 无数据"
    name = f"{device.device}{_at(device)}"
    return Condition("CheckpointSilent", device.device, f"{name} {ever}", f"{name} {ever_zh}")


def _at(device: DeviceState) -> str:
    return f" ({device.site})" if device.site not in (None, device.device) else ""


def _waits_to_be_counted(look: Look, where: str) -> bool:
    """Hours that wait have not become fewer for too long: more came, or nothing else is done either."""
    asked = asked_at(look.snapshot, "coverage")
    held = look.memory.held.get(("uncounted", where))
    if held is None or not held.value or held.before is None:
        return False
    patience = look.settings.lag_seconds
    waited, still = (asked - held.at) / 1000, look.memory.seconds("covered", where, asked)
    return waited >= patience and (held.value > held.before or still >= patience)


def _most(numbers: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(numbers.items(), key=lambda one: (-one[1], one[0]))
