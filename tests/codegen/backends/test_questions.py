"""What the manifest says can be asked: products of fields have the type and the sensitivity of all of them."""

from __future__ import annotations

from dataclasses import replace

from adi_analytics_codegen.backends.sql.manifest.document import manifest
from adi_analytics_codegen.model.catalog import Catalog
from adi_analytics_codegen.model.events import Event
from adi_analytics_codegen.model.fields import Field
from adi_analytics_codegen.model.kinds import FieldType, MeasureKind, Sensitivity
from adi_analytics_codegen.model.questions.aggregates import Aggregate, Measure, Refresh, Term
from support.aggregates.catalogs import AT, DAY


def asked(*fields: Field) -> dict[str, object]:
    """Return what can be asked of the sum of the product of *fields*."""
    first, *others = fields
    measure = Measure(
        "m", MeasureKind.SUM, AT, of=first.name, type=first.type, times=tuple((one.name, one.type) for one in others)
    )
    return measured(measure, *fields)


def measured(measure: Measure, *fields: Field, each: str = "") -> dict[str, object]:
    event = Event("e", "E", "d", "", "", fields, AT)
    aggregate = Aggregate("a", "", ("e",), "day", DAY, Refresh(DAY, 5 * DAY, DAY), (measure,), AT, each=each)
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


def test_a_field_inside_a_personal_object_or_list_is_personal() -> None:
    inner = Field("n", FieldType.INT, AT, unit="pieces", wire="N")
    lines = Field("lines", FieldType.OBJECT, AT, fields=(inner,), sensitivity=Sensitivity.PERSONAL, wire="Lines")
    measure = Measure("m", MeasureKind.MAX, AT, of="lines.n", type=FieldType.INT)
    of_object = measured(measure, lines)
    items = Field("", FieldType.OBJECT, AT, fields=(inner,))
    of_items = measured(measure, replace(lines, type=FieldType.LIST, fields=(), items=items), each="lines")
    assert of_object == of_items
    assert (of_items["sensitivity"], of_items["unit"], of_items["type"]) == ("personal", "pieces", "int")


def test_a_computed_value_is_whole_if_all_in_it_is_and_has_a_unit_unless_it_multiplies_fields() -> None:
    price = Field("price", FieldType.INT, AT, unit="ct")
    discount = Field("discount", FieldType.INT, AT, unit="ct", sensitivity=Sensitivity.PERSONAL)

    def of(*terms: Term) -> tuple[object, ...]:
        made = Measure("m", MeasureKind.SUM, AT, of="price", type=FieldType.INT, terms=terms)
        found = measured(made, price, discount)
        return found["type"], found["unit"], found["sensitivity"]

    less = (Term("1", (("price", FieldType.INT),)), Term("-1", (("discount", FieldType.INT),)))
    assert of(*less) == ("int", "ct", "personal")
    assert of(Term("0.5", (("price", FieldType.INT),))) == ("decimal", "ct", "none")
    assert of(*less, Term("1", (("price", FieldType.INT), ("discount", FieldType.INT))))[:2] == ("int", None)
