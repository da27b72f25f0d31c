"""All settings. Everything an operator can set comes from the environment; nothing else reads it.

``docs/settings.md`` lists the variables; a test keeps the two together.
"""

from __future__ import annotations

from pathlib import Path

from csp.constants import NONCE, NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.templatetags.static import static

from opsconsole import databases, env
from opsconsole.static_versions import add_headers

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = env.path("OPSCONSOLE_DATA", BASE_DIR / "data")
env.private_directory(DATA_DIR)

DEBUG = env.flag("OPSCONSOLE_DEBUG", default=False)
SECRET_KEY = env.text("OPSCONSOLE_SECRET_KEY", default="") or env.secret_file(DATA_DIR / "keys" / "django.key")
PORT = env.integer("PORT", default=8000)
ALLOWED_HOSTS = env.words("OPSCONSOLE_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
#: Full origins (scheme, host, port) whose pages may open sockets and post forms.
OPSCONSOLE_ORIGINS = env.words(
    "OPSCONSOLE_ORIGINS", default=[f"http://{host}:{PORT}" for host in ("127.0.0.1", "localhost", "[::1]")]
)
CSRF_TRUSTED_ORIGINS = OPSCONSOLE_ORIGINS

# The console's own settings.
OPSCONSOLE_SECRET_KEYS = env.words("OPSCONSOLE_ENCRYPTION_KEYS", default=[])
OPSCONSOLE_SECRET_KEY_FILE = env.path("OPSCONSOLE_ENCRYPTION_KEY_FILE", DATA_DIR / "keys" / "encryption.keys")
#: Bytes stored per HostRun before its program is stopped.
OPSCONSOLE_OUTPUT_LIMIT = env.integer("OPSCONSOLE_OUTPUT_LIMIT", default=256 * 1024 * 1024)
#: HostRuns of all runs together that this process executes at the same time.
OPSCONSOLE_MAX_ACTIVE = env.integer("OPSCONSOLE_MAX_ACTIVE", default=256)
#: Seconds between TERM and KILL when a program is ended.
OPSCONSOLE_KILL_GRACE = env.number("OPSCONSOLE_KILL_GRACE", default=5.0)
#: Seconds without any sign of life after which a connection counts as dead.
OPSCONSOLE_DEAD_PEER = env.number("OPSCONSOLE_DEAD_PEER", default=45.0)
# Seconds an SSH connection stays open for the next run on its host, and how many do.
OPSCONSOLE_KEEP_CONNECTIONS = env.number("OPSCONSOLE_KEEP_CONNECTIONS", default=60.0)
OPSCONSOLE_KEEP_MOST = env.integer("OPSCONSOLE_KEEP_MOST", default=500)
#: KiB that programs which nobody follows may have printed on one host, all together, before they are stopped.
OPSCONSOLE_SPOOL_QUOTA = env.integer("OPSCONSOLE_SPOOL_QUOTA", default=2 * 1024 * 1024)
#: Seconds for which a host with a running detached program is tried again after contact to it was lost.
OPSCONSOLE_RECONNECT_FOR = env.number("OPSCONSOLE_RECONNECT_FOR", default=24 * 3600)
#: The account that ``manage.py serve`` makes where there is no administrator yet.
OPSCONSOLE_ADMIN = env.text("OPSCONSOLE_ADMIN", default="admin")
OPSCONSOLE_ADMIN_PASSWORD = env.text("OPSCONSOLE_ADMIN_PASSWORD", default="")
#: Whether ``manage.py serve`` brings up the demo fleet.
DEMO = env.flag("DEMO", default=True)
#: Seconds after which a viewer looks for news by itself, because a doorbell may be lost on the way.
OPSCONSOLE_LOOK_EVERY = env.number("OPSCONSOLE_LOOK_EVERY", default=2.0)
#: Seconds after which a watcher who was not seen is taken to have left without a word.
OPSCONSOLE_WATCHER_EXPIRY = env.number("OPSCONSOLE_WATCHER_EXPIRY", default=30.0)
#: Where processes keep the lock that says they are alive.
OPSCONSOLE_OWNER_DIR = DATA_DIR / "owners"

INSTALLED_APPS = [
    "daphne",
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "django_filters",
    "csp",
    "axes",
    "servers",
    "consoles",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "opsconsole.admin_csp.AdminScriptSources",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
    "consoles.middleware.ConsoleMiddleware",
]

AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AXES_FAILURE_LIMIT = 8
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_TEMPLATE = "registration/locked.html"
AXES_VERBOSE = False

ROOT_URLCONF = "opsconsole.urls"
ASGI_APPLICATION = "opsconsole.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
            ],
        },
    },
]

