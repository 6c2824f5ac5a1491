"""From nodes to the rules between an event's fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adi_analytics_codegen.model.rules import FieldRule, RuleKind, choice
from adi_analytics_codegen.model.text.naming import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from adi_analytics_codegen.load.context import Context
    from adi_analytics_codegen.load.source.yaml import Node
    from adi_analytics_codegen.model.fields import Field


def field_rules(node: Node, fields: Mapping[str, Field], subject: str, context: Context) -> tuple[FieldRule, ...]:
    """Return the rules of the event *node* between its *fields*, and report what is wrong with them."""
    read = [found for entry in node.list("rules") for found in _rules_of(entry)]
    good = [rule for rule, names in read if _is_good(rule, names, fields, subject, context)]
    if len(good) == len(read):
        _check_possible(good, subject, context)
    return tuple(good)


def _rules_of(entry: Node) -> Iterator[tuple[FieldRule, list[Node]]]:
    """Yield the rules of one entry with the nodes that name their fields."""
    for kind in (RuleKind.EXACTLY_ONE_OF, RuleKind.AT_LEAST_ONE_OF):
        names = entry.list(kind)
        if names:
            yield FieldRule(kind, tuple(name.text for name in names), names[0].at), names
    for first, others in entry.entries(RuleKind.REQUIRES).items():
        names = [others, *others.items]
        yield FieldRule(RuleKind.REQUIRES, (first, *(name.text for name in others.items)), others.key_at), names


def _is_good(rule: FieldRule, nodes: list[Node], fields: Mapping[str, Field], subject: str, context: Context) -> bool:
    good = True
    for index, (name, node) in enumerate(zip(rule.fields, nodes, strict=True)):
        at, field = node.key_at, fields.get(name)
        if field is None:
            fix = did_you_mean(name, fields) or "name one of the event's fields; those inside objects can't be named"
            context.error(at, "unknown-field", f'the event has no field "{name}"', fix, subject)
        elif not field.optional:
            message = f'"{name}" is required, so a rule about its presence says nothing'
            context.error(at, "rule-field", message, "make the field optional, or take it out of the rule", subject)
        elif name in rule.fields[:index]:
            context.error(at, "rule-field", f'the rule names "{name}" twice', "name it once", subject)
        else:
            continue
        good = False
    return good


def _check_possible(rules: list[FieldRule], subject: str, context: Context) -> None:
    """Report rules that no event can keep, and fields that no event can have."""
    fix = "remove or change one of the rules"
    if choice(rules, {}) is None:
        context.error(rules[0].at, "rule-contradiction", "no event can keep all of these rules", fix, subject)
        return
    firsts = {name: rule.at for rule in reversed(rules) for name in rule.fields}
    for name in dict.fromkeys(name for rule in rules for name in rule.fields):
        if choice(rules, {name: True}) is None:
            message = f'no event that has "{name}" can keep all of these rules'
            context.error(firsts[name], "rule-contradiction", message, fix, subject)
