"""How many refreshes a minute a provider is sent is an operator's to say, at any time."""

import pytest
from django.test import Client

from integrations.models import ClientRegistration, Event
from tests.admin.posting import fields_of, submit
from tests.clock import Clock
from tests.factories import make_registration
from tests.fakes.authorization_server import FakeAuthorizationServer
from tests.fakes.misbehaviour import Behaviour
from tests.fakes.registration import register_oidc

pytestmark = pytest.mark.django_db

LIST = "/admin/integrations/clientregistration/"


def page_of(registration: ClientRegistration) -> str:
    return f"{LIST}{registration.pk}/change/"


@pytest.mark.requirement(76)
def test_a_cap_is_set_and_taken_back_though_the_provider_is_down(
    operator: Client, provider_server: FakeAuthorizationServer, clock: Clock
) -> None:
    registration = register_oidc(provider_server, clock=clock)
    provider_server.misbehave("metadata", Behaviour.SERVER_ERROR, times=None)
    caps = []
    for typed in ("90", ""):
        assert submit(operator, page_of(registration), token_requests_per_minute=typed).status_code == 302
        registration.refresh_from_db()
        caps.append(registration.token_requests_per_minute)

    assert caps == [90, None]
    told = Event.objects.filter(kind=Event.Kind.REGISTRATION_CHANGED).order_by("-pk")[:2]
    assert [event.details for event in told] == [
        {"token_requests_per_minute": None},
        {"token_requests_per_minute": 90},
    ]


@pytest.mark.parametrize("typed", ["0", "-1", "1000000", "many"])
def test_a_cap_that_is_none_is_refused_beside_its_field(operator: Client, typed: str) -> None:
    registration = make_registration()

    answer = submit(operator, page_of(registration), token_requests_per_minute=typed)

    assert answer.context["adminform"].form.errors["token_requests_per_minute"]
    registration.refresh_from_db()
    assert registration.token_requests_per_minute is None


def test_who_may_only_look_sees_it(onlooker: Client) -> None:
    registration = make_registration()
    ClientRegistration.objects.update(token_requests_per_minute=4321)

    page = onlooker.get(page_of(registration))

    assert "4321" in page.content.decode()
    assert "token_requests_per_minute" not in fields_of(page)
