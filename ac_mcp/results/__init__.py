"""Pure functions that turn a payload or an error into the text and JSON the model reads."""
