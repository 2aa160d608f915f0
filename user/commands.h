/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * commands.h - convoy's subcommands.
 */
#ifndef CONVOY_COMMANDS_H
#define CONVOY_COMMANDS_H

struct command {
	const char *name;
	const char *summary;	/* one line, for `convoy --help` */
	/* argv[0] is the command's name. Returns the exit status. */
	int (*run)(int argc, char **argv);
};

int cmd_run(int argc, char **argv);
int cmd_record(int argc, char **argv);
int cmd_py(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_why(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_doctor(int argc, char **argv);

#endif /* CONVOY_COMMANDS_H */
