"""From nodes to the aggregates of the model, checked against the events that they read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.load.annotations import owners, read_annotations
from adi_analytics_codegen.load.buckets import read_bucket
from adi_analytics_codegen.load.computed import SCALARS, value
from adi_analytics_codegen.load.conditions.where import Reader
from adi_analytics_codegen.model.catalog import FORMATS, Storage
from adi_analytics_codegen.model.kinds import FieldType, MeasureKind
from adi_analytics_codegen.model.questions.aggregates import Aggregate, Dimension, Measure, Ratio, Refresh
from adi_analytics_codegen.model.rows.items import with_items
from adi_analytics_codegen.model.text.durations import Months, duration, duration_text
from adi_analytics_codegen.model.text.naming import did_you_mean

if TYPE_CHECKING:
    from adi_analytics_codegen.load.buckets import Bucket
    from adi_analytics_codegen.load.context import Context
    from adi_analytics_codegen.load.source.yaml import Node
    from adi_analytics_codegen.model.events import Event
    from adi_analytics_codegen.model.fields import Enum

_DAY: Final = timedelta(days=1)
_KEYS_OF_MEASURE: Final = {
    "of": MeasureKind.PERCENTILE,
    "trailing": MeasureKind.DISTINCT,
    "mergeable": MeasureKind.DISTINCT,
}
_OF_ITEMS: Final = frozenset({"where", "dimensions", "measures", "derived"})
"""What can't be checked without the list that an aggregate reads the items of."""
_SYSTEM_COLUMNS: Final = frozenset({"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"})
_ADDABLE: Final = frozenset({MeasureKind.COUNT, MeasureKind.SUM})


