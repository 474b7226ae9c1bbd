"""Contacts and what belongs to them: tags, lists, fields, segments, activities, imports."""
