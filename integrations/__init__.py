"""People's connections to third-party services.

Data moves one way. A request goes down the stairs, a frozen value comes back up; nothing below calls anything above.

    4  web/  api/  admin  management/  mail/  templatetags/   edges: parse input, call one flow, render
    3  flows/                                                 what a person does: connect, refresh, disconnect
    2  vault/                                                 the only place where tokens are sealed and opened
    1  models/    providers/                                  rows and queries    what each provider looks like
    0  oauth/     crypto    key_service                       the RFCs, AES-GCM and who wraps keys, with no Django

Plaintext tokens live on floors 0, 2 and 3. No template, admin page, web view or command can print one, because none may
import ``vault`` or ``crypto``. There is one door out, ``flows/access.py``; which edges may open it is a list in
``tests/test_architecture.py``, which enforces all of this.
"""
