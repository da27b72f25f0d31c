"""What the server runs: pages over HTTP, and sockets whose Origin and login are checked."""

import gc
import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "opsconsole.settings")
pages = get_asgi_application()

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402 - needs Django set up
from channels.security.websocket import OriginValidator  # noqa: E402
from channels.sessions import CookieMiddleware, SessionMiddleware  # noqa: E402
from django.conf import settings  # noqa: E402

from consoles import dispatcher, presence  # noqa: E402
from consoles.routing import websocket_urlpatterns  # noqa: E402
from opsconsole.late_frames import DropsLateFrames  # noqa: E402
from opsconsole.pacing import KeepsPace  # noqa: E402
from opsconsole.static_files import ServesStaticFiles  # noqa: E402
from opsconsole.stopping import EndsWithItsLoop  # noqa: E402

sockets = CookieMiddleware(SessionMiddleware(URLRouter(websocket_urlpatterns)))
routes = {"http": pages, "websocket": DropsLateFrames(OriginValidator(sockets, settings.OPSCONSOLE_ORIGINS))}


def stop() -> None:
    """What runs first, then who watches: somebody may be listed for half a minute, but no output may be lost."""
    dispatcher.close()
    presence.keeper.stop()


application = EndsWithItsLoop(ServesStaticFiles(KeepsPace(ProtocolTypeRouter(routes))), stop)

# Settle what a crash left behind before the first page is served, and go on looking.
dispatcher.start()
presence.keeper.start()

# What is loaded now stays for good: without this, the collector walks all of it again and again, and each time every
# thread stands still for a tenth of a second.
gc.collect()
gc.freeze()
gc.set_threshold(10_000, 20, 50)
