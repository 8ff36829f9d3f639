"""For maintainers, after a change of version: resolve Kafka's jars anew and write the list of their digests."""

import sys

from infra.embedded.kafka.jars import LOCK_FILE, resolve

if __name__ == "__main__":
    lock = resolve()
    LOCK_FILE.write_text("".join(f"{jar.sha256}  {jar.path}\n" for jar in lock), encoding="utf-8")
    sys.stderr.write(f"{len(lock)} jars in {LOCK_FILE}\n")
