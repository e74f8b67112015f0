"""Names of image files: how they contain the id of a post. Snakemake imports this module; it imports no data libraries."""

import re

from booruflow.core.errors import UserError

EXTENSIONS = ("png", "jpg", "jpeg", "webp", "bmp", "avif", "gif")
"""Extensions of images, in any case. Of several images of a post, the one whose extension comes first here is taken, as in
sd-scripts."""

_PLACEHOLDERS = {"{id}": "([0-9]{1,18})"}  # as booruflow.core.idjson.MAX_ID_DIGITS, which comes with polars


def name_pattern(template: str) -> str:
    r"""A regular expression, for Python and polars, of the last part of a path to an image; append the anchor of the end.

    Its groups are the id and the extension.

    Args:
        template: the name without extension; `{id}` stands for the id, any other `{word}` for any text, at least one character.
            With "danbooru_{id}_{md5}" the post of `danbooru_123_d34e4c.png` is 123.

    Raises:
        UserError: the template does not tell where the id begins and ends.
    """
    once = template.count("{id}") == 1 and re.search(r"(?<![0-9}])\{id\}(?![0-9{])", template)
    if not once or not re.fullmatch(r"(?:[^{}/\\]|\{\w+\})*", template):
        raise UserError(
            f"config.yaml: inputs.image_name: '{template}': use {{id}} once, without a digit or another {{word}} next to it, "
            "as in danbooru_{id}_{md5}; leave out folders and the extension"
        )
    literals = re.split(r"(\{\w+\})", template)
    parts = [_PLACEHOLDERS.get(part, r"[^/\\]+") if part.startswith("{") else re.escape(part) for part in literals]
    return rf"(?:^|[/\\]){''.join(parts)}\.((?i:{'|'.join(EXTENSIONS)}))"


def fixed_parts(template: str) -> tuple[str, str] | None:
    """What stands before and after the id in every name, or None if names have parts that the id does not determine."""
    before, after = template.split("{id}")
    return None if "{" in before + after else (before, after)
