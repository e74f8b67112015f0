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
    assert list(debtags.tagged_packages(LIST)) == [
        ("zoo", "animals", "devel::lang:c++ role::program use::editing use::viewing"),
        ("ant", "ant", "role::program"),
    ]


@pytest.mark.skipif(not shutil.which(debtags.APT_HELPER), reason="needs apt-helper")
def test_table(tmp_path):
    (tmp_path / "list").write_text(LIST)
    debtags.main([str(tmp_path / "table.tsv"), str(tmp_path / "list")])
    lines = (tmp_path / "table.tsv").read_text().splitlines()
    assert lines[0] == "package\tsource\ttags"
    assert [line.split("\t")[0] for line in lines[1:]] == ["ant", "zoo"]
    with pytest.raises(UserError, match="nothing: "):
        debtags.main([str(tmp_path / "table.tsv"), str(tmp_path / "nothing")])
