"""Lists the explainer's methods."""

from captum_client.http.explainer import Explainer
from captum_client.query.query import Query
from captum_client.terminal.method_table import method_lines
from captum_client.terminal.spinner import spinner


def list_methods(explainer: Explainer, query: Query) -> None:
    """Print all methods, or the parameters of those that were asked for; raises QueryError as the explainer does."""
    with spinner("methods"):
        answer = explainer.methods()
    print("\n".join([answer.text] if query.json else method_lines(answer, query.methods)))
