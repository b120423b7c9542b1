"""`make serve`: keeps a predictor and its explainer running on the loopback until Ctrl-C."""

import argparse
import signal
import sys
import time

from local.servers import MODELS, ROOT, TEXT_MODEL, NotReady, Pair, running_pair


def main() -> int:
    """Serve one of the shipped models, and say how to ask it.

    Returns:
        0 after Ctrl-C or SIGTERM, 1 where a server did not start or ended by itself.
    """
    parser = argparse.ArgumentParser(prog="serve", description=__doc__)
    parser.add_argument("--model", choices=(*MODELS, TEXT_MODEL), default="fashion-mnist")
    parser.add_argument("--port", type=int, default=8080, help="the explainer's")
    parser.add_argument("--predictor-port", type=int, default=8081)
    flags = parser.parse_args()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with running_pair(flags.model, port=flags.port, predictor_port=flags.predictor_port) as pair:
            print(_how_to_ask(pair), flush=True)
            while pair.explainer.process.poll() is None and pair.predictor.process.poll() is None:
                time.sleep(0.5)
    except NotReady as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    print("a server ended by itself", file=sys.stderr)
    return 1


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _how_to_ask(pair: Pair) -> str:
    picture = (ROOT / "models" / pair.name / "examples" / "0.png").relative_to(ROOT)
    sent, asked = f"--data-binary @{picture}", "0 --method deep_lift"
    if pair.name == TEXT_MODEL:
        sent, asked = """-d '{"instances": ["not a good film"]}'""", "--text 'not a good film'"
    return f"""
{pair.name}: the explainer is at {pair.explainer.url}, the predictor at {pair.predictor.url} (Ctrl-C stops both). Try:

  curl -s {sent} {pair.explain_url} | head -c 600
  .venv/bin/python client/query_explain.py {pair.explain_url} localhost {asked}
  curl -s {pair.explainer.url}/v1/models/{pair.name}/methods
"""


if __name__ == "__main__":
    sys.exit(main())
