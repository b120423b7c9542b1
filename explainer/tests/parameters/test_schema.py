"""Our reading of a schema is jsonschema's, for every parameter of the catalogue, but for whole numbers such as 5.0."""

import itertools

import jsonschema
import pytest
from captum_explainer.catalogue.catalogue import catalogue
from captum_explainer.catalogue.shared_parameters import list_parameters
from captum_explainer.kinds.text.methods import METHODS, list_text_parameters
from captum_explainer.parameters.schema import fits_schema
from captum_explainer.predictor_client.description import Access, Description
from captum_explainer.settings import Limits

MODEL = Description("tiny", Access.STRUCTURE)
VALUES = [
    *(None, True, False, 0, 1, -1, 2, 5, 64, 65, 1001, 2**32, 10**30, 0.0, 0.5, -0.5, 1e-9, 1e29, 1e31, 1e39, 99.5),
    *("", "7", "zeros", "slic", "logit", "smoothgrad", "x" * 101, "null"),
    *([], [0], [1, 2], [-1], [True], [0.5], ["7", None, 3], [None], [[0, "A"]], [[0, 1, 2]], [[]]),
    *(["infidelity"], ["infidelity", "sensitivity"], ["infidelity"] * 2, ["other"], [1] * 16, [1] * 17),
    *({}, {"a": 1}),
]


def list_schemas():
    tensors = [list_parameters(method, MODEL) for method in catalogue().values()]
    texts = [list_text_parameters(method, MODEL) for method in METHODS.values()]
    found = {}
    for name, parameter in itertools.chain(*(each.items() for each in tensors + texts)):
        schema = parameter.apply_limits(Limits())
        parts = schema.get("properties", {}).items() if name == "smooth" else {name: schema}.items()
        found |= {f"{key} {shape.get('type', '')} {parameter.limit}": shape for key, shape in parts}
    return found


@pytest.mark.parametrize("schema", list_schemas().values(), ids=list_schemas().keys())
def test_each_value_fits_as_jsonschema_says(schema):
    whole = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int)
    kind = jsonschema.validators.extend(jsonschema.Draft202012Validator, type_checker=whole)
    for value in VALUES:
        assert fits_schema(value, schema) == kind(schema).is_valid(value), value
