"""What Prometheus is given: alerts with the names and remedies of our own alarms, their tests, and how to scrape.

The YAML files beside this module are made from it by `python -m infra.deploy.prometheus` and committed; promtool checks
and tests them. There is one recording rule: what several alerts ask for. Others would not pay: no panel of the
dashboard reads more than some hundred series.
"""
