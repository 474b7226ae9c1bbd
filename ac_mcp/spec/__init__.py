"""The declaration of operations: resources, parameters, columns, and the schemas that follow from them."""
