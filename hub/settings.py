"""All settings, in groups, read from the environment. Safe by default: what is not set is off or refused."""

from pathlib import Path

from django.conf import global_settings
from django.utils.csp import CSP

from hub import engine, environment, key_service, logging, proxying, sign_in_forms
from hub.applications import environment as applications
from hub.authorization_server import configuration as authorization_server
from hub.environment import Mode
from hub.resource_server import environment as resource_server
from hub.watching import environment as watching

# mode

BASE_DIR = Path(__file__).resolve().parent.parent
env = environment.Environment()
HUB_MODE = environment.read_mode(env)
PRODUCTION = HUB_MODE is Mode.PRODUCTION
DEMO = HUB_MODE is Mode.DEMO
HUB_SANDBOX = not PRODUCTION
VAR_DIRECTORY = Path(env.str("HUB_VAR_DIRECTORY", default=str(BASE_DIR / "var" / HUB_MODE)))
if DEMO:
    environment.refuse_production_variables(env)

# who we are

if PRODUCTION:
    SITE_URL = environment.site_url(environment.required(env, "SITE_URL"), mode=HUB_MODE)
    ALLOWED_HOSTS = environment.allowed_hosts(env)
    environment.refuse_foreign_site(SITE_URL, ALLOWED_HOSTS)
else:
    SITE_URL = environment.site_url(env.str("SITE_URL", default="http://127.0.0.1:8000"), mode=HUB_MODE)
    ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]
ROOT_URLCONF = "hub.urls"
WSGI_APPLICATION = "hub.wsgi.application"
DEBUG = False if PRODUCTION else env.bool("DEBUG", default=False)

# keys

if DEMO:
    SECRET_KEY = environment.kept_secret(VAR_DIRECTORY, "secret_key", environment.new_secret_key)
    HUB_SEALING_KEYS = environment.kept_secret(VAR_DIRECTORY, "sealing_keys", environment.new_sealing_key)
else:
    SECRET_KEY = environment.secret_key(env)
    HUB_SEALING_KEYS = environment.required(env, "HUB_SEALING_KEYS")
HUB_KMS_KEY_ID = key_service.kms_key(env.str("HUB_KMS_KEY_ID", default=""))
HUB_KMS_ENDPOINT_URL = key_service.kms_endpoint(env.str("HUB_KMS_ENDPOINT_URL", default=""))
HUB_KMS_CACHE_SECONDS = env.number("HUB_KMS_CACHE_SECONDS", default=3600, at_least=60, at_most=86_400)
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", default=[])

# applications

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "oauth2_provider",
    "integrations",
    "hub.applications",
    "hub.authorization_server",
    "hub.watching",
    *(["hub.sandbox"] if HUB_SANDBOX else []),
]
MIDDLEWARE = [
    "hub.watching.addresses.Addresses",
    "hub.request_id.RequestId",
    "hub.watching.requests.Requests",
    "django.middleware.security.SecurityMiddleware",
    "hub.api_lane.ContentSecurityPolicy",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    *(["hub.sandbox.canonical.CanonicalAddress"] if DEMO else []),
    "hub.api_lane.ApiLane",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    # Before whatever refuses a request: the page that says so is in the reader's language, too.
    "django.middleware.locale.LocaleMiddleware",
    "integrations.web.nul.RefuseNul",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "integrations.web.language.PreferredLanguage",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
]
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
                "hub.request_id.support_code",
            ],
        },
    },
]

# database

DATABASE_POOL_SIZE = env.number("HUB_DATABASE_POOL_SIZE", default=20, at_least=5, at_most=10_000)
if DEMO:
    DATABASES = {"default": env.db_url_config(f"sqlite:///{VAR_DIRECTORY / 'hub.sqlite3'}")}
else:
    DATABASES = {"default": environment.database(env, "DATABASE_URL")}
_PREPARES = env.bool("HUB_DATABASE_PREPARES", default=True)
environment.tune_database(DATABASES["default"], pool_size=DATABASE_POOL_SIZE, keeps_statements=_PREPARES)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {"default": env.cache_url("CACHE_URL", default="locmemcache://?max_entries=50000")}

# sign-in

AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "hub.sign_in_backend.EvenAuthenticationBackend",
]
PASSWORD_HASHERS = [*global_settings.PASSWORD_HASHERS, authorization_server.CLIENT_SECRET_HASHER]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/connections/"
LOGOUT_REDIRECT_URL = "account_signed_out"
HUB_OPEN_SIGN_UP = env.bool("HUB_OPEN_SIGN_UP", default=False)
ACCOUNT_ADAPTER = "hub.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*", "password2*"]
ACCOUNT_FORMS = sign_in_forms.ACCOUNT
ACCOUNT_EMAIL_VERIFICATION = "mandatory" if HUB_OPEN_SIGN_UP else "none"
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if PRODUCTION else "http"
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_SESSION_REMEMBER = True
MFA_ADAPTER = "hub.adapter.MFAAdapter"
MFA_FORMS = sign_in_forms.MFA
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TRUST_ENABLED = True
MFA_TRUST_COOKIE_NAME = "__Host-trusted" if PRODUCTION else f"hub_{HUB_MODE}_trusted"
# Where anyone signs up, a second factor on an address that is not theirs would lock its real holder out.
MFA_ALLOW_UNVERIFIED_EMAIL = not HUB_OPEN_SIGN_UP
ALLAUTH_TRUSTED_PROXY_COUNT = env.number("HUB_TRUSTED_PROXY_COUNT", default=0, at_least=0, at_most=10)
EMAIL_URL = env.str("EMAIL_URL", default="smtp://localhost:25" if PRODUCTION else "")
MAILERS = {"default": environment.mailer(EMAIL_URL)}
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="hub@localhost")

# authorization server

OAUTH2_PROVIDER = authorization_server.oauth2_provider(site_url=SITE_URL, loopback=not PRODUCTION, sandbox=HUB_SANDBOX)
# What Django's migrations want to be told where tables of ours refer to the toolkit's.
OAUTH2_PROVIDER_APPLICATION_MODEL = "oauth2_provider.Application"
HUB_CLIENT_REGISTRATION_TOKEN = authorization_server.registration_token(env)

HUB_APPLICATIONS = applications.who_registers(env)
# Whoever has two hundred connections may tick some features of each.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5000

# resource server: the API

HUB_API_REQUESTS_PER_MINUTE = resource_server.requests_per_minute(env)
HUB_TRUSTED_ISSUERS = resource_server.trusted_issuers(env, loopback=not PRODUCTION)

# logs and error reports

LOGGING = logging.configuration(
    level=environment.log_level(env),
    as_json=env.bool("LOG_JSON", default=PRODUCTION),
    requests=env.bool("LOG_REQUESTS", default=not DEMO),
)
DEFAULT_EXCEPTION_REPORTER = "hub.exception_report.HubExceptionReporter"
DEFAULT_EXCEPTION_REPORTER_FILTER = "hub.exception_report.HubExceptionReporterFilter"

# watching

HUB_METRICS_TOKEN = watching.metrics_token(env)
HUB_METRICS_ALLOWED_ADDRESSES = watching.networks(env, "HUB_METRICS_ALLOWED_ADDRESSES")
HUB_METRICS_DIRECTORY = Path(env.str("HUB_METRICS_DIRECTORY", default=str(VAR_DIRECTORY / "metrics")))
HUB_METRICS = bool(HUB_METRICS_TOKEN or HUB_METRICS_ALLOWED_ADDRESSES or env.str("HUB_METRICS_DIRECTORY", default=""))
HUB_OTLP_ENDPOINT = watching.otlp_endpoint(env)

# browser: transport, cookies, framing, content security policy

SECURE_SSL_REDIRECT = PRODUCTION
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if ALLAUTH_TRUSTED_PROXY_COUNT else None
SECURE_HSTS_SECONDS = (
    env.number("SECURE_HSTS_SECONDS", default=31_536_000, at_least=0, at_most=10**9) if PRODUCTION else 0
)
SECURE_HSTS_INCLUDE_SUBDOMAINS = PRODUCTION
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# Preloading binds the whole registrable domain, which only its owner can decide.
SILENCED_SYSTEM_CHECKS = ["security.W021"]
SESSION_COOKIE_NAME = "__Host-session" if PRODUCTION else f"hub_{HUB_MODE}_session"
SESSION_COOKIE_SECURE = PRODUCTION
SESSION_COOKIE_HTTPONLY = True
# Strict would lose the session on the way back from a provider.
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = "__Host-csrf" if PRODUCTION else f"hub_{HUB_MODE}_csrf"
CSRF_COOKIE_SECURE = PRODUCTION
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
SECURE_CSP = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:"],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "base-uri": [CSP.NONE],
    "frame-ancestors": [CSP.NONE],
}

