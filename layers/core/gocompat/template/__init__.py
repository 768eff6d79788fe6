"""Go's text/template: lexer, parser, values, fmt, execution and the built-in functions."""
