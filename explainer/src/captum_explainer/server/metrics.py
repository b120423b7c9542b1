"""The explainer's own metrics."""

from prometheus_client import Counter, Gauge, Histogram

CLIENT_GONE = 499  # never sent: the status that proxies log when a client hangs up
SECONDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)

EXPLANATIONS = Histogram(
    "captum_explainer_explanation_seconds", "Explanations that succeeded", ["method"], buckets=SECONDS
)
CALLS = Counter("captum_explainer_predictor_calls", "Calls to the predictor", ["method"])
ROWS = Counter("captum_explainer_predictor_rows", "Rows sent to the predictor", ["method"])
UNFINISHED = Gauge(
    "captum_explainer_unfinished",
    "Requests under way or waiting for a thread",
    ["kind"],
    multiprocess_mode="livesum",
)
RESPONSES = Counter("captum_explainer_responses", "Responses", ["path", "status"])


def observe(method: str, seconds: float, calls: int, rows: int) -> None:
    """Count an explanation, and its calls and rows at the predictor."""
    EXPLANATIONS.labels(method).observe(seconds)
    CALLS.labels(method).inc(calls)
    ROWS.labels(method).inc(rows)
