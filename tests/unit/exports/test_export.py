"""What all forms share: which posts are in an export, and what its README says of them."""

import re
import tomllib

import pytest
from small_exports import POSTS, TRAINED, VARIANTS, export, image_folder

from booruflow.core.errors import UserError
from booruflow.exports.settings import IMAGES


def test_no_post_left_is_one_line(write):
    with pytest.raises(UserError, match="export set: no post has an image and a text"):
        write("folder", variants=[{"template": "{copyrights}"}])


def test_posts_are_in_no_export_without_any_text(write):
    assert [post[0] for post in POSTS if post[0] not in TRAINED] == [5]
    assert VARIANTS[1]["template"].count("{rating}") == 1  # a rating alone is no text


@pytest.mark.parametrize(
    ("form", "has_image", "reason"),
    [
        ("folder", True, "a training resolution"),
        ("sd-scripts", True, "a training resolution"),
        ("folder", False, "an image"),
        ("sd-scripts", False, "a training resolution"),
    ],
)
def test_posts_without_an_image_or_a_training_resolution_are_counted(form, has_image, reason, tmp_path):
    source = image_folder(tmp_path)
    if not has_image:
        (source / "4.PNG").unlink()
    folder = export(tmp_path, source, form=form, images=IMAGES[form][0], without_resolution=[4])
    readme = (folder / "README.md").read_text("utf-8")
    assert "| texts of | 4 images |" in readme
    assert re.findall(r"\| left out, without (.*) \| [1-9]", readme) == [reason]
    assert f"| left out, without {reason} | 1 |" in readme


def test_posts_whose_variants_are_all_empty_are_counted(write):
    readme = (write("folder", variants=[{"template": "{artist}"}]) / "README.md").read_text("utf-8")
    assert "| texts of | 2 images |" in readme and "| left out, without a text | 3 |" in readme


@pytest.mark.parametrize(
    ("variants", "divider", "separator"),
    [
        ([], None, None),
        ([], "|||", "|||"),
        ([{"template": "{tags}"}, {"template": "{caption}"}], "###", "###"),
        ([{"template": "{caption}"}], "###", None),
        ([{"template": "{characters} ||| {general}"}, {"template": "{caption}"}], None, "|||"),
    ],
)
@pytest.mark.parametrize(("form", "way"), [("sd-scripts", "none"), ("folder", "copy"), ("ai-toolkit", "copy")])
def test_a_divider_is_named_to_trainers_that_know_one(write, form, way, variants, divider, separator):
    folder = write(form, variants=variants, divider=divider, images=way)
    rows = [line for line in (folder / "README.md").read_text("utf-8").splitlines() if line.startswith("| divider |")]
    assert len(rows) == bool(separator)
    if separator:
        assert rows[0].replace("\\|", "|").startswith(f"| divider | `{separator}`: ")
        assert ("keep_tokens_separator" in rows[0]) == (form != "ai-toolkit")
    if form != "ai-toolkit":
        subset = tomllib.loads((folder / "dataset.toml").read_text())["datasets"][0]["subsets"][0]
        assert subset.get("keep_tokens_separator") == separator