DATABASE_URL = env.text("DATABASE_URL", default="")
#: Connections to PostgreSQL that this process keeps at the most.
DATABASE_CONNECTIONS = env.integer("OPSCONSOLE_DATABASE_CONNECTIONS", default=20)
SQLITE_FILE = env.path("OPSCONSOLE_DATABASE", DATA_DIR / "console.sqlite3")
DATABASES = {
    "default": databases.postgresql(DATABASE_URL, DATABASE_CONNECTIONS)
    if DATABASE_URL
    else databases.sqlite(SQLITE_FILE)
}

REDIS_URL = env.text("REDIS_URL", default="")
CHANNEL_LAYERS = {
    "default": {
        # Pub/sub: the other Redis layer drops messages at 100 and breaks every socket when Redis restarts.
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL]},
    }
    if REDIS_URL
    else {"BACKEND": "channels.layers.InMemoryChannelLayer"}
}

LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "run-list"
LOGOUT_REDIRECT_URL = "login"
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = env.flag("OPSCONSOLE_HTTPS", default=False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SESSION_COOKIE_SECURE else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 8 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        # xterm.js writes a style sheet for its colours; without this its text turns black.
        "style-src": [SELF, UNSAFE_INLINE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}
#: The admin's theme evaluates Alpine expressions; nothing else of the site may.
ADMIN_SCRIPT_SOURCES = [SELF, NONCE, UNSAFE_EVAL]

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

STATIC_URL = "static/"
STATIC_ROOT = env.path("OPSCONSOLE_STATIC", DATA_DIR / "static")
NPM = BASE_DIR / "node_modules"
ICONS_DIR = NPM / "@tabler" / "icons" / "icons"
STATICFILES_DIRS = [
    BASE_DIR / "static",
    *(
        (f"vendor/{name}", str(NPM / folder))
        for name, folder in {
            "tabler/css": "@tabler/core/dist/css",
            "tabler/js": "@tabler/core/dist/js",
            "xterm/lib": "@xterm/xterm/lib",
            "xterm/css": "@xterm/xterm/css",
            "addon-fit/lib": "@xterm/addon-fit/lib",
            "addon-search/lib": "@xterm/addon-search/lib",
            "addon-unicode11/lib": "@xterm/addon-unicode11/lib",
            "addon-webgl/lib": "@xterm/addon-webgl/lib",
        }.items()
        if (NPM / folder).is_dir()
    ),
]
# Read by opsconsole/static_files.py.
WHITENOISE_USE_FINDERS = True
WHITENOISE_ADD_HEADERS_FUNCTION = add_headers
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "opsconsole.static_versions.VersionedStaticFiles"},
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env.text("OPSCONSOLE_LOG_LEVEL", default="WARNING")},
    # paramiko's debug log names keys and payload sizes; its errors reach us as exceptions anyway.
    "loggers": {"paramiko": {"level": "CRITICAL"}, "axes": {"level": "WARNING"}},
}

#: Times in the admin are written as on the pages.
FORMAT_MODULE_PATH = "opsconsole.formats"

#: The admin's theme: the colours of static/css/console.css, on the scales that the theme knows.
UNFOLD = {
    "SITE_TITLE": "Ops Console",
    "SITE_HEADER": "Ops Console",
    "SITE_URL": "/",
    "SITE_ICON": lambda request: static("img/icon.svg"),
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("img/icon.svg")},
    ],
    "SHOW_BACK_BUTTON": True,
    "BORDER_RADIUS": "6px",
    "COLORS": {
        "base": {
            "50": "#f6f7f9",
            "100": "#eef0f3",
            "200": "#e1e5ea",
            "300": "#cbd2da",
            "400": "#9ba7b5",
            "500": "#66717f",
            "600": "#55606d",
            "700": "#3a4451",
            "800": "#272e38",
            "900": "#151a20",
            "950": "#0f1216",
        },
        "primary": {
            "50": "#e8f0fc",
            "100": "#d3e3fa",
            "200": "#abcaf5",
            "300": "#7ab0ff",
            "400": "#5597f5",
            "500": "#7ab0ff",
            "600": "#1a66cc",
            "700": "#1558b3",
            "800": "#124c9b",
            "900": "#16273f",
            "950": "#101c2e",
        },
        "font": {
            "subtle-light": "#55606d",
            "subtle-dark": "#9ba7b5",
            "default-light": "#3a4451",
            "default-dark": "#cbd2da",
            "important-light": "#1a2028",
            "important-dark": "#e6eaf0",
        },
    },
    "STYLES": [lambda request: static("css/admin.css")],
    "DASHBOARD_CALLBACK": "consoles.admin.overview.overview",
    "SIDEBAR": {"show_search": False, "show_all_applications": False, "navigation": "opsconsole.sidebar.navigation"},
}
