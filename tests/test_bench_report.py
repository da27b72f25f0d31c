from __future__ import annotations

import json

from bench.report import OURS, Result, Took, as_json, as_table


def compared() -> Result:
    result = Result(notes={"clush": "as installed"}, not_run={"ansible": "it is not installed"})
    for ours, theirs in ((2.5, 11.0), (2.0, 10.0), (4.0, 30.0)):
        result.add(OURS, Took(ours, processor=1.25))
        result.add("clush", Took(theirs))
    return result


def test_ratios_compare_the_best_rounds_of_each() -> None:
    answer = as_json("fanout", compared())
    assert answer["seconds"] == {"opsconsole": 2.0, "clush": 10.0}
    assert answer["ratios"] == {"clush": 5.0}
    assert answer["medians"] == {"opsconsole": 2.5, "clush": 11.0}


def test_json_is_one_line_and_names_what_was_not_run() -> None:
    line = json.dumps(as_json("fanout", compared()))
    assert "\n" not in line
    assert json.loads(line)["not_run"] == {"ansible": "it is not installed"}


def test_no_ratios_where_ours_was_left_out() -> None:
    result = Result()
    result.add("clush", Took(10.0))
    assert as_json("fanout", result)["ratios"] == {}
    assert "clush" in as_table("fan-out", "fast", result)


def test_table_shows_seconds_ratio_processor_and_reason() -> None:
    rows = {line.split()[0]: line.split() for line in as_table("fan-out", "fast", compared()).splitlines()[3:] if line}
    assert rows["opsconsole"][1:5] == ["2.00", "2.50", "1.00", "1.25"]
    assert rows["clush"][1:] == ["10.00", "11.00", "5.00", "as", "installed"]
    assert rows["ansible"][1:] == ["not", "run:", "it", "is", "not", "installed"]


def test_table_of_latency_has_milliseconds_only() -> None:
    result = Result(milliseconds={"median": 12.34, "p99": 99.96})
    result.add(OURS, Took(0.01234))
    table = as_table("latency", "soon", result)
    assert "12.3 ms" in table and "100.0 ms" in table and "best s" not in table
