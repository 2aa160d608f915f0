// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_analysis_damage.c - a recording that breaks off anywhere, or with any byte
 * changed: refused with a reason, or a report that is marked and says no more than the
 * whole one does.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "tests/unit/analysis_fixture.h"
#include "tests/unit/events_fixture.h"

/* Each event in a block of its own, so that it can end after any of them. */
static void add(struct written *written, union event event)
{
	write_event(written, &event.hdr);
	assert_int_equal(recording_writer__flush(written->writer), 0);
}

/* A command of three threads, of which one goes on when it is stopped at 6000. */
static uint8_t *stopped(size_t *size)
{
	struct written written = written__new();
	union event alive = ev_alive(3, 6010);
	uint8_t *bytes;

	alive.death.runtime_ns = 200;
	write_document(&written, meta_of(RECORDING_OF_COMMAND, NULL, 0));
	write_round(&written, "command", 5000, 0);
	add(&written, with_flags(ev_birth(1, 5000, 5000), CONVOY_F_ROOT));
	add(&written, ev_birth(2, 5100, 5110));
	add(&written, ev_futex(1, 5200, 5300, 5310, 0x1000, 0x80, 2));
	add(&written, ev_birth(3, 5320, 5330));
	add(&written, ev_runnable(2, 5400, 5450));
	add(&written, ev_death(2, 5500, 1, 1));
	add(&written, ev_wait(3, 5530, 5560, 5570, SYS_read));
	add(&written, ev_calls(1, 5600, 0x1000, 3, 0));
	add(&written, ev_death(1, 5610, 2, 0));
	write_document(&written, record_docs__stop(6000));
	add(&written, ev_still(ev_wait(3, 5700, 0, 0, SYS_clock_nanosleep)));
	add(&written, alive);
	write_round_end(&written, 6020, true);
	write_end(&written);
	written__finish(&written);
	bytes = written__bytes(&written, size);
	written__free(&written);
	return bytes;
}

/* Two rounds of a run, each of one thread. */
static uint8_t *two_rounds(size_t *size)
{
	static const char *const modes[] = { "a", "b" };
	struct written written = written__new();
	uint8_t *bytes;

	write_document(&written, meta_of(RECORDING_OF_RUN, modes, 2));
	for (uint32_t r = 0; r < 2; r++) {
		uint64_t start = 5000 + 2000 * r;

		write_round(&written, modes[r], start, r);
		add(&written, with_flags(ev_birth(r + 1, start, start), CONVOY_F_ROOT));
		add(&written, ev_wait(r + 1, start + 100, start + 300, start + 310, SYS_read));
		add(&written, ev_death(r + 1, start + 1000, 2, 0));
		write_round_end(&written, 0, true);
	}
	write_end(&written);
	written__finish(&written);
	bytes = written__bytes(&written, size);
	written__free(&written);
	return bytes;
}

/* No number of `part` is larger than in `whole`. */
static void check_not_more(const struct report_mode *part, const struct report_mode *whole)
{
	assert_true(part->wall_ns.median <= whole->wall_ns.median);
	assert_true(part->lifetime_ns <= whole->lifetime_ns);
	for (int a = 0; a < ACCOUNT_COUNT; a++)
		assert_true(part->time_ns[a] <= whole->time_ns[a]);
	assert_int_equal(part->residual_ns, 0);
	assert_true(part->n_threads <= whole->n_threads);
	for (size_t i = 0; i < part->n_threads; i++) {
		assert_true(part->threads[i].lifetime_ns <= whole->threads[i].lifetime_ns);
		assert_true(part->threads[i].cpu_ns <= whole->threads[i].cpu_ns ||
			    part->threads[i].cpu_ns <= whole->threads[i].time_ns[ACCOUNT_RUNNING]);
	}
	assert_true(part->lock_wait.total_ns <= whole->lock_wait.total_ns);
	assert_true(part->lock_wait.episodes <= whole->lock_wait.episodes);
	assert_true(part->voluntary.median <= whole->voluntary.median);
}

/* Returns whether there was a report. */
static bool check_damaged(const uint8_t *bytes, size_t size, const struct report *whole)
{
	struct recording_status status;
	struct report *report;
	int err = analyse(bytes, size, NULL, &report, &status);

	if (err) {
		assert_int_equal(err, -EBADMSG);
		assert_true(status.damage[0]);
		return false;
	}
	assert_true(report->incomplete);
	assert_true(report->incomplete_why[0]);
	assert_true(report->n_modes <= whole->n_modes);
	for (size_t i = 0; i < report->n_modes; i++)
		check_not_more(&report->modes[i], &whole->modes[i]);
	report__free(report);
	return true;
}

static void damage(uint8_t *bytes, size_t size)
{
	struct recording_status status;
	struct report *whole;
	size_t read = 0;

	assert_int_equal(analyse(bytes, size, NULL, &whole, &status), 0);
	assert_false(whole->incomplete);
	for (size_t cut = 0; cut < size; cut++)
		read += check_damaged(bytes, cut, whole);
	/* From the end of META on, which is most of it. */
	assert_true(read > size / 10);
	read = 0;
	for (size_t at = 0; at < size; at++) {
		bytes[at] ^= (uint8_t)(1u << at % 8);
		read += check_damaged(bytes, size, whole);
		bytes[at] ^= (uint8_t)(1u << at % 8);
	}
	assert_true(read > size / 10);
	report__free(whole);
	free(bytes);
}

static void test_of_a_command(void **state)
{
	size_t size;
	uint8_t *bytes = stopped(&size);

	(void)state;
	damage(bytes, size);
}

static void test_of_a_run(void **state)
{
	size_t size;
	uint8_t *bytes = two_rounds(&size);

	(void)state;
	damage(bytes, size);
}

/* Something behind the end is said, and changes no number. */
static void test_more_than_all(void **state)
{
	struct recording_status status;
	struct report *report;
	size_t size;
	uint8_t *bytes = stopped(&size), *more = malloc(size + 3);

	(void)state;
	assert_non_null(more);
	memcpy(more, bytes, size);
	memcpy(more + size, "abc", 3);
	assert_int_equal(analyse(more, size + 3, NULL, &report, &status), 0);
	assert_true(status.complete);
	assert_true(status.damage[0]);
	assert_int_equal(report->modes[0].n_threads, 3);
	report__free(report);
	free(more);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_of_a_command),
		cmocka_unit_test(test_of_a_run),
		cmocka_unit_test(test_more_than_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
