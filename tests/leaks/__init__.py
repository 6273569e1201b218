"""Canaries in every place a secret passes; nothing that is written down may hold one."""
