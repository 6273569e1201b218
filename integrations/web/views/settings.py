"""What a person can set: the way there, which mail they get, their language."""

from urllib.parse import urlsplit

from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from integrations.flows.preferences import choose_language, choose_mail, preferences_of
from integrations.models import Preferences
from integrations.oauth.errors import printable
from integrations.web.addresses import LONG_PATH_LIMIT, HttpResponseSeeOther, safe_path
from integrations.web.forms import LanguageForm, NotificationsForm
from integrations.web.language import keep_in_browser, keep_in_session
from integrations.web.visitor import PersonRequest

ADDRESS_LIMIT = 254


@require_safe
@login_required
def settings_home(request: PersonRequest) -> HttpResponse:
    """Everything about the account, one line each."""
    chosen = preferences_of(request.user.pk)
    context = {
        "address": _address(request),
        "mails": _mails_in_words(chosen),
        "spoken": dict(settings.LANGUAGES).get(chosen.language) or _("As your browser asks"),
    }
    return render(request, "integrations/settings.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def notifications(request: PersonRequest) -> HttpResponse:
    """Choose which mail to get."""
    if request.method == "POST":
        form = NotificationsForm(request.POST)
        # Two ticks: whatever is sent means yes or no.
        form.full_clean()
        choose_mail(request.user.pk, **{name: bool(form.cleaned_data[name]) for name in ("needs_you", "connected")})
        messages.success(request, _("Saved. This is the mail you get from now on."))
        return HttpResponseSeeOther(reverse("integrations:notifications"))
    chosen = preferences_of(request.user.pk)
    initial = {"needs_you": chosen.mail_needs_you, "connected": chosen.mail_connected}
    address = request.user.email
    known = EmailAddress.objects.filter(user=request.user, email__iexact=address).first() if address else None
    context = {
        "form": NotificationsForm(initial=initial),
        "address": _address(request),
        "is_verified": known is not None and known.verified,
    }
    return render(request, "integrations/notifications.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def language(request: PersonRequest) -> HttpResponse:
    """Choose a language for every device."""
    chosen = preferences_of(request.user.pk).language
    form = LanguageForm(request.POST or None, initial={"language": chosen})
    if request.method == "POST" and form.is_valid():
        return _switched(request, form.cleaned_data["language"], onwards=reverse("integrations:language"))
    status = 400 if form.is_bound else 200
    return render(request, "integrations/language.html", {"form": form}, status=status)


@never_cache
@require_POST
def language_switch(request: HttpRequest) -> HttpResponse:
    """Read the page one was on in another language, signed in or not."""
    form = LanguageForm(request.POST)
    onwards = safe_path(request.POST.get("next", ""), limit=LONG_PATH_LIMIT) or _page_before(request) or reverse("home")
    if not form.is_valid():
        return HttpResponseSeeOther(onwards)
    return _switched(request, form.cleaned_data["language"], onwards=onwards)


def _page_before(request: HttpRequest) -> str:
    """The page of ours that a form was sent from, as far as the browser says; pages with a secret address do not."""
    try:
        referrer = urlsplit(request.headers.get("Referer", ""))
    except ValueError:
        return ""
    if referrer.netloc != request.get_host():
        return ""
    path = f"{referrer.path}?{referrer.query}" if referrer.query else referrer.path
    return safe_path(path, limit=LONG_PATH_LIMIT)


def _switched(request: HttpRequest, language: str, *, onwards: str) -> HttpResponse:
    if request.user.is_authenticated:
        choose_language(request.user.pk, language=language)
        keep_in_session(request, language)
        with translation.override(language or translation.get_language()):
            messages.success(request, _("The language is changed."))
    response = HttpResponseSeeOther(onwards)
    keep_in_browser(response, language)
    return response


def _address(request: PersonRequest) -> str:
    return printable(request.user.email, limit=ADDRESS_LIMIT)


def _mails_in_words(chosen: Preferences) -> str:
    match chosen.mail_needs_you, chosen.mail_connected:
        case True, True:
            return _("Reconnections needed and new connections")
        case True, False:
            return _("Reconnections needed")
        case False, True:
            return _("New connections")
        case _neither:
            return _("Only about your account's security")
