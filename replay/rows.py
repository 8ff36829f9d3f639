"""From a decoded row back to the model that would have produced it."""

from collections.abc import Mapping
from typing import Any

from schemas.events import MODELS, Event


def event_of_row(topic: str, key: bytes, row: Mapping[str, Any]) -> Event:
    """The event of a flat row. Raises KeyError for an unknown kind, pydantic's ValidationError for a bad value."""
    model = MODELS[topic, row["kind"]]
    stated = {
        name: row[name]
        for name, field in model.model_fields.items()
        if name != model.key_field and (row[name] is not None or field.is_required())
    }
    return model.model_validate({**stated, model.key_field: key.decode()})
