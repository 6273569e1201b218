"""Who we are at one provider instance."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Now

TOKEN_REQUESTS_PER_MINUTE_AT_MOST = 600_000


class ClientRegistration(models.Model):
    """Our client_id and sealed client_secret at one provider instance; its slug is part of the redirect URI."""

    class AuthenticationMethod(models.TextChoices):
        CATALOGUE = "", "as the catalogue says"
        BASIC = "client_secret_basic", "HTTP Basic"
        POST = "client_secret_post", "form parameters"
        NONE = "none", "public client, no secret"

    slug = models.SlugField(unique=True, help_text="Part of the redirect URI; cannot be changed later.")
    provider = models.CharField(max_length=64, help_text="Key in the catalogue.")
    variables = models.JSONField(default=dict, blank=True, help_text="Values of the provider's variables, by name.")
    client_id = models.CharField(max_length=512)
    sealed_client_secret = models.BinaryField(null=True, editable=False, help_text="Null: public client.")
    secret_version = models.PositiveIntegerField(default=0, editable=False, help_text="Grows with every new secret.")
    token_endpoint_auth_method = models.CharField(
        max_length=32, blank=True, choices=AuthenticationMethod, default=AuthenticationMethod.CATALOGUE
    )
    without_pkce = models.BooleanField(
        default=False,
        help_text="Only for a provider that has no PKCE: then state and nonce alone tie a response to its request.",
    )
    enabled = models.BooleanField(default=True, help_text="Off: nothing starts, completes, refreshes or is borrowed.")
    token_requests_per_minute = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(TOKEN_REQUESTS_PER_MINUTE_AT_MOST)],
        help_text="How many refreshes this provider may be sent a minute, by all workers together. "
        "Empty: as the catalogue says.",
    )
    extra_scope = models.CharField(max_length=2000, blank=True, help_text="Asked for in addition, space-separated.")
    metadata = models.JSONField(default=dict, blank=True, editable=False, help_text="Discovered metadata (RFC 8414).")
    metadata_fetched_at = models.DateTimeField(null=True, editable=False, help_text="Null: nothing was discovered.")
    last_error_code = models.CharField(
        max_length=64, blank=True, editable=False, help_text="What an operator must mend; empty: nothing."
    )
    last_error_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ("slug",)
        permissions = (("check_clientregistration", "Can check client registrations at their providers"),)

    def __str__(self) -> str:
        return self.slug

    @property
    def has_client_secret(self) -> bool:
        return self.sealed_client_secret is not None

    @property
    def extra_scope_set(self) -> frozenset[str]:
        return frozenset(self.extra_scope.split())