@dataclass(slots=True)
class AggregateResolver:
    """Resolves the aggregates of one catalog."""

    context: Context
    events: dict[str, Event]
    enums: dict[str, Enum]
    storage: Storage
    format: int = FORMATS[-1]
    owner: str = ""

    def aggregate(self, name: str, node: Node) -> Aggregate:
        """Return the aggregate called *name*."""
        subject = f"aggregates.{name}"
        self.context.subjects[node.key_at] = subject
        all_events, sources = self._sources(node, subject)
        every = Reader(self.context, self.events, self.enums, sources, subject)
        before = len(self.context.findings.items)
        each = self._each(node, every)
        if each is None:
            node = replace(node, value={key: part for key, part in node.mapping.items() if key not in _OF_ITEMS})
        elif each:
            every = replace(every, events={name: with_items(event, each) for name, event in self.events.items()})
        where = every.where(node)
        is_sound = len(self.context.findings.items) == before
        reader = replace(every.narrowed(node, subject), given=where if is_sound else ())
        bucket = read_bucket(node.get("bucket"), subject, self.context)
        made = Aggregate(
            name=name,
            description=node.scalar("description", ""),
            sources=sources,
            bucket_name=bucket.name,
            bucket_width=bucket.width,
            refresh=self.refresh(node, bucket, subject),
            measures=tuple(
                measure
                for key, entry in node.entries("measures").items()
                if (measure := self._measure(key, entry, reader, bucket.width)) is not None
            ),
            at=node.key_at,
            dimensions=tuple(self._dimension(key, entry, reader) for key, entry in node.entries("dimensions").items()),
            derived=self._derived(node, subject),
            where=where,
            all_events=all_events,
            version=node.scalar("version", 1),
            owner=owners(node, self.owner),
            annotations=read_annotations(node, subject, self.context),
            each=each or "",
            calendar=bucket.calendar,
        )
        self._check_columns(made, node, subject)
        return made

    def _sources(self, node: Node, subject: str) -> tuple[bool, tuple[str, ...]]:
        source = node.get("from")
        if source is None or source.value == "all":
            return source is not None, tuple(self.events)
        named: set[str] = set()
        for entry in source.items:
            if entry.text not in self.events:
                fix = did_you_mean(entry.text, self.events) or "define it under events"
                self.context.error(entry.at, "unknown-event", f'there is no event "{entry.text}"', fix, subject)
            elif entry.text in named:
                self.context.error(entry.at, "event-twice", f"{entry.text} is named twice", "remove one", subject)
            named.add(entry.text)
        return False, tuple(name for name in self.events if name in named)

    def _each(self, node: Node, reader: Reader) -> str | None:
        """Return the path of the list whose items are the rows, nothing where events are, ``None`` after a finding."""
        each = node.get("each")
        if each is None:
            return ""
        narrowed = reader.narrowed(node, reader.subject)
        kind = narrowed.type_of(each.text, each.at)
        if kind is None:
            return None
        lists = [field for field in narrowed.fields(each.text, each.at).values() if field.items is not None]
        inner = {field.items.type for field in lists if field.items is not None} & {FieldType.LIST, FieldType.MAP}
        if kind is FieldType.LIST and not inner:
            return each.text
        told = f"a list of {min(inner)}s" if kind is FieldType.LIST else kind
        self.context.error(each.at, "each-list", f'"{each.text}" is {told}', "name a list of objects", reader.subject)
        return None

    def refresh(self, node: Node, bucket: Bucket, subject: str, default: Refresh | None = None) -> Refresh:
        """Return when the stored buckets of *node* are brought up to date; *default* where it does not say it."""
        refresh = node.get("refresh")
        if refresh is None or not refresh.mapping.keys() >= {"every", "window", "lag"}:
            return default or Refresh(bucket.width, 3 * bucket.width, bucket.width)
        made = Refresh(*(duration(refresh.mapping[key].text) for key in ("every", "window", "lag")))
        at = refresh.mapping["window"].at
        # Only whole buckets are refreshed, so up to one is left out between two runs.
        needed = made.lag + max(2 * bucket.longest, made.every + bucket.longest)
        if made.window < needed:
            message = f"the window without the lag must hold two buckets of {duration_text(bucket.width)}"
            message += f", and the {duration_text(made.every)} between two refreshes with one more"
            if bucket.calendar is not None:  # clocks may be set back in each
                needed = -(-needed // _DAY) * _DAY
            self.context.error(at, "refresh-window", message, f"make it at least {duration_text(needed)}", subject)
        retention = self.storage.retention
        if retention is not None and made.window > retention:
            message = f"the window is longer than the retention of {duration_text(retention)}: stored buckets would be "
            message += "computed again from rows that are gone"
            self.context.error(at, "refresh-window", message, "shorten the window", subject)
        return made

    def _measure(self, name: str, node: Node, reader: Reader, width: timedelta) -> Measure | None:
        kinds = [kind for kind in MeasureKind if kind in node.mapping]
        if len(kinds) != 1:
            return None
        kind, subject = kinds[0], f"{reader.subject}.{name}"
        of = node.get("of") if kind is MeasureKind.PERCENTILE else node.get(kind)
        if of is None:
            self.context.error(node.key_at, "missing-key", 'a percentile needs "of"', "say what it is of", subject)
            return None
        reduced = value(kind, of, reader.narrowed(node, subject))
        if reduced is None:
            return None
        self._check_measure_keys(kind, node, subject)
        return Measure(
            name=name,
            kind=kind,
            at=node.key_at,
            of=reduced.of,
            type=reduced.type,
            quantile=float(node.scalar("percentile")) if kind is MeasureKind.PERCENTILE else None,
            trailing=self._trailing(node, width, subject),
            where=replace(reader, subject=subject).where(node),
            description=node.scalar("description", ""),
            times=reduced.times,
            terms=reduced.terms,
            mergeable=node.get("mergeable") is not None,
        )

    def _check_measure_keys(self, kind: MeasureKind, node: Node, subject: str) -> None:
        for key, needed in _KEYS_OF_MEASURE.items():
            present = node.get(key)
            if present is not None and kind is not needed:
                message = f'{kind} cannot have "{key}"'
                self.context.error(present.key_at, "key-of-other-type", message, f"use it with {needed}", subject)
        trailing, mergeable = node.get("trailing"), node.get("mergeable")
        if trailing is not None and mergeable is not None:
            message = "a trailing count is exact for its span, and no sketch of it is kept"
            fix = "put mergeable: true on a distinct of the same without trailing: it answers any range"
            self.context.error(mergeable.key_at, "key-of-other-type", message, fix, subject)

    def _trailing(self, node: Node, width: timedelta, subject: str) -> timedelta | None:
        trailing = node.get("trailing")
        if trailing is None:
            return None
        span = duration(trailing.text)
        if span <= width or span % width or isinstance(span, Months) != isinstance(width, Months):
            message = f"{trailing.text} is not a number of buckets of {duration_text(width)} greater than one"
            self.context.error(trailing.at, "trailing-span", message, "use a multiple of the bucket", subject)
        return span

    def _dimension(self, name: str, node: Node, reader: Reader) -> Dimension:
        described = isinstance(node.value, dict)
        of = node.get("of") if described else node
        description = node.scalar("description", "") if described else ""
        if of is None:
            return Dimension(name, name, FieldType.STRING, node.key_at, description)
        subject = f"{reader.subject}.{name}"
        type_ = reader.type_of(of.text, of.at)
        if type_ is not None and type_ not in SCALARS:
            message = f'"{of.text}" is {type_}, by which rows cannot be grouped'
            self.context.error(of.at, "dimension-type", message, "group by a scalar", subject)
        return Dimension(name, of.text, type_ or FieldType.STRING, node.key_at, description)

    def _derived(self, node: Node, subject: str) -> tuple[Ratio, ...]:
        measures = node.entries("measures")
        ratios = []
        for name, entry in node.entries("derived").items():
            ratio = entry.get("ratio")
            if ratio is None:
                continue
            sides = [side.items if isinstance(side.value, list) else [side] for side in ratio.items]
            for side in sides:
                for part in side:
                    self._check_part(part, measures, f"{subject}.{name}", alone=len(side) == 1)
            numerator, denominator = (tuple(part.text for part in side) for side in (*sides, [], [])[:2])
            ratios.append(Ratio(name, numerator, denominator, entry.key_at, entry.scalar("description", "")))
        return tuple(ratios)

    def _check_part(self, part: Node, measures: dict[str, Node], subject: str, *, alone: bool) -> None:
        measure = measures.get(part.text)
        if measure is None:
            fix = did_you_mean(part.text, measures) or "name a measure"
            self.context.error(part.at, "unknown-measure", f'there is no measure "{part.text}"', fix, subject)
        elif MeasureKind.DISTINCT in measure.mapping and self.format > 1:
            if not alone:
                message = f'"{part.text}" counts different values, and such counts do not add up'
                self.context.error(part.at, "ratio-of", message, "make it the whole side of the ratio", subject)
        elif not any(kind in measure.mapping for kind in _ADDABLE):
            allowed = "counts, sums and, in format 2, distinct counts"
            message = f'"{part.text}" is neither a count nor a sum, so a ratio of it is meaningless'
            self.context.error(part.at, "ratio-of", message, f"use {allowed}", subject)

    def _check_columns(self, made: Aggregate, node: Node, subject: str) -> None:
        bucket = node.get("bucket")
        columns = [(made.bucket_name, bucket.get("as") or bucket)] if bucket else []
        columns += [(n, e) for key in ("dimensions", "measures", "derived") for n, e in node.entries(key).items()]
        for name, entry in columns:
            if name in _SYSTEM_COLUMNS:
                message = f'"{name}" is a system column: every table of PostgreSQL has one'
                self.context.error(entry.key_at, "system-column", message, "rename it", f"{subject}.{name}")
        seen: dict[str, str] = {made.bucket_name: "the bucket"}
        for key, what in (("dimensions", "a dimension"), ("measures", "a measure"), ("derived", "a derived value")):
            for name, entry in node.entries(key).items():
                if name in seen:
                    message = f'"{name}" is also the name of {seen[name]}'
                    self.context.error(entry.key_at, "column-twice", message, "rename one of them", subject)
                seen.setdefault(name, what)
