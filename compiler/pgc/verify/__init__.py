"""Validators: in-process (readers, JSON Schemas) and the products' own tools, run locally or in an image."""
