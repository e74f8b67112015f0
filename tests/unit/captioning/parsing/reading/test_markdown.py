from booruflow.captioning.parsing.reading.markdown import is_markdown, read_markdown


def test_sections_labels_and_bullets():
    text = "# Girl\nShe stands\nhere.\n\n**Hair:** long\n\n## Clothes\n- hat\n- *red* scarf\n\n---\n## Texts\n1. Hi\n"
    girl = (("", "She stands here."), ("Hair", "long"), ("Clothes", ["hat", "red scarf"]), ("Texts", "Hi"))
    assert read_markdown(text) == (("Girl", girl),)


def test_paragraphs_keep_their_order():
    value = read_markdown("intro\n\n## A\none\n\n## B\n- x: 1\n- **C:** two\n")
    assert value == (("", "intro"), ("A", "one"), ("B", (("", "x: 1"), ("C", "two"))))


def test_bullets_continue_a_text_with_a_colon():
    assert read_markdown("She wears:\n- a hat\n- a scarf.\n") == (("", "She wears: a hat, a scarf"),)


def test_what_is_markdown():
    assert (
        is_markdown("# A\nb")
        and is_markdown("**A:** b")
        and is_markdown("- a\n- b")
        and is_markdown("Character: a\nBackground: b")
    )
    assert not is_markdown("A girl - tall - stands.\nShe *smiles*.") and not is_markdown("Senko: hi\nRin: ho")
