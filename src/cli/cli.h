/* The program. */
#pragma once

/* Parses, runs one command, and returns the exit status (design section 7). */
int cli_main(int argc, char **argv);
