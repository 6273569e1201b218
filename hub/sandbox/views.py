"""The sandbox's API: who you are, and your notes."""

import json

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from hub.sandbox.bearer import requires_scope
from hub.sandbox.models import Note


@require_safe
@never_cache
@requires_scope("profile")
def profile(request: HttpRequest, owner: User) -> HttpResponse:
    """Whose token this is. `sub` never changes and is never given to another person."""
    return JsonResponse({"sub": str(owner.pk), "name": owner.get_full_name() or owner.get_username()})


@csrf_exempt
@require_http_methods(["GET", "POST"])
@never_cache
def notes(request: HttpRequest) -> HttpResponse:
    """List the owner's notes, or add one."""
    return add_note(request) if request.method == "POST" else list_notes(request)


@requires_scope("notes:read")
def list_notes(request: HttpRequest, owner: User) -> HttpResponse:
    return JsonResponse({"notes": [_shown(note) for note in Note.objects.filter(owner=owner)]})


@requires_scope("notes:write")
def add_note(request: HttpRequest, owner: User) -> HttpResponse:
    text = _text(request.body)
    if not text:
        return JsonResponse({"error": "text_missing_or_too_long"}, status=400)
    return JsonResponse(_shown(Note.objects.create(owner=owner, text=text)), status=201)


def _shown(note: Note) -> dict[str, object]:
    return {"id": note.pk, "text": note.text, "created_at": note.created_at.isoformat(timespec="seconds")}


def _text(body: bytes) -> str:
    """The note's text in a JSON body; empty when there is none that could be kept."""
    try:
        document = json.loads(body)
    except ValueError:
        return ""
    text = document.get("text") if isinstance(document, dict) else None
    if not isinstance(text, str) or "\x00" in text or len(text) > Note.LENGTH:
        return ""
    return text.strip()
