"""Forms as they arrive: small parts stay in memory, large ones go to disk, none is copied."""

from collections.abc import AsyncIterator

from litestar.datastructures import UploadFile
from multipart import (  # type: ignore[import-untyped]
    MultipartSegment,
    PushMultipartParser,
    parse_options_header,
)

MOST_FILES = 20
_IN_MEMORY = 256 * 1024


class Form:
    """The parts of a form by name; a part is a file where it has a filename."""

    def __init__(self) -> None:
        self.files: dict[str, UploadFile] = {}
        self.texts: dict[str, bytes] = {}
        self._opened: list[UploadFile] = []

    def begin(self, segment: MultipartSegment) -> UploadFile:
        """Make room for a file that follows."""
        file = UploadFile(segment.content_type or "", segment.filename, max_spool_size=_IN_MEMORY)
        self._opened.append(file)
        self.files[segment.name] = file
        return file

    async def close(self) -> None:
        """Let go of what lies on disk."""
        for file in self._opened:
            await file.close()


async def read_parts(chunks: AsyncIterator[bytes], content_type: str, most_text: int) -> Form:
    """Read a form to its end; what is no file has at most `most_text` bytes in all.

    Raises ValueError, with a sentence, for a form that is malformed, or has too many parts or too
    much text.
    """
    form = Form()
    try:
        await _read(chunks, content_type, form, most_text)
    except BaseException:
        await form.close()
        raise
    return form


async def _read(
    chunks: AsyncIterator[bytes], content_type: str, form: Form, most_text: int
) -> None:
    _, options = parse_options_header(content_type)
    boundary = options.get("boundary", "")
    name, text, file = "", bytearray(), None
    with PushMultipartParser(boundary, max_segment_count=MOST_FILES + 2) as parser:
        async for chunk in chunks:
            for event in parser.parse(chunk) if chunk else ():
                if isinstance(event, MultipartSegment):
                    name, text = event.name, bytearray()
                    file = form.begin(event) if event.filename else None
                elif event and file is not None:
                    await file.write(event)
                elif event:
                    text += event
                    most_text -= len(event)
                    if most_text < 0:
                        raise ValueError("the text of the form is too large")
                elif file is not None:
                    await file.seek(0)
                else:
                    form.texts[name] = bytes(text)
