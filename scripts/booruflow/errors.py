"""The one kind of error that a user can cause and mend."""


class UserError(Exception):
    """Something the user can put right.

    The message is one line that says what is wrong, where (file, row, key) and what to do about it.
    """
