"""Rule `secrets`: keys, tokens and private keys, as detect-secrets knows them, and a few more."""

import re
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module

from rankmill.audit.findings import Distinct, Finding
from rankmill.audit.shards import Batch
from rankmill.publish.spec import Gate

_DETECTORS = {  # module: class. Left out: entropy and keywords, which prose and code trip over.
    "artifactory": "ArtifactoryDetector",
    "aws": "AWSKeyDetector",
    "azure_storage_key": "AzureStorageKeyDetector",
    "basic_auth": "BasicAuthDetector",
    "cloudant": "CloudantDetector",
    "discord": "DiscordBotTokenDetector",
    "github_token": "GitHubTokenDetector",
    "gitlab_token": "GitLabTokenDetector",
    "jwt": "JwtTokenDetector",
    "mailchimp": "MailchimpDetector",
    "npm": "NpmDetector",
    "private_key": "PrivateKeyDetector",
    "pypi_token": "PypiTokenDetector",
    "sendgrid": "SendGridDetector",
    "slack": "SlackDetector",
    "square_oauth": "SquareOAuthDetector",
    "stripe": "StripeDetector",
    "telegram_token": "TelegramBotTokenDetector",
    "twilio": "TwilioKeyDetector",
}
_MORE = {
    "Hugging Face Token": r"\bhf_[A-Za-z0-9]{34}\b",
    "Anthropic Key": r"\bsk-ant-[A-Za-z0-9_-]{32,}",
    "OpenAI Key": r"sk-[A-Za-z0-9_-]{20,}T3BlbkFJ[A-Za-z0-9_-]{20,}",
    "npm Token": r"\bnpm_[A-Za-z0-9]{36}\b",
    "Google API Key": r"\bAIza[0-9A-Za-z_-]{35}\b",
    "GitHub Fine-grained Token": r"\bgithub_pat_[0-9A-Za-z_]{60,}",
}
_PLACEHOLDER = re.compile(
    r"(?i)example|^(?:(?:my|your|the)?[_-]?(?:pass|password|passwd|pwd|pw|secret|token|key)|\W+|x+)$"
)
_AROUND = re.compile(r"\(\?<?[!=][^()]*\)")


class Secrets:
    """Looks for secrets in every text: in Rust, a hundred times as fast, for what may be one.

    detect-secrets has the last word on each. Its patterns are asked one by one, for each alone
    begins with letters that Rust finds faster than it could run a pattern of them all.
    """

    def __init__(self, gate: Gate) -> None:
        self.limit, self.found = gate.secrets, Distinct()
        detectors = (
            getattr(import_module(f"detect_secrets.plugins.{module}"), name)()
            for module, name in _DETECTORS.items()
        )
        self.kinds: list[tuple[str, str, Callable[[str], Iterable[str]]]] = [
            (_loose(pattern), detector.secret_type, detector.analyze_string)
            for detector in detectors
            for pattern in detector.denylist
        ]
        self.kinds += [(one, kind, re.compile(one).findall) for kind, one in _MORE.items()]

    def see(self, batch: Batch) -> None:
        """Look at some rows."""
        patterns = [pattern for pattern, _, _ in self.kinds]
        found: dict[tuple[int, str], str] = {}
        for number, place, text in batch.matches(patterns):
            _, kind, secrets = self.kinds[number]
            found |= {(place, value): kind for value in secrets(text)}
        for (place, value), kind in sorted(found.items()):
            if not _PLACEHOLDER.search(value):
                self.found.add(value, batch, place, f"holds: {kind}")

    def findings(self) -> Iterator[Finding]:
        """At most so many."""
        yield self.found.finding("secrets", self.limit)


def _loose(pattern: re.Pattern[str]) -> str:
    """The same for Rust, which does not look around: it matches wherever the pattern does."""
    flags = "".join(
        letter for letter, flag in (("i", re.IGNORECASE), ("x", re.VERBOSE)) if pattern.flags & flag
    )
    text = _AROUND.sub("", pattern.pattern)
    return f"(?{flags}:{text})" if flags else text
