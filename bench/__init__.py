"""Measures the console beside the tools people use: ``make bench``, or one job with ``make bench JOB=stream-1-host``.

Reading order: ``jobs`` (what is measured), ``lab`` (the hosts), ``console`` and ``client`` (ours), ``tools`` (the
others), ``report``.
"""
