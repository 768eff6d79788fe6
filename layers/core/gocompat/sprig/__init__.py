"""The functions of sprig v3.3.0: a module for each noun. functions.py loads those that a template names."""
