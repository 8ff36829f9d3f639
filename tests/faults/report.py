"""What a run says at its end: per fault how often it struck and how long anybody waited, and whether all was exact."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.faults.pauses import Pause
from tests.faults.run import Injection


class Report(NamedTuple):
    """One run. ``lost`` and ``doubled`` are records of the log against what was acknowledged; ``differences`` is what
    came out against the model, and holds everything lost or counted twice behind the log."""

    seed: int
    brokers: int
    published: int
    persons: int
    seconds: float
    refused: Mapping[str, int]
    injections: Sequence[Injection]
    left_out: Mapping[str, str]
    lost: int
    doubled: int
    differences: Sequence[str]

    @property
    def holds(self) -> bool:
        """Whether nothing was lost, doubled or otherwise than the model says."""
        return not (self.lost or self.doubled or self.differences)

    def longest(self, fault: str) -> Pause:
        """The longest pauses that a fault alone made."""
        pauses = [one.pause for one in self.injections if one.fault == fault and one.pause]
        return Pause(*(max(of_flow) for of_flow in zip(*pauses, strict=True))) if pauses else Pause(0, 0)

    def lines(self) -> list[str]:
        """The report as text, one line a fault."""
        faults = sorted({one.fault for one in self.injections})
        width = max(map(len, [*faults, *self.left_out, "fault"]))
        lines = [
            f"seed {self.seed}, {self.brokers} broker(s): {self.published} records, {self.persons} persons, "
            f"{self.seconds:.0f} s; {len(self.differences)} differences, {self.lost} lost, {self.doubled} doubled",
            f"{'fault':{width}}  injected  longest pause of workers, sinks (s)",
        ]
        for fault in faults:
            pause = self.longest(fault)
            count = sum(one.fault == fault for one in self.injections)
            lines.append(f"{fault:{width}}  {count:8}  {pause.worker:.1f}, {pause.sink:.1f}")
        lines += [f"{fault:{width}}  left out: {why}" for fault, why in self.left_out.items()]
        lines.append("poison: " + ", ".join(f"{reason} {count}" for reason, count in sorted(self.refused.items())))
        return lines + list(self.differences)

    def write(self, file: Path) -> None:
        """Keep the report as JSON."""
        faults = sorted({one.fault for one in self.injections})
        document: dict[str, Any] = self._asdict() | {
            "injections": {
                fault: {
                    "injected": sum(one.fault == fault for one in self.injections),
                    "longest_pause_seconds": self.longest(fault)._asdict(),
                }
                for fault in faults
            }
        }
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
