"""The studio: a page over one engine. Knows Request and events; knows no torch and no models.

`studio.build_studio(engine)` is the whole of it. Delete this package and the core still works.
"""
