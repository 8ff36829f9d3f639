"""Versions of the shipped policy with some settings changed, for the stream to publish."""

from datetime import UTC, datetime
from pathlib import Path

SHIPPED = Path(__file__).resolve().parents[2] / "schemas" / "policies" / "joint-control-2020.toml"


def changed_policy(
    version: int,
    *,
    threshold_tenths: int = 373,
    health_code_hours: int = 24,
    symptom_level: str = "MEDIUM",
    hours_24: int = 24,
    valid_until: int | None = None,
) -> str:
    """Text of a policy version. ``valid_until`` is UTC milliseconds; skew, horizon and lateness stay as they are."""
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
    ):
        if text.count(old) != 1:
            raise ValueError(f"{SHIPPED.name} no longer says {old!r} once: change tests/faults/policies.py with it")
        text = text.replace(old, new)
    return text


def _written(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds // 1000, UTC).isoformat()
