"""Writes the dashboards: one module for each, and few kinds of panels that all of them share.

`python -m dashboards.generate` writes `dashboards/<uid>.json`. What it writes depends on nothing but these modules.
"""
