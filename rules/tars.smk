"""Captions and tags packed in tars by id % count, each with its index; for the whole data set and for each subset.

Needs meta_cap.json and tags/meta_cap_dd.json. Makes tars/captions/*.tar and tars/tags/*.tar with *.json beside them. Reads the
config section tars.
"""

SCOPES = {"": "", **{f"subset_{name}_": f"subsets/{name}/" for name in config["subsets"]}}
"""Of the whole data set and each subset: how the names of their rules begin, and their folder."""


for (prefix, scope), (kind, (entries, member, suffix)) in itertools.product(SCOPES.items(), TEXTS.items()):

    rule:
        name:
            f"{prefix}{kind}_tars"
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
