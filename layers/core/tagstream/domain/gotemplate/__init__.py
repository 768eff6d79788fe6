"""Go's text/template: lexer, parser, values, fmt, execution, builtin functions, and sprig's in modules by noun.

Nothing is exported from here: ``domain/message.py`` puts the parts together.
"""
