"""Versions of the shipped policy with some settings changed, for the stream to publish."""

from datetime import UTC, datetime
from pathlib import Path

SHIPPED = Path(__file__).resolve().parents[2] / "schemas" / "policies" / "joint-control-2020.toml"

TEST_SCHEDULE = """
[[schedules]]
name = "TEST_EVERY_OTHER_DAY"
name_en = "test every other day"
name_zh = "隔日检测"
expects = "TEST"
every_days = 2
weekdays = [1, 2, 3, 4, 5, 6]
zone_offset_minutes = -210
slots = [{ slot = "DAY", opens = "04:00", closes = "20:00", grace_minutes = 30 }]
source = "no source document: a schedule that only versions of the stream have"
"""


def changed_policy(
    version: int,
    *,
    threshold_tenths: int = 373,
    health_code_hours: int = 24,
    symptom_level: str = "MEDIUM",
    hours_24: int = 24,
    duty_hours: int = 2,
    release_hours: int = 24,
    grace_minutes: int = 60,
    valid_until: int | None = None,
) -> str:
    """Text of a policy version, with a schedule more. Slots that open before the UTC midnight whose policy they go by,
    and the time to lift an order, are the same in all versions: their clocks are told before that policy is known.
    ``valid_until`` is UTC milliseconds; skew, horizon and lateness stay as they are."""
    text = SHIPPED.read_text(encoding="utf-8")
    until = "" if valid_until is None else f"valid_until = {_written(valid_until)}\n"
    for old, new in (
        ("version = 1\n", f"version = {version}\n{until}"),
        (
            '[risk.temperature.default]\ncomparator = "AT_LEAST"\nthreshold_tenths = 373',
            f'[risk.temperature.default]\ncomparator = "AT_LEAST"\nthreshold_tenths = {threshold_tenths}',
        ),
        ("[risk.health_code]\nhours = 24", f"[risk.health_code]\nhours = {health_code_hours}"),
        ('[risk.symptoms]\nlevel = "MEDIUM"', f'[risk.symptoms]\nlevel = "{symptom_level}"'),
        ("home_province = true\nhours = 24", f"home_province = true\nhours = {hours_24}"),
        ('done_by = ["TRANSFER_ACCEPTED"]\nhours = 2', f'done_by = ["TRANSFER_ACCEPTED"]\nhours = {duty_hours}'),
        ('places = ["HOME"]\nrelease_hours = 24', f'places = ["HOME"]\nrelease_hours = {release_hours}'),
        ('closes = "14:00"\ngrace_minutes = 60', f'closes = "14:00"\ngrace_minutes = {grace_minutes}'),
    ):
        if text.count(old) != 1:
            raise ValueError(f"{SHIPPED.name} no longer says {old!r} once: change tests/faults/policies.py with it")
        text = text.replace(old, new)
    return text + TEST_SCHEDULE


def _written(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds // 1000, UTC).isoformat()
