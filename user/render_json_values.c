// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * render_json_values.c - what JSON reports are made of: numbers, text, null.
 */
#include "render_json.h"

#include <math.h>
#include <stdlib.h>

#include "outside.h"

void json__set(json_t **object, const char *key, json_t *value)
{
	if (!*object || !value || json_object_set_new(*object, key, value)) {
		if (!*object)
			json_decref(value);
		json_decref(*object);
		*object = NULL;
	}
}

void json__append(json_t **array, json_t *value)
{
	if (!*array || !value || json_array_append_new(*array, value)) {
		if (!*array)
			json_decref(value);
		json_decref(*array);
		*array = NULL;
	}
}

json_t *json__text_or_null(const char *text, size_t max)
{
	char *valid;
	json_t *value;

	if (!text || !text[0])
		return json_null();
	valid = outside__utf8(text, max);
	value = valid ? json_string_nocheck(valid) : NULL;
	free(valid);
	return value;
}

json_t *json__text(const char *string, size_t max)
{
	return string[0] ? json__text_or_null(string, max) : json_string("");
}

json_t *json__count(uint64_t n)
{
	return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

json_t *json__whole(double value)
{
	if (!isfinite(value) || fabs(value) >= 9.2e18)
		return json_null();
	return json_integer((json_int_t)llround(value));
}

json_t *json__real(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

/* Counts are integers, but the median of an even number of them may lie between two. */
json_t *json__number(double value)
{
	return value == floor(value) ? json__whole(value) : json__real(value);
}

json_t *json__maybe_whole(struct maybe maybe)
{
	return maybe.known ? json__whole(maybe.value) : json_null();
}

json_t *json__maybe_real(struct maybe maybe)
{
	return maybe.known ? json__real(maybe.value) : json_null();
}
