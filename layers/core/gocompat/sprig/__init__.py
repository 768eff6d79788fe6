"""The functions of sprig, one module per noun; function_table says where each one lives."""
