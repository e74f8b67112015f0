# make builds the sample, make test runs the tests; both set up what they need in .venv first.

CORES ?= 2
BIN := .venv/bin

.PHONY: sample resume report test lint docs dag clean

sample: .venv/sample.installed
	$(BIN)/snakemake --cores $(CORES)

# go on after snakemake itself was killed
resume: .venv/sample.installed
	$(BIN)/booruflow resume --cores $(CORES)

# one page about the run, results/report/index.html, and Snakemake's own about its jobs, which links to it
report: .venv/sample.installed
	$(BIN)/snakemake --cores $(CORES) all report
	$(BIN)/snakemake all report --report results/report/snakemake.html

# each file of tests in one process, and as many files at a time as there are cores
test: .venv/dev.installed
	$(BIN)/pytest --numprocesses $(CORES) --dist loadfile --no-loadscope-reorder

lint: .venv/dev.installed
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --lint

# what is generated: the conda environments from pyproject.toml, the reference and the sample's config from the schema
docs: .venv/dev.installed
	$(BIN)/python tools/environments.py
	$(BIN)/python tools/config_reference.py
	$(BIN)/python tools/config_file.py

# the graphs of rules and jobs in docs/; needs Graphviz
dag: .venv/sample.installed
	$(BIN)/python tools/graphs.py

clean:
	rm -rf .venv .snakemake results

# the package in editable form, with a dependency group of pyproject.toml
.venv/%.installed: pyproject.toml
	test -x $(BIN)/python || python3 -m venv .venv
	$(BIN)/python -m pip install --quiet 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --group $* --editable .
	touch $@
