// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <string.h>

#include "shebang.h"

#define BLANKS " \t"

/* The next word of a line, which is cut there, or NULL. */
static char *next_word(char **rest)
{
	char *word = *rest + strspn(*rest, BLANKS);

	*rest = word + strcspn(word, BLANKS);
	if (*rest == word)
		return NULL;
	if (**rest)
		*(*rest)++ = 0;
	return word;
}

static bool is_env(const char *path)
{
	const char *slash = strrchr(path, '/');

	return !strcmp(slash ? slash + 1 : path, "env");
}

/* What is between words that env -S takes apart is more than blanks. */
static bool is_plain(const char *word)
{
	return !strpbrk(word, "\"'\\$#");
}

/*
 * The word of env's line that names the program; NULL: none does, or env is asked for what is
 * not understood.
 */
static char *program_of_env(char **rest)
{
	for (;;) {
		char *word = next_word(rest);

		if (!word || strchr(word, '='))
			return NULL;
		if (word[0] != '-')
			return word;
		if (!strncmp(word, "-S", 2) && word[2])
			return strchr(word, '=') ? NULL : word + 2;
		if (strcmp(word, "-S") && strcmp(word, "-v") && strcmp(word, "-vS") &&
		    strcmp(word, "--"))
			return NULL;
	}
}

static int split_env(struct shebang *shebang, char *rest)
{
	size_t n = 0;
	char *word;

	if (!is_plain(rest))
		return -EINVAL;
	shebang->program = program_of_env(&rest);
	shebang->by_name = true;
	if (!shebang->program)
		return -EINVAL;
	while ((word = next_word(&rest))) {
		if (n == SHEBANG_WORDS)
			return -EINVAL;
		shebang->options[n++] = word;
	}
	return 0;
}

int shebang__parse(struct shebang *shebang, const char *head, size_t size)
{
	char *rest, *end;

	memset(shebang, 0, sizeof(*shebang));
	if (size > SHEBANG_MAX)
		size = SHEBANG_MAX;
	if (size < 2 || memcmp(head, "#!", 2))
		return 0;
	memcpy(shebang->text, head + 2, size - 2);
	end = strchr(shebang->text, '\n');
	/* The kernel takes no name that may have been cut. */
	if (!end && size == SHEBANG_MAX)
		return -E2BIG;
	if (!end)
		end = shebang->text + strlen(shebang->text);
	while (end > shebang->text && strchr(BLANKS "\r", end[-1]))
		end--;
	*end = 0;

	rest = shebang->text;
	shebang->program = next_word(&rest);
	if (!shebang->program)
		return 0;
	if (is_env(shebang->program))
		return split_env(shebang, rest);
	rest += strspn(rest, BLANKS);
	if (*rest)
		shebang->options[0] = rest;
	return 0;
}
