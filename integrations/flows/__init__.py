"""What a person or a program does: one module per verb. Joins provider, vault and rows; returns values."""
