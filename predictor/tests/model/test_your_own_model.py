import re
import sys
from pathlib import Path

import pytest
from captum_predictor.model.description import Input, ModelDescription, ModelDirectoryError
from captum_predictor.model.directory import load_model

PAGE = (Path(__file__).parents[3] / "docs" / "your-own-model.md").read_text()
SECTIONS = {title: body for title, _, body in (part.partition("\n") for part in PAGE.split("\n## "))}


@pytest.fixture
def run_section(tmp_path, monkeypatch):
    """Run a section's Python blocks in one namespace; a block that begins with a file's name is written there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    written = []

    def run(title):
        namespace = {}
        for block in re.findall(r"```python\n(.*?)```", SECTIONS[title], re.DOTALL):
            if file := re.match(r"# (\w+)\.py\n", block):
                (tmp_path / f"{file[1]}.py").write_text(block)
                written.append(file[1])
            else:
                exec(block, namespace)
        return namespace

    yield run
    for name in written:
        sys.modules.pop(name, None)


def test_the_chain_runs_and_prints_what_the_page_says(run_section, capsys):
    title = "A chain: a colour network"
    namespace = run_section(title)
    assert f"It prints `{capsys.readouterr().out.strip()}`" in SECTIONS[title]
    model = namespace["model"]
    assert model.input_shape == (3, 32, 32)
    assert (model.description.input.baseline, model.description.labels) == (0.4, ("red", "green", "blue"))
    assert (namespace["value"].argmax(dim=1) == namespace["classes"]).float().mean() > 0.9


def test_the_module_served_whole_runs_and_prints_what_the_page_says(run_section, capsys):
    title = "Any other module, served whole"
    namespace = run_section(title)
    assert f"It prints `{capsys.readouterr().out.strip()}`" in SECTIONS[title]
    predicted = namespace["stage"].module(namespace["images"]).argmax(dim=1)
    assert (predicted == namespace["classes"]).float().mean() > 0.9


def test_each_example_has_about_thirty_lines():
    for title in ("A chain: a colour network", "Any other module, served whole"):
        blocks = re.findall(r"```python\n(.*?)```", SECTIONS[title], re.DOTALL)
        code = [line for block in blocks for line in block.splitlines() if line and "import" not in line]
        assert len(code) < 45


def test_the_errors_are_those_that_the_page_shows(run_section):
    run_section("A chain: a colour network")
    directory = Path("models/colour")
    (directory / "model.json").write_text(
        (directory / "model.json").read_text().replace('"green",', "").replace("    \n", "")
    )
    with pytest.raises(ModelDirectoryError) as caught:
        load_model(directory, architectures="colour_network")
    assert str(caught.value) in SECTIONS["When it does not load"]


def test_the_table_has_every_key():
    keys = set(ModelDescription.model_fields) - {"input"} | {f"input.{key}" for key in Input.model_fields}
    assert set(re.findall(r"^\| `([\w.]+)` \|", SECTIONS["model.json"], re.MULTILINE)) == keys
