"""A worker process: the Faust app of one of the four sets of rules."""

import sys
from typing import get_args

from infra.embedded.readiness import announce_ready
from infra.errors import MissingPart
from infra.home import Home
from schemas.policy import default_policy
from schemas.registry import default_registry
from schemas.wire.rows import RowCodec
from streams.clocked_fold import Encode
from streams.enforcement import CaseFold
from streams.fold import Fold
from streams.person_fold import PersonFold
from streams.reference import Reference
from streams.reports import UnitFold
from streams.urgent import UrgentFold
from streams.worker import main as worker
from streams.worker.main import AppName


def encoder() -> Encode:
    """Frames rows of derived topics."""
    codecs: dict[str, RowCodec] = {}

    def encode(subject: str, row: dict[str, object]) -> bytes:
        if subject not in codecs:
            codecs[subject] = RowCodec(default_registry(), subject)
        return codecs[subject].encode(row)

    return encode


def run(home: Home, app: str, number: str) -> None:
    """Run worker ``number`` of an app until SIGTERM; ends the process with the worker's exit status."""
    limits = default_policy().arrival.limits
    reference = Reference(limits)
    folds: dict[str, Fold] = {
        "risk": PersonFold(reference, encoder()),
        "enforcement": CaseFold(),
        "reports": UnitFold(reference, encoder()),
        "urgent-care": UrgentFold(reference, encoder()),
    }
    if app not in folds:
        raise MissingPart(f"there is no worker {app}; workers are: {', '.join(get_args(AppName))}")
    name: AppName = app  # type: ignore[assignment]  # checked above
    directory = home.part_directory(f"worker-{app}-{number}")
    status = worker.run(
        name,
        bootstrap=home.kafka_bootstrap,
        data_directory=directory,
        neighbours=lambda: [other for other in directory.parent.glob(f"worker-{app}-*/") if other != directory],
        instance_id=number,
        fold=folds[app],
        partitions=home.settings.partitions,
        clock_mode=home.clock,
        add_reference=reference.add if app in ("risk", "reports", "urgent-care") else None,
        limits=limits,
        metrics_port=home.port(f"worker-{app}-{number}"),
        on_ready=announce_ready,
    )
    sys.exit(status)
