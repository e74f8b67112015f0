"""Errors that users can cause: one that ends the job, and one about a single image that does not."""


class UserError(Exception):
    """Something the user can fix.

    The message is one line that says what is wrong, where (file, row, key) and what to do.
    """


class Unreadable(Exception):  # noqa: N818 (a finding about one image, which skips its post, not a failure of the run)
    """An image that cannot be used; the message is the reason, as listed for skipped posts."""
