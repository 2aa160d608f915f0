/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * embed.S - a file as read-only data: SYMBOL_start up to SYMBOL_end.
 *
 * The makefile gives SYMBOL and CONTENT (a path in quotes), once for each object of
 * bpf/. In C: extern const unsigned char SYMBOL_start[], SYMBOL_end[];
 *
 * bpftool's skeletons would do the same, but its package differs in name and
 * contents between distributions, and some have none.
 */
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define START JOIN(SYMBOL, _start)
#define END JOIN(SYMBOL, _end)

	.section .rodata
	.balign 8	/* libelf reads the headers in place */
	.global START
	.hidden START
	.type START, %object
START:
	.incbin CONTENT
	.global END
	.hidden END
	.type END, %object
END:
	.size START, END - START
	.byte 0		/* so that END is an address of this section's own */

	.section .note.GNU-stack, "", %progbits
