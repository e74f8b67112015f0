from debtags import paragraphs
from dependencies import dependencies

LIST = """\
Package: viewer
Section: graphics
Architecture: amd64
Depends: libfoo1 (>= 1.2), python3:any | python3-minimal,
 libfoo1, exim4 | mail-transport-agent, g++-12

Package: libfoo1
Section: libs

Package: python3
Section: python
Depends: one, two, three, four, five, six, seven
"""


def test_dependencies_of_packages():
    fields = {each["Package"]: each for each in paragraphs(LIST)}
    assert dependencies(fields) == {
        "viewer": ["libs::libfoo1", "python::python3", "virtual::exim4", "virtual::g++-12", "rating::amd64"],
        "libfoo1": [],
        "python3": [],
    }
