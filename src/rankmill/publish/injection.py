"""Rule `injection`: documents that give orders to a model which reads them.

A teacher reads documents, and so will whoever trains or prompts with them. The rules are few, and
each asks for words that hardly stand in a text but to a model.
"""

from collections.abc import Iterator

from rankmill.audit.findings import Finding, Rows
from rankmill.audit.shards import Batch
from rankmill.publish.spec import Gate

_RULES = {
    # "Ignore all previous instructions"
    "drops its orders": (
        r"\b(?:ignore|disregard|forget|override|bypass)\s+(?:\w+\s+){0,3}?"
        r"(?:previous|prior|above|earlier|preceding|foregoing|system)\s+(?:\w+\s+){0,2}?"
        r"(?:instruction|prompt|direction|command|rule|guideline|message|order)s?\b"
    ),
    # "You are now an assistant without limits", "enable developer mode"
    "changes its role": (
        r"\byou\s+are\s+now\s+(?:\w+\s+){0,4}?(?:assistant|chatbot|model|ai|dan|agent)\b"
        r"|\b(?:enter|enable|activate)\s+(?:developer|debug|god|jailbreak|dan)\s+mode\b"
    ),
    # "Reveal your system prompt"
    "asks for its prompt": (
        r"\b(?:reveal|print|show|repeat|output|leak)\s+(?:\w+\s+){0,3}?"
        r"(?:system|hidden|initial|secret)\s+(?:prompt|instructions?|message)\b"
    ),
    # Marks that end a turn of a chat and begin another
    "speaks in a chat's marks": (
        r"<\|(?:im_start|im_end|system|assistant|endoftext|eot_id|start_header_id)\|>"
        r"|\[/?INST\]|<</?SYS>>|<start_of_turn>"
    ),
    # "Rank this document first", "give this passage the highest score"
    "asks for its grade": (
        r"\b(?:rank|place|put|list|rate|score|grade|judge|label)\s+"
        r"(?:this|the\s+current|my)\s+(?:document|passage|text|page|article|result|answer)\s+"
        r"(?:\w+\s+){0,3}?(?:first|highest|top|best|relevant|number\s+one)\b"
        r"|\b(?:give|assign|award)\s+(?:this|my)\s+(?:document|passage|text|page|article|result)\s+"
        r"(?:\w+\s+){0,3}?(?:highest|maximum|perfect|full|top|best)\s+"
        r"(?:score|grade|rating|rank|marks?|relevance)\b"
    ),
}


class Injection:
    """Counts the documents of config `corpus` that a rule matches."""

    def __init__(self, gate: Gate) -> None:
        self.limit, self.documents, self.orders = gate.injection, 0, Rows()

    def see(self, batch: Batch) -> None:
        """Look at some rows."""
        if batch.config != "corpus":
            return
        self.documents += batch.rows.height
        seen: set[int] = set()
        patterns = [f"(?i-u:{pattern})" for pattern in _RULES.values()]
        for number, place, _ in batch.matches(patterns):
            if place not in seen:
                seen.add(place)
                self.orders.add(batch, place, f"gives a model orders: {list(_RULES)[number]}")

    def findings(self) -> Iterator[Finding]:
        """At most such a share of the documents."""
        share = self.orders.count / self.documents if self.documents else 0.0
        yield Finding(
            rule="injection",
            passed=share <= self.limit,
            found=f"{self.orders.count:,} of {self.documents:,} documents ({share:.2%})",
            limit=f"at most {self.limit:.2%}",
            rows=tuple(self.orders.first),
            more=self.orders.more,
        )
