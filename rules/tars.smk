"""Captions and tags packed in tars by id % count, each with its index; for the whole data set and for each subset.

Needs meta_cap.json and tags/meta_cap_dd.json. Makes tars/captions/*.tar and tars/tags/*.tar with *.json beside them. Reads the
config section tars.
"""


TEXTS = {"captions": ("meta_cap.json", "caption", "caption"), "tags": ("tags/meta_cap_dd.json", "tags", "txt")}
"""Of each kind of tar: the file it is made from, the key of its texts there, and the suffix of its members."""

SCOPES = ["", *[f"subsets/{name}/" for name in config["subsets"]]]


def tars_of(scope, kind):
    """All tars of a kind and their indexes.

    One job makes them all, so a rule that needs them names the first: to look up thousands takes Snakemake seconds.
    """
    return expand(f"{R}/{scope}tars/{kind}/{{tar}}.{{suffix}}", tar=TARS, suffix=["tar", "json"])


for scope, (kind, (entries, member, suffix)) in itertools.product(SCOPES, TEXTS.items()):

    rule:
        name:
            f"{scope.replace('/', '_')}{kind}_tars"
        input:
            entries=f"{R}/{scope}{entries}",
        output:
            tars_of(scope, kind),
        log:
            f"{R}/logs/{scope}{kind}_tars.log",
        benchmark:
            f"{R}/benchmarks/{scope}{kind}_tars.tsv"
        threads: 1
        resources:
            mem_mb=1500,
        params:
            code=code("tars"),
            member=member,
            suffix=suffix,
            tars=len(TARS),
        conda:
            "../envs/data.yaml"
        message:
            "Tars from {input.entries}"
        script:
            "../scripts/tars.py"


rule tars:
    input:
        [tars_of("", kind) for kind in TEXTS],
