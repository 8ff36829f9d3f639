"""Writes dashboard.json beside this module: python -m infra.deploy.grafana"""

import sys
from pathlib import Path

from infra.deploy.grafana.dashboard import dashboard_json


def main() -> None:
    """One line: the file."""
    file = Path(__file__).parent / "dashboard.json"
    file.write_text(dashboard_json(), encoding="utf-8")
    sys.stdout.write(f"{file}\n")


if __name__ == "__main__":
    main()
