"""Writes alerts.yml, alerts_test.yml and prometheus.yml beside this module: python -m infra.deploy.prometheus

Thresholds are those of the settings in effect: CHECKLINE_OPERATIONS_* and checkline.toml change them. A directory may
be named as the only argument.
"""

import sys
from pathlib import Path

from infra.deploy.prometheus.rendering import files
from infra.settings import read_settings


def main() -> None:
    """One line for each file."""
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    for name, text in files(read_settings().operations):
        (directory / name).write_text(text, encoding="utf-8")
        sys.stdout.write(f"{directory / name}\n")


if __name__ == "__main__":
    main()
