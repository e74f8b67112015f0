"""A small schema with every kind of key that the schema of the configuration has."""

from typing import Any

import yaml

SCHEMA: dict[str, Any] = yaml.safe_load("""
$schema: https://json-schema.org/draft/2020-12/schema
title: Configuration
description: All settings.
type: object
additionalProperties: false
required: [metadata]
properties:
  metadata:
    description: The metadata, one file or many.
    type: [string, array]
    items: {type: string}
    minItems: 1
  seed: {description: Seed of the random numbers., type: integer, default: 1, minimum: 0}
  captioner:
    description: >-
      Model and
      settings.
    type: object
    additionalProperties: false
    properties:
      backend: {description: Engine that runs., enum: [transformers, openai], default: transformers}
      max_new_tokens: {description: Limit of an answer., type: integer, default: 512, minimum: 1, maximum: 4096}
      temperature: {description: 0 is greedy | exact; <n> stays., type: [number, "null"], default: null, exclusiveMinimum: 0}
      sampling:
        description: Sampling settings.
        type: object
        additionalProperties: false
        properties:
          used: {description: Sample or not., type: boolean, default: false}
  sources:
    description: Caption files.
    type: array
    default: [{file: a.json}]
    items:
      description: One file.
      type: object
      additionalProperties: false
      required: [file]
      properties:
        file: {description: A path., type: string}
        id: {description: A column., type: string, default: id}
  subsets:
    description: Filters by name.
    type: object
    default: {}
    additionalProperties:
      description: One filter.
      type: object
      additionalProperties: false
      required: [tag]
      properties:
        tag: {description: A tag that posts have., type: string}
        size: {description: A size., type: integer, multipleOf: 8}
        score: {description: The lowest score., type: integer, default: -100}
""")
