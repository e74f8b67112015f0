"""A small transformer that embeds tag sets: data, protocol, rivals, model, training, evaluation, export."""
