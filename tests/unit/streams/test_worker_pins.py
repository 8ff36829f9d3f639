"""Private names of Faust that are touched: another version must be looked at before it is used."""

import hashlib
import inspect
import re
from importlib.metadata import version
from pathlib import Path

import faust
import pytest
from faust.stores.base import Store
from faust.transport.drivers import aiokafka as driver

from streams.worker import faust_private
from streams.worker.app import BatchApp
from streams.worker.consumer import BatchConsumer
from streams.worker.stores import RocksStore

# sha256 of the source of each name, first 16 digits: what the comments of faust_private were written against.
SOURCES = {
    "_drain_messages": "44a2500309e83c63",
    "_getmany": "f9d47aa9010b5ff2",
    "_get_active_partitions": "b24897f3c7afdb5d",
    "_filter_committable_offsets": "dc5e9baf5d994485",
    "_new_consumer_thread": "0870ec53dea75083",
    "_create_worker_consumer": "c2701bfc3e6f6cad",
    "_fetch_records": "39a2c6c79fc1455a",
    "on_thread_stop": "8dfc004e258b6c25",
    "on_start": "365dd25fbc0e0684",
    "_update_channels": "88e3941facc934d6",
}


def test_the_version_is_the_one_that_was_looked_at() -> None:
    assert version("faust-streaming") == faust_private.FAUST_VERSION


@pytest.mark.parametrize(("owner", "name"), faust_private.TOUCHED, ids=lambda value: str(value))
def test_a_private_name_is_what_it_was(owner: type, name: str) -> None:
    source = inspect.getsource(getattr(owner, name))
    assert hashlib.sha256(source.encode()).hexdigest()[:16] == SOURCES[name]


NAMED_TUPLE = {"_replace", "_asdict"}
"""Public by the documentation of `collections.namedtuple`, whatever they look like."""


def test_no_other_module_of_the_worker_touches_a_private_name() -> None:
    listed = {name for _, name in faust_private.TOUCHED}
    for path in Path(faust_private.__file__).parent.glob("*.py"):
        used = set(re.findall(r"(?<!\bself)(?<!\bos)(?<!\bcls)\.(_[a-z]\w*)", path.read_text(encoding="utf-8")))
        assert used - NAMED_TUPLE <= (listed if path.name == "faust_private.py" else set()), path


@pytest.mark.parametrize(
    ("ours", "theirs"), [(BatchConsumer, driver.Consumer), (BatchApp, faust.App), (RocksStore, Store)]
)
def test_no_attribute_of_ours_hides_one_of_fausts(ours: type, theirs: type) -> None:
    own = set(re.findall(r"self\.(_[a-z]\w*)(?:: [^=]+)? = ", inspect.getsource(ours)))
    inherited = set(dir(theirs)) | {name for base in theirs.__mro__ for name in vars(base).get("__annotations__", {})}
    readable = [base for base in theirs.__mro__ if base.__module__.startswith(("faust.", "mode."))]
    sources = "".join(inspect.getsource(inspect.getmodule(base)) for base in readable)  # type: ignore[arg-type]
    inherited |= set(re.findall(r"self\.(_[a-z]\w*)", sources))
    assert own
    assert not own & inherited
