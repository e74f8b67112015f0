"""Errors that users can cause: one that ends the job, and one about a single image that does not."""

from json import JSONDecodeError


class UserError(Exception):
    """Something the user can fix; the message is one line: what is wrong, where (file, row, key) and what to do."""


def counted_noun(count: int, noun: str, plural: str = "") -> str:
    """`1 product` or `2,000 products`; `plural` is that of a noun that takes more than an s."""
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"


def first_line(error: Exception) -> str:
    """The first line of an error's text, at most 160 characters, to quote in a one-line message."""
    return (str(error) or type(error).__name__).splitlines()[0][:160]


def json_fault(error: JSONDecodeError) -> str:
    """Why a text is not JSON, in words for its author, to quote in a message."""
    message = error.msg
    if message.startswith("unexpected end of data"):
        return "it ends before all brackets and quotes are closed"
    if message in ("failed to allocate memory", "depth limit exceeded"):  # orjson, also of brackets that are never closed
        return "too many brackets in brackets, which are perhaps not closed"
    return "it is empty" if message.startswith("Input is a zero-length") else message


class Unreadable(Exception):  # noqa: N818 (a finding about one image, which skips its post, not a failure of the run)
    """An image that cannot be used; the message is the reason, as listed for skipped posts."""
