"""What the hub writes to people about their connections: an edge like a page, in the pages' words.

    outbox    hands letters to the mail server, one connection for all
    letter    a letter as text and HTML, in the language of who reads it
    frame     the HTML around the text of any mail, those about signing in too

When to write to whom is decided by `flows/notices.py`. Only commands run it: no request waits for a mail server.
"""
