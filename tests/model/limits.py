"""How the services answer when a usage limit is reached, in headers and bodies as documented."""

from __future__ import annotations

import time

__all__ = ["limit_answer"]


def limit_answer(path: str, until: float) -> tuple[dict[str, str], dict[str, object]]:
    """Headers and body of the 429 at a path; ``until``: when the limit resets, since the epoch."""
    left = max(1, round(until - time.time()))
    if path.endswith("/messages"):
        return _anthropic(left, round(until))
    if path.endswith("/responses"):
        return {}, _codex(left, round(until))
    if "GenerateContent" in path or path.endswith(":generateContent"):
        return {}, _gemini(left)
    message = "Rate limit reached for requests"
    error = {"message": message, "type": "requests", "code": "rate_limit_exceeded"}
    return {"retry-after": str(left)}, {"error": error}


def _anthropic(left: int, until: int) -> tuple[dict[str, str], dict[str, object]]:
    unified = {
        "status": "rejected",
        "reset": str(until),
        "representative-claim": "five_hour",
        "5h-status": "rejected",
        "5h-reset": str(until),
        "5h-utilization": "1.0",
        "overage-status": "rejected",
        "overage-disabled-reason": "org_level_disabled",
    }
    headers = {f"anthropic-ratelimit-unified-{name}": value for name, value in unified.items()}
    message = "This request would exceed your account's rate limit. Please try again later."
    error = {"type": "rate_limit_error", "message": message}
    return headers | {"retry-after": str(left)}, {"type": "error", "error": error}


def _codex(left: int, until: int) -> dict[str, object]:
    message = "The usage limit has been reached"
    error = {"type": "usage_limit_reached", "message": message, "plan_type": "plus"}
    return {"error": error | {"resets_at": until, "resets_in_seconds": left}}


def _gemini(left: int) -> dict[str, object]:
    metric = "generativelanguage.googleapis.com/generate_content_free_tier_requests"
    violation = {
        "quotaMetric": metric,
        "quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier",
        "quotaDimensions": {"location": "global", "model": "gemini-2.5-flash"},
        "quotaValue": "250",
    }
    kinds = "type.googleapis.com/google.rpc."
    details = [
        {"@type": f"{kinds}QuotaFailure", "violations": [violation]},
        {"@type": f"{kinds}RetryInfo", "retryDelay": f"{left}s"},
    ]
    message = (
        "You exceeded your current quota, please check your plan and billing details.\n"
        f"* Quota exceeded for metric: {metric}, limit: 250\nPlease retry in {left}s."
    )
    status = {"code": 429, "message": message, "status": "RESOURCE_EXHAUSTED"}
    return {"error": status | {"details": details}}
