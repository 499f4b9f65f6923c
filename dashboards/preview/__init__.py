"""Draws dashboards from their JSON and the running servers, as pages and pictures, without Grafana."""
