import httpx
import pytest
import requests
from captum_explainer.formats.multipart import is_form, read_form
from captum_serving.errors import BadInput

DATA = bytes(range(256)) + b"\r\n--\r\n--b\r\n\n" + bytes(range(256))


def by_requests(files, fields):
    prepared = requests.Request("POST", "http://host", files=files, data=fields).prepare()
    return prepared.body, prepared.headers["Content-Type"]


def by_httpx(files, fields):
    request = httpx.Request("POST", "http://host", files=files, data=fields)
    return request.read(), request.headers["Content-Type"]


def form(*parts, boundary=b"Bound", end=b"--Bound--\r\n"):
    body = b"".join(b"--" + boundary + b"\r\n" + headers + b"\r\n\r\n" + data + b"\r\n" for headers, data in parts)
    return body + end, f"multipart/form-data; boundary={boundary.decode()}"


def named(name):
    return b'Content-Disposition: form-data; name="' + name + b'"'


@pytest.mark.parametrize("client", [by_requests, by_httpx])
def test_the_parts_of_clients_forms_are_read_byte_for_byte(client):
    body, content_type = client({"data": ("0.png", DATA, "image/png")}, {"target": "7"})
    assert is_form(content_type)
    assert read_form(body, content_type) == {"data": DATA, "target": b"7"}


def test_the_boundary_keeps_its_case_and_may_be_quoted():
    body, _ = form((named(b"data"), DATA))
    assert read_form(body, 'Multipart/Form-Data; charset=utf-8; boundary="Bound"') == {"data": DATA}


@pytest.mark.parametrize("content_type", ["", "image/png", "multipart/mixed; boundary=x", "application/json"])
def test_what_is_not_called_a_form_is_none(content_type):
    assert not is_form(content_type)


@pytest.mark.parametrize(
    ("body", "content_type", "sentence"),
    [
        (form((named(b"data"), DATA))[0], "multipart/form-data", "without a boundary; expected the boundary"),
        (form((named(b"data"), DATA))[0], "multipart/form-data; boundary=bound", "is not a form with the boundary"),
        (b"hello", "multipart/form-data; boundary=Bound", "is not a form with the boundary"),
        (b"--Bound\r\nno header\r\n\r\n", "multipart/form-data; boundary=Bound", "is not a form with the boundary"),
        (b"", "multipart/form-data; boundary=Bound", "the form is cut off; expected its last boundary"),
        (b"x", "multipart/form-data; boundary=" + "b" * 300, "is not a form with the boundary"),
        (*form((named(b"data"), DATA), end=b""), "the form is cut off; expected its last boundary"),
        (*form((b"Content-Type: image/png", DATA)), "a part of the form has no name; expected data"),
        (*form((named(b"data"), b"1"), (named(b"data"), b"2")), "the form has two parts named 'data'"),
        (*form(*[(named(b"%d" % i), b"") for i in range(17)]), "the form has more than 16 parts"),
        (*form((named(b"data") + b"\r\nX: " + b"y" * 5000, DATA)), "is not a form with the boundary"),
    ],
)
def test_what_is_no_whole_form_is_refused(body, content_type, sentence):
    with pytest.raises(BadInput) as refusal:
        read_form(body, content_type)
    assert sentence in refusal.value.sentence
