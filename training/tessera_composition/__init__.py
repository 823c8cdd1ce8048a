"""The dual encoder of compositional classification: data, model, training, soft prompts, evaluation, export."""
