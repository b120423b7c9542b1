"""Errors for an explainer that cannot be reached or does not answer."""

import requests
import urllib3

from captum_client.errors import QueryError
from captum_client.http.answer import STATUS_HINTS
from captum_client.printable import make_printable

_TOO_SLOW = "Use fewer steps or samples (--parameters '{\"n_steps\": 20}'), or wait longer with --timeout."


def build_timeout_error(url: str, timeout: float) -> QueryError:
    """Return the error for an answer that takes longer than `timeout` seconds."""
    return QueryError(f"{url} did not answer within {timeout:g} s.", _TOO_SLOW)


def build_failure_error(error: Exception, url: str, timeout: float) -> QueryError:
    """Return the error to show for an exception that requests or urllib3 raised while asking `url`."""
    reason = str(error)
    if isinstance(error, requests.ConnectTimeout):
        return QueryError(f"{url} cannot be reached: no connection within {timeout:g} s.", "Check the address in URL.")
    if isinstance(error, requests.Timeout) or "Read timed out" in reason:
        return build_timeout_error(url, timeout)
    if isinstance(error, requests.exceptions.SSLError):
        hint = "If the server speaks plain HTTP, use http:// in URL. For a private certificate, set REQUESTS_CA_BUNDLE."
        return QueryError(f"No secure connection to {url}: {make_printable(reason, 160)}.", hint)
    if isinstance(error, requests.exceptions.ProxyError):
        return QueryError(f"The proxy did not connect to {url}.", "Check HTTP_PROXY and NO_PROXY.")
    if "NameResolutionError" in reason:
        hint = "URL needs a reachable address; HOST can be any name."
        return QueryError(f"The host name in {url} cannot be resolved.", hint)
    if "Connection refused" in reason:
        hint = "Start the server (make serve), or forward its port (kubectl port-forward)."
        return QueryError(f"Nothing listens at {url}: connection refused.", hint)
    if isinstance(error, requests.ConnectionError | urllib3.exceptions.ProtocolError):
        return QueryError(f"The connection to {url} broke: {make_printable(reason, 160)}.", STATUS_HINTS[503])
    return QueryError(f"The request to {url} failed: {make_printable(reason, 160)}.")
