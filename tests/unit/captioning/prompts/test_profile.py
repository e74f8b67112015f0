import pytest
import yaml

from booruflow.captioning.prompts.profile import FOLDER, SHIPPED, read_profile
from booruflow.core.errors import UserError

MINIMAL = {"styles": {"long": {"prompt": "Describe the image."}}}


def style(**keys):
    return {"styles": {"a": {"prompt": "x", **keys}}}


def written(tmp_path, content):
    path = tmp_path / "mine.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False), "utf-8")
    return read_profile(str(path))


def test_shipped_profiles():
    assert SHIPPED == ("joycaption", "plain", "toriigate-0.4", "toriigate-0.5")
    assert {name: next(iter(read_profile(name)["styles"])) for name in SHIPPED} == {
        "joycaption": "descriptive", "plain": "long", "toriigate-0.4": "json", "toriigate-0.5": "json",
    }  # fmt: skip
    assert len(read_profile("toriigate-0.5")["styles"]) == 10


def test_a_file_of_ones_own_gets_all_defaults(tmp_path):
    profile = written(tmp_path, MINIMAL)
    assert profile["styles"]["long"] == {
        "prompt": "Describe the image.", "answer": "prose", "prose": [], "captions": {}, "needs_names": False,
    }  # fmt: skip
    assert profile["tags"] == {"underscores": "keep", "separator": ", ", "no_characters": None}
    assert profile["sampling"]["max_new_tokens"] == 1000 and profile["image"] == {"min_pixels": None, "max_pixels": None}


@pytest.mark.parametrize("name", SHIPPED)
def test_a_copy_of_a_shipped_profile_is_the_same(name, tmp_path):
    assert written(tmp_path, FOLDER.joinpath(f"{name}.yaml").read_text("utf-8")) == read_profile(name)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ({}, "styles: missing"),
        ("- a\n", "not a profile, which has keys such as styles"),
        ("", "not a profile"),
        ("styles: {a: b: c}\n", "line 1, column 14: not YAML"),
        ("styles:\n  long: {prompt: a}\n  long: {prompt: b}\n", "styles.long: twice, in lines 2 and 3: keep one"),
        ({"styles": {}}, "styles: {} "),
        ({"styles": {"long": {}}}, "styles.long.prompt: missing"),
        ({"styles": {"a/b": {"prompt": "x"}}}, 'styles: "a/b" does not match'),
        (MINIMAL | {"sytem": "x"}, "sytem: unknown key; did you mean system?"),
        (MINIMAL | {"max_characters": 0}, "max_characters: 0 is below 1"),
        (MINIMAL | {"grounding": [{"tag": "x"}]}, "grounding.0.tag: unknown key; did you mean tags?"),
        (MINIMAL | {"grounding": [{"tags": " The tags."}]}, "tags: without {tags} in it, the tags would never be sent"),
        (MINIMAL | {"grounding": [{"tags": "{tags} {names}"}]}, "grounding.0.tags: {names} stands for nothing here: remove it"),
        (MINIMAL | {"user": "{grounding}"}, "user: without {prompt} in it"),
        (MINIMAL | {"trait": "{name}: {tags}"}, "trait: without {character} in it"),
        (style(captions={"one": "One"}, prose=["Two"]), "styles.a.captions: a markdown answer without prose"),
        (style(captions={"caption": "One"}), "styles.a.captions.caption: a name that files of captions use otherwise"),
        (MINIMAL | {"sampling": {"temperature": "hot"}}, 'sampling.temperature: "hot" is not a number'),
    ],
)  # fmt: skip
def test_errors_name_the_file_and_the_key_in_one_line(content, error, tmp_path):
    with pytest.raises(UserError) as raised:
        written(tmp_path, content)
    assert error in str(raised.value)
    assert all(line.startswith(str(tmp_path / "mine.yaml")) for line in str(raised.value).splitlines())


def test_a_profile_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match=r"captioner.profile: 'toriigate-0.6' is not a profile; did you mean toriigate-0\.[45]\?"):
        read_profile("toriigate-0.6")
    with pytest.raises(UserError, match=r"none.yaml"):
        read_profile(str(tmp_path / "none.yaml"))


def test_a_file_that_is_not_utf_8(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"system: a\nstyles: \xff\n")
    with pytest.raises(UserError, match=r"mine\.yaml: line 2: not UTF-8"):
        read_profile(str(path))
