"""A Django service in one file that tracks every request.

    pip install adi-analytics django gunicorn
    cd examples && DATABASE_URL=postgresql://... gunicorn --preload --workers 4 django_app:application

The client is made once, when the module is loaded. With ``--preload`` that is before gunicorn forks: each worker
process begins with an empty queue and a connection of its own, and delivers what it has when it stops.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

from adi_analytics import AnalyticsClient, analytics_context, events
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.urls import path

SERVICE = "projects-api"
client = AnalyticsClient.connect(service=SERVICE)


def track_requests(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Make the middleware: it tracks an `ApiRequest` per request, and gives all events of a request its id."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        started = time.monotonic()
        with analytics_context(request_id=str(uuid.uuid4())):
            # Django has turned exceptions of the view into responses by now.
            response = get_response(request)
            match = request.resolver_match
            client.track(
                events.ApiRequest(
                    service=SERVICE,
                    # The route, not the path: "projects/<uuid:project_id>" is one endpoint, not one per project.
                    endpoint=f"/{match.route}" if match else "(none)",
                    method=request.method or "",
                    status_code=response.status_code,
                    duration_ms=round((time.monotonic() - started) * 1000),
                )
            )
        return response

    return middleware


def delete_project(request: HttpRequest, project_id: uuid.UUID) -> HttpResponse:
    """Delete a project; this example stores none."""
    user_id = uuid.UUID(request.headers["X-User"])
    client.track(events.ProjectDeleted(project_id=project_id, user_id=user_id))
    return JsonResponse({"deleted": str(project_id)})


def broken(_request: HttpRequest) -> HttpResponse:
    """Fail as real services do at times."""
    raise RuntimeError("this view always fails")


urlpatterns = [path("projects/<uuid:project_id>", delete_project), path("broken", broken)]
settings.configure(
    ALLOWED_HOSTS=["127.0.0.1", "localhost"],
    MIDDLEWARE=[f"{__name__}.track_requests"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="only an example",
)
application = get_wsgi_application()
