"""A form's parts: what `curl -F` and the browsers send."""

from captum_serving.errors import BadInput
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

# A form has a picture and perhaps a target; many small parts cost more time than a large one.
MOST_PARTS = 16


def is_form(content_type: str) -> bool:
    """Whether a Content-Type says that the body is a form."""
    return parse_options_header(content_type)[0] == b"multipart/form-data"


def read_form(body: bytes, content_type: str) -> dict[str, bytes]:
    """The parts of a form by their names.

    Raises:
        BadInput: It is not a form or cut off, a part has no name or another part's name, or there are more than 16.
    """
    boundary = parse_options_header(content_type)[1].get(b"boundary")
    if not boundary:
        raise BadInput("Content-Type is multipart/form-data without a boundary; expected the boundary of the parts")
    form = _Form()
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": form.begin_part,
                "on_header_field": form.add_header_name,
                "on_header_value": form.add_header_value,
                "on_header_end": form.end_header,
                "on_headers_finished": form.start_data,
                "on_part_data": form.add_data,
                "on_part_end": form.end_part,
                "on_end": form.end,
            },
        )
        parser.write(body)
    except FormParserError:
        raise BadInput("the body is not a form with the boundary that its Content-Type names") from None
    if not form.whole:
        raise BadInput("the form is cut off; expected its last boundary")
    return form.parts


class _Form:
    """Collects the parts; the parser calls it with slices of the body."""

    def __init__(self) -> None:
        self.parts: dict[str, bytes] = {}
        self.whole = False
        self._name: str | None = None
        self._header = b""
        self._value = b""
        self._slices: list[bytes] = []

    def begin_part(self) -> None:
        self._name, self._header, self._value, self._slices = None, b"", b"", []

    def add_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def add_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            name = parse_options_header(self._value.decode("latin-1"))[1].get(b"name")
            self._name = None if name is None else name.decode(errors="replace")
        self._header = self._value = b""

    def start_data(self) -> None:
        if self._name is None:
            raise BadInput("a part of the form has no name; expected data, and optionally a target")
        if self._name in self.parts:
            raise BadInput(f"the form has two parts named {self._name[:80]!r}; expected one of each")
        if len(self.parts) == MOST_PARTS:
            raise BadInput(f"the form has more than {MOST_PARTS} parts; expected data, and optionally a target")

    def add_data(self, data: bytes, start: int, end: int) -> None:
        self._slices.append(data[start:end])

    def end_part(self) -> None:
        assert self._name is not None, "the parser ends a part's headers before its data"
        self.parts[self._name] = b"".join(self._slices)

    def end(self) -> None:
        self.whole = True
