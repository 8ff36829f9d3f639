"""The dashboard for Grafana, made from code with grafana-foundation-sdk, which is a dependency of development only.

`python -m infra.deploy.grafana` writes dashboard.json beside this module; it is committed and can be imported as it is.
"""
