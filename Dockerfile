# Front-end packages: files taken from npm as they are, nothing is built.
FROM node:22-bookworm-slim AS front-end
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-progress

FROM python:3.11-slim-bookworm AS packages
COPY requirements.txt ./
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --disable-pip-version-check -r requirements.txt

# Static files gathered once, so that the last stage needs of npm's packages only the icons that templates read.
FROM packages AS static
ENV PATH=/venv/bin:$PATH OPSCONSOLE_DATA=/tmp/data OPSCONSOLE_STATIC=/app/staticfiles
WORKDIR /app
COPY . .
COPY --from=front-end /src/node_modules node_modules
RUN python manage.py collectstatic --noinput --verbosity 0

FROM python:3.11-slim-bookworm
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    OPSCONSOLE_DATA=/data \
    OPSCONSOLE_STATIC=/app/staticfiles \
    DEMO=0
# Numbers of our own, so that a directory mounted as /data can be given to them: chown 10001:10001.
RUN groupadd --gid 10001 console \
    && useradd --uid 10001 --gid console --no-log-init --create-home --shell /usr/sbin/nologin console \
    && install --directory --owner=console --group=console --mode=0700 /data
WORKDIR /app
COPY --from=packages /venv /venv
COPY . .
COPY --from=front-end /src/node_modules/@tabler/icons/icons node_modules/@tabler/icons/icons
COPY --from=static /app/staticfiles staticfiles
# Compiled here, because the account that runs it may not write to /app.
RUN python -m compileall -q opsconsole servers consoles demo
USER console
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["python", "tools/healthcheck.py"]
# SQLite in /data, or PostgreSQL where DATABASE_URL names one (docs/databases.md).
# Migrates, makes the admin account at the first start (its password is in the log once) and serves.
CMD ["python", "manage.py", "serve", "--bind", "0.0.0.0"]
