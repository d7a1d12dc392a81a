"""How findings and changes look: text, Markdown, JSON, SARIF, GitHub's workflow commands. Values in, text out."""
