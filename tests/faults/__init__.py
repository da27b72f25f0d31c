"""The fault suite: real runs on real hosts, harmed at random but repeatable moments, and a check of what became of it.

``make test-faults``, or ``python -m tests.faults --help``. docs/reliability.md says what is promised and proved.
"""
