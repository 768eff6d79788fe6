"""Go's text/template: lexer, parser, values, fmt, execution and built-in functions."""
