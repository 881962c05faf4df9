"""An answer that fits whatever schema a request carries, in either provider's dialect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

# google.ai.generativelanguage.Type: the older SDK writes its enums as integers.
_GEMINI_TYPES = {1: "string", 2: "number", 3: "integer", 4: "boolean", 5: "array", 6: "object"}

Json = object


def type_of(schema: Mapping[str, Json]) -> str:
    """The JSON Schema word for `type`, from `object`, `OBJECT` or `6`; "" where there is none."""
    kind = schema.get("type")
    if isinstance(kind, int):
        return _GEMINI_TYPES.get(kind, "")
    return kind.lower() if isinstance(kind, str) else ""


def conforming(schema: Mapping[str, Json], name: str = "answer") -> Json:
    """A plausible value: the first of an enum, 0.8 for a number, `en` for a language, as few items as are
    allowed."""
    choices = schema.get("enum")
    if isinstance(choices, Sequence) and choices:
        return choices[0]
    match type_of(schema):
        case "object":
            properties = mapping(schema.get("properties"))
            return {key: conforming(mapping(value), key) for key, value in properties.items()}
        case "array":
            item = conforming(mapping(schema.get("items")), name)
            # int64 travels as a string in protobuf's JSON.
            return [item] * int(str(schema.get("minItems") or 0))
        case "number":
            return _within(schema, 0.8)
        case "integer":
            return int(_within(schema, 1.0))
        case "boolean":
            return False
        case _:
            if name == "language":
                return "en"
            return f"An example of {name.replace('_', ' ')}."


def mapping(value: Json) -> Mapping[str, Json]:
    """`value` if it is a JSON object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def _within(schema: Mapping[str, Json], wanted: float) -> float:
    low, high = schema.get("minimum"), schema.get("maximum")
    if isinstance(low, (int, float)):
        wanted = max(wanted, float(low))
    if isinstance(high, (int, float)):
        wanted = min(wanted, float(high))
    return wanted
