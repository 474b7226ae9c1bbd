"""The made-up company, Northwind Coffee: its data, and how an account is filled with it."""
