"""Dashboards: generated Grafana JSON, what generates it, and how it is drawn without Grafana."""
