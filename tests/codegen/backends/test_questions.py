"""What the manifest says can be asked: products of fields have the type and the sensitivity of all of them."""

from __future__ import annotations

from adi_analytics_codegen.backends.sql import manifest
from adi_analytics_codegen.model.catalog import Catalog
from adi_analytics_codegen.model.events import Event
from adi_analytics_codegen.model.fields import Field
from adi_analytics_codegen.model.kinds import FieldType, MeasureKind, Sensitivity
from adi_analytics_codegen.model.questions.aggregates import Aggregate, Measure, Refresh
from support.aggregates.catalogs import AT, DAY


def asked(*fields: Field) -> dict[str, object]:
    first, *others = fields
    measure = Measure(
        "m", MeasureKind.SUM, AT, of=first.name, type=first.type, times=tuple((one.name, one.type) for one in others)
    )
    event = Event("e", "E", "d", "", "", fields, AT)
    aggregate = Aggregate("a", "", ("e",), "day", DAY, Refresh(DAY, 5 * DAY, DAY), (measure,), AT)
    document = manifest(Catalog("c", (event,), aggregates=(aggregate,)))
    found: dict[str, object] = document["aggregates"][0]["query"]["measures"][0]
    return found


def test_a_sum_of_products_is_whole_only_if_every_factor_is() -> None:
    whole = Field("quantity", FieldType.INT, AT)
    assert asked(whole, Field("boxes", FieldType.INT, AT))["type"] == "int"
    assert asked(whole, Field("price", FieldType.FLOAT, AT))["type"] == "decimal"


def test_a_product_is_as_personal_as_its_most_personal_factor_and_has_no_unit() -> None:
    plain = Field("quantity", FieldType.INT, AT, unit="pieces")
    personal = Field("salary", FieldType.INT, AT, unit="EUR", sensitivity=Sensitivity.PERSONAL)
    assert (asked(plain)["sensitivity"], asked(plain)["unit"]) == ("none", "pieces")
    assert (asked(plain, personal)["sensitivity"], asked(plain, personal)["unit"]) == ("personal", None)
