"""Detection of refusals: the model declines to describe the image."""

import re

_REFUSAL = re.compile(
    r"""\W*(?:
    (?:i['’]?m|i\ am)\ (?:very\ |really\ |so\ )?(?:sorry|afraid|unable|not\ able|not\ comfortable)\b
    | (?:sorry|apologies|my\ apologies|unfortunately)\b[,.]?\ (?:but\ )?(?:i\b|this\ image\ cannot)
    | i\ (?:can['’]?t|can\ ?not|won['’]?t|will\ not|must\ decline|do\ not|don['’]?t)\ (?:be\ able\ to\ |to\ |feel\ comfortable\ )?
      (?:assist|help|describ|provid|fulfil|creat|comply|generat|engag|continu|do\ that|view|see|process|analy[sz]
      |caption|discuss)\w*
    | i\ apologi[sz]e\b
    | as\ an\ (?:ai|artificial\ intelligence|assistant)\b(?!-)
    )""",
    re.IGNORECASE | re.VERBOSE,
)


def refuses(text: str) -> bool:
    """Whether `text` begins by declining to describe the image. The same words in quotes or further on do not count."""
    return text[:1] not in "\"“'‘「" and _REFUSAL.match(text) is not None


def refusal_in(text: str) -> tuple[int, int] | None:
    """Where the first words of a refusal stand in an output that is one, within whatever it is wrapped in."""
    found = _REFUSAL.search(text)
    if found is None:
        return None
    words = found[0].lstrip()
    return found.end() - len(words), found.end()
