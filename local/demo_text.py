"""`make demo-text`: which words of a sentence make a network call it glad or sad."""

import sys
from pathlib import Path

from local.demo import ask, of_methods
from local.servers import TEXT_MODEL, NotReady, running_pair

TEXT = "A dull story, but what a wonderful cast: I loved every minute."
METHODS = ("layer_integrated_gradients", "lime")


def main() -> int:
    """Explain the sentence, print its words in colours and write the page.

    Returns:
        0, or 1 where a server did not start or the explanation failed.
    """
    page = Path("demo", f"{TEXT_MODEL}.html")
    page.parent.mkdir(exist_ok=True)
    print(f"{TEXT_MODEL}: starting the predictor and the explainer ...", flush=True)
    try:
        with running_pair(TEXT_MODEL) as pair:
            return ask(pair, "--text", TEXT, *of_methods(METHODS), "--output", str(page.absolute()))
    except NotReady as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
