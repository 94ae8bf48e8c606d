"""SQL as text: quoting and statements, the tables and files that a statement names, its normal form. Runs nothing."""
