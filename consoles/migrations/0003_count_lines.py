"""Count the lines of what was stored before lines were counted. A step of its own, and repeatable."""

from django.db import migrations


def count_lines(apps, schema_editor):
    host_runs = apps.get_model("consoles", "HostRun").objects
    chunks = apps.get_model("consoles", "OutputChunk").objects
    for host_run in host_runs.filter(lines=0, size__gt=0).iterator():
        total, newest = 0, None
        for pk, time, data in chunks.filter(host_run=host_run).order_by("offset").values_list("pk", "time", "data"):
            lines, newest = bytes(data).count(b"\n"), time
            chunks.filter(pk=pk).update(lines=lines)
            total += lines
        host_runs.filter(pk=host_run.pk).update(lines=total, printed=newest)


class Migration(migrations.Migration):
    dependencies = [("consoles", "0002_lines_notes_and_watchers")]
    operations = [migrations.RunPython(count_lines, migrations.RunPython.noop)]
