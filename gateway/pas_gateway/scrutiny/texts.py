"""Text rules that never fire, always fire, or say what an earlier one has said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from pas_gateway.scrutiny.findings import Finding
from pas_gateway.scrutiny.witness import CannotTellError, texts_of
from pas_schemas.rulebook import TEXT_GATES, Pattern

# They have no word in common, and nothing in them is for a gate: what fires on each of them fires on anything.
PLAIN_SENTENCES: Final = (
    "He paid for drugs at Christmas.", "Seen near gate B, 14:30.", "Two phones were found under beds",
    "Known associate: nothing new", "Unrest likely",
)  # fmt: skip


def in_patterns(patterns: Sequence[Pattern]) -> Iterator[Finding]:
    """Findings on the text rules, by their numbers."""
    for gate in TEXT_GATES:
        if not any(pattern.gate == gate for pattern in patterns):
            yield Finding("DEAD_RULE", "text_rules.csv", f"{gate}: no pattern")
    for place, pattern in enumerate(patterns):
        where = f"text_rules.csv rule {pattern.number}"
        if all(pattern.regex.search(sentence) for sentence in PLAIN_SENTENCES):
            yield Finding("PATTERN_ALWAYS", where, pattern.gate)
            continue
        yield from _tried(pattern, patterns[:place], where)


def _tried(pattern: Pattern, earlier: Sequence[Pattern], where: str) -> Iterator[Finding]:
    try:
        texts = texts_of(pattern.regex)
    except CannotTellError:
        return
    if not texts:
        yield Finding("PATTERN_NEVER", where, pattern.gate)
        return
    for former in earlier:
        if former.gate == pattern.gate and all(former.regex.search(text) for text in texts):
            yield Finding("PATTERN_SHADOWED", where, f"{pattern.gate}: rule {former.number} is enough")
            return
