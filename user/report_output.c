// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "message.h"
#include "report_output.h"

void report_output__init(struct report_output *output)
{
	memset(output, 0, sizeof(*output));
	output->renderer = render__find("text");
	output->locks = 5;
}

int report_output__format(struct report_output *output, const char *name)
{
	const struct renderer *renderer = render__find(name);

	if (renderer) {
		output->renderer = renderer;
		return 0;
	}
	message("format '%s' does not exist; there are:", name);
	for (size_t i = 0; render__at(i); i++)
		fprintf(stderr, "  %-8s %s\n", render__at(i)->name, render__at(i)->summary);
	return -EINVAL;
}

int report_output__export(struct report_output *output, const char *spec)
{
	if (output->n_exports == MAX_EXPORTS) {
		message("more than %d exports", MAX_EXPORTS);
		return -EINVAL;
	}
	output->exports[output->n_exports++] = spec;
	return render__check_export(spec) ? -EINVAL : 0;
}

static struct render_options render_options_for(const struct report_output *output, int fd)
{
	const char *no_color = getenv("NO_COLOR"); /* no-color.org: unless it is empty */
	struct render_options options = {
		.width = 80,
		.color = isatty(fd) && !(no_color && *no_color),
		.utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8"),
		.threads = output->threads,
		.verbose = output->verbose,
		.locks = output->locks,
	};
	struct winsize window;

	if (isatty(fd) && !ioctl(fd, TIOCGWINSZ, &window) && window.ws_col)
		options.width = window.ws_col;
	return options;
}

int report_output__write(const struct report_output *output, const struct report *report)
{
	struct render_options options = render_options_for(output, STDOUT_FILENO);
	struct render_options file_options = options;
	int err, failed = 0;

	file_options.color = false;
	for (size_t i = 0; i < output->n_exports; i++) {
		err = render__export(output->exports[i], report, &file_options);
		if (err)
			failed = err;
	}
	err = render__write(output->renderer, report, &options, stdout);
	if (err && err != -EPIPE) {
		message("cannot write the report: %s", strerror(-err));
		failed = err;
	}
	return failed;
}
