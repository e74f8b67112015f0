import shutil

import debtags
import pytest

from booruflow.core.errors import UserError

LIST = """\
Package: zoo
Source: animals (1.0)
Tag: role::program, use::{viewing, editing},
 devel::lang:c++
Description: text
 Tag: not::a-field

Package: bare
Description: without tags

Package: ant
Tag: role::program
"""


def test_packages_of_a_list():
    zoo, bare, ant = debtags.paragraphs(LIST)
    assert debtags.tags_of(zoo["Tag"]) == ["devel::lang:c++", "role::program", "use::editing", "use::viewing"]
    assert zoo["Source"] == "animals (1.0)"
    assert "Tag" not in bare
    assert ant == {"Package": "ant", "Tag": "role::program"}


@pytest.mark.skipif(not shutil.which(debtags.APT_HELPER), reason="needs apt-helper")
def test_table(tmp_path):
    (tmp_path / "list").write_text(LIST)
    debtags.main([str(tmp_path / "table.tsv"), str(tmp_path / "list")])
    lines = (tmp_path / "table.tsv").read_text().splitlines()
    assert lines[0] == "package\tsource\ttags"
    assert lines[1:] == [
        "ant\tant\trole::program",
        "zoo\tanimals\tdevel::lang:c++ role::program use::editing use::viewing",
    ]
    with pytest.raises(UserError, match="nothing: "):
        debtags.main([str(tmp_path / "table.tsv"), str(tmp_path / "nothing")])
