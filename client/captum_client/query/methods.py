"""Lists the explainer's methods."""

from captum_client.http.explainer import Explainer
from captum_client.query.query import Query
from captum_client.terminal.method_table import format_methods
from captum_client.terminal.spinner import show_spinner


def list_methods(explainer: Explainer, query: Query) -> None:
    """Print all methods, or the parameters of those in --method. Raises QueryError if the server refuses."""
    with show_spinner("methods"):
        answer = explainer.fetch_methods()
    print("\n".join([answer.text] if query.json else format_methods(answer, query.methods)))
