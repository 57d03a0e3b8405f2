/* The program. */
#pragma once

/* Parses, runs one command, and returns the exit status (README.md). */
int cli_main(int argc, char **argv);
