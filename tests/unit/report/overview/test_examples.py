from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from PIL import Image

from booruflow.core.errors import UserError
from booruflow.core.idjson import ENTRY_SCHEMA, write_entries
from booruflow.report.overview.examples import caption_text, examples, find_texts, sample_captions, shared_out


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, dict[int, str]], Path]:
    """Writes entries to a file."""

    def write(name: str, values: dict[int, str]) -> Path:
        write_entries(tmp_path / name, [pl.DataFrame({"id": list(values), "value": list(values.values())}, schema=ENTRY_SCHEMA)])
        return tmp_path / name

    return write


def captions(ids: range) -> dict[int, str]:
    return {post: f'{{"caption":"{post}"}}' for post in ids}


def test_few_new_posts_change_little_of_the_sample(write: Callable[..., Path]) -> None:
    before = sample_captions([write("a", captions(range(0, 500))), write("b", captions(range(500, 1000)))], 20)
    after = sample_captions([write("a", captions(range(0, 1010)))], 20)
    assert len(before) == len(after) == 20
    assert [post for post, _ in before] == sorted(post for post, _ in before)
    assert len(set(before) & set(after)) >= 17
    assert sample_captions([write("a", captions(range(3)))], 20) == [(post, str(post)) for post in range(3)]


def test_a_source_with_few_posts_leaves_its_places_to_others() -> None:
    def shown(**sizes: int) -> dict[str, int]:
        samples = {source: [(post, "") for post in range(size)] for source, size in sizes.items()}
        return {source: len(posts) for source, posts in shared_out(samples).items()}

    assert shown(generated=48, edited=48, bad=48, existing=48) == {"generated": 24, "edited": 6, "bad": 6, "existing": 12}
    assert shown(generated=29, edited=2, bad=3, existing=48) == {"generated": 29, "edited": 2, "bad": 3, "existing": 14}
    assert shown(generated=0, edited=0, bad=0, existing=48) == {"generated": 0, "edited": 0, "bad": 0, "existing": 48}
    assert shown(generated=5, edited=0, bad=1, existing=3) == {"generated": 5, "edited": 0, "bad": 1, "existing": 3}


def test_a_bad_entry_is_shown_with_its_reason() -> None:
    assert caption_text("bad", 1, '{"text":"{\\"a","finish_reason":"length","reason":"truncated"}') == '[truncated] {"a'
    assert caption_text("good", 1, '{"caption":"A girl.","repaired":true}') == "A girl."


@pytest.mark.parametrize("value", ["7", "{}", '{"caption":7}', '{"text":"a"}', '{"reason":"a","text":null}', '{"caption":"a"'])
def test_an_entry_of_another_form_is_named(write: Callable[..., Path], value: str) -> None:
    with pytest.raises(UserError, match=r"good: id 5: not an object.*: delete the file"):
        sample_captions([write("good", {5: value})], 3)
    with pytest.raises(UserError, match=r"tags: id 5: not an object.*: delete the file"):
        find_texts(write("tags", {5: value}), {5}, "tags")


def test_tags_are_found_by_id(write: Callable[..., Path]) -> None:
    tags = write("tags", {1: '{"tags":"1girl, hat"}', 2: '{"tags":"1boy"}'})
    assert find_texts(tags, {1, 3}, "tags") == {1: "1girl, hat"}


def test_an_example_says_why_its_image_is_not_shown(tmp_path: Path) -> None:
    Image.new("RGB", (900, 600), "red").save(tmp_path / "1.png")
    tmp_path.joinpath("2.webp").write_bytes(b"broken")
    locations = {1: (f"{tmp_path}/1.png", None, None), 2: (f"{tmp_path}/2.webp", None, None)}
    shown = list(examples([(1, "a"), (2, "b"), (3, "c")], {1: "1girl, <3"}, locations))
    assert [(each.id, each.text, each.tags) for each in shown] == [(1, "a", "1girl, <3"), (2, "b", ""), (3, "c", "")]
    assert shown[0].image.startswith("data:image/webp;base64,") and not shown[0].fault
    assert [each.image for each in shown[1:]] == ["", ""]
    assert "not an image of a known kind" in shown[1].fault and shown[2].fault == "no image"
