"""Rule embed_tags: the vectors of all tags; the dot product with the vector of a post scores how well a tag fits it."""

from pathlib import Path

import numpy as np

from booruflow.core.files import open_whole
from booruflow.core.jobs import job
from booruflow.tag_model.export import load_model

with job(snakemake.log[0], snakemake.rule):
    model, _ = load_model(Path(snakemake.input.model).parent)
    vectors = model.tag_vectors().detach().numpy().astype(np.float16)
    with open_whole(snakemake.output.vectors) as file:
        np.save(file, vectors)
