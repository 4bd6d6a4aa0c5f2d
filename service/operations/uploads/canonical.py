"""Lines of any dialect as lines that readers of numbers take: one delimiter, the point, no groups, no comments."""

import re

from service.operations.uploads.dialects import Dialect


def canonical(content: bytes, dialect: Dialect) -> bytes | None:
    """As many lines, in which every field is a number as readers know it, if it is one at all.

    Returns
    -------
    bytes or None
        None where a field is in quotation marks: such lines are cut into fields one by one.
    """
    if dialect.quote.encode() in content:
        return None
    if dialect.comment:
        content = re.sub(rb"(?m)^[ \t]*" + re.escape(dialect.comment.encode()) + rb".*$", b"", content)
    if dialect.delimiter == " ":
        content = b"\n".join([b" ".join(line.split()) for line in content.split(b"\n")])
    if dialect.thousands:
        mark = re.escape(dialect.thousands.encode())
        content = re.sub(rb"(?<=\d)" + mark + rb"(?=\d{3}(?!\d))", b"", content)
    if dialect.decimal == ",":
        content = content.replace(b",", b".")
    if dialect.trailing:
        content = re.sub(rb"(?m)" + re.escape(dialect.delimiter.encode()) + rb"[ \t]*(?=\r?$)", b"", content)
    return content
