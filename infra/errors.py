"""Why a command cannot do its work: one class per kind of answer.

Every message is one line: which setting, part or file it concerns, why, and what to do. The command line prints it
and ends with exit status 2.
"""


class CannotRun(Exception):
    """The call is wrong or something that is needed is not there; nothing was half done."""


class WrongSetting(CannotRun):
    """A setting has a value that cannot be used."""


class MissingPart(CannotRun):
    """A library, server or file that a part needs is not there."""


class JarMismatch(MissingPart):
    """A jar of the embedded Kafka is not the one this release was tested with."""


class PortInUse(CannotRun):
    """Another process listens on a port that this home remembers as its own."""


class DiskFull(CannotRun):
    """There is too little free space where CHECKLINE_HOME lies."""


class PartFailed(CannotRun):
    """A part ended, or was not ready in time."""


class HomeInUse(CannotRun):
    """Another supervisor runs on this home."""


def kafka_is_silent(bootstrap: str, error: Exception) -> MissingPart:
    """What to raise where no broker answers at an address."""
    return MissingPart(
        f"kafka at {bootstrap} does not answer ({error}); start it with checkline up, or correct "
        "CHECKLINE_KAFKA_BOOTSTRAP"
    )