# static files

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles" if PRODUCTION else None
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not PRODUCTION
WHITENOISE_AUTOREFRESH = DEBUG

# language and time

LANGUAGE_CODE = "en-gb"
LANGUAGES = [("en-gb", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = "hub.formats"
LANGUAGE_COOKIE_NAME = "__Host-language" if PRODUCTION else f"hub_{HUB_MODE}_language"
LANGUAGE_COOKIE_SECURE = PRODUCTION
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# the hub

_called: list[str] = [SITE_URL.partition("://")[2]] if DEMO else env.list("HUB_OUTBOUND_ALLOWED_HOSTS", default=[])
HUB_OUTBOUND_ALLOWED_HOSTS = tuple(_called)
HUB_WEBHOOK_ALLOWED_HOSTS: tuple[str, ...] = tuple(env.list("HUB_WEBHOOK_ALLOWED_HOSTS", default=[]))
HUB_RECOVERY_JOURNAL = Path(env.str("HUB_RECOVERY_JOURNAL", default=str(VAR_DIRECTORY / "recovery")))
HUB_HTTP_DEADLINE_SECONDS = env.number("HUB_HTTP_DEADLINE_SECONDS", default=10, at_least=1, at_most=120)
# A lease outlives the call that is made under it.
HUB_LEASE_SECONDS = env.number("HUB_LEASE_SECONDS", default=60, at_least=HUB_HTTP_DEADLINE_SECONDS + 10, at_most=3600)
HUB_PROXY = proxying.limits(env)
HUB_REFRESH_WAIT_SECONDS = env.number("HUB_REFRESH_WAIT_SECONDS", default=20, at_least=0, at_most=120)
HUB_STATE_SECONDS = env.number("HUB_STATE_SECONDS", default=600, at_least=60, at_most=600)
HUB_PENDING_LIMIT = env.number("HUB_PENDING_LIMIT", default=10, at_least=1, at_most=100)
# How long facts are kept: what happens by itself, what is for the record, and how often who used what.
HUB_EVENT_RETENTION_DAYS = env.number("HUB_EVENT_RETENTION_DAYS", default=90, at_least=1, at_most=36_500)
HUB_AUDIT_RETENTION_DAYS = env.number("HUB_AUDIT_RETENTION_DAYS", default=730, at_least=1, at_most=36_500)
HUB_USE_RETENTION_DAYS = env.number("HUB_USE_RETENTION_DAYS", default=400, at_least=31, at_most=36_500)
# A copy that was restored elsewhere must not use up the tokens of the hub it is a copy of.
HUB_HOLD_REFRESHES = env.bool("HUB_HOLD_REFRESHES", default=False)

# work on several machines; without a broker tasks run inline

HUB_BROKER_URL = engine.broker_url(env)
HUB_SWEEP_EVERY_SECONDS = env.number("HUB_SWEEP_EVERY_SECONDS", default=60, at_least=1, at_most=3600)
HUB_SWEEP_SLICES = env.number("HUB_SWEEP_SLICES", default=8, at_least=1, at_most=1000)
HUB_SWEEP_CONCURRENCY = env.number("HUB_SWEEP_CONCURRENCY", default=256, at_least=1, at_most=4096)
HUB_SLICE_SECONDS = env.number("HUB_SLICE_SECONDS", default=60, at_least=1, at_most=600)
CELERY = engine.configuration(
    broker_url=HUB_BROKER_URL,
    sweep_every_seconds=HUB_SWEEP_EVERY_SECONDS,
    slice_seconds=HUB_SLICE_SECONDS,
    longest_seconds=4 * HUB_HTTP_DEADLINE_SECONDS + HUB_LEASE_SECONDS + HUB_REFRESH_WAIT_SECONDS,
)
