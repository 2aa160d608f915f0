// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <cpuid.h>
#define CPUID_1_ECX_HYPERVISOR (1u << 31)
#endif

#include "host.h"

/* Value of the first "key : value" line of /proc/cpuinfo with that key. */
static void cpuinfo(const char *key, char *value, size_t size)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char line[4096];

	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		char *colon = strchr(line, ':');

		if (!colon || strncmp(line, key, strlen(key)))
			continue;
		colon[strcspn(colon, "\n")] = 0;
		snprintf(value, size, "%s", colon[1] ? colon + 2 : "");
		break;
	}
	fclose(file);
}

/* "" on bare metal; the hypervisor's name if it gives one, else "vm". */
static void describe_virt(char *virt, size_t size)
{
#if defined(__x86_64__)
	static const struct {
		const char *signature, *name;
	} known[] = {
		{ "KVMKVMKVM", "KVM" },	      { "Microsoft Hv", "Hyper-V" },
		{ "VMwareVMware", "VMware" }, { "XenVMMXenVMM", "Xen" },
		{ "bhyve bhyve ", "bhyve" },
	};
	unsigned a, b, c, d;
	char signature[13] = "";

	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & CPUID_1_ECX_HYPERVISOR))
		return;
	/* The leaf of hypervisors lies outside what __get_cpuid() allows. */
	__cpuid(0x40000000, a, b, c, d);
	memcpy(signature, &b, 4);
	memcpy(signature + 4, &c, 4);
	memcpy(signature + 8, &d, 4);
	for (size_t i = 0; signature[i]; i++)
		if (signature[i] < ' ' || signature[i] > '~')
			signature[0] = 0;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (!strcmp(signature, known[i].signature))
			strcpy(signature, known[i].name);
	snprintf(virt, size, "%.12s", signature[0] ? signature : "vm");
#else
	if (!access("/proc/device-tree/hypervisor", F_OK))
		snprintf(virt, size, "vm");
#endif
}

void host__describe(struct report *report)
{
	struct utsname uts;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (!uname(&uts)) {
		snprintf(report->host.kernel, sizeof(report->host.kernel), "%s", uts.release);
		snprintf(report->host.arch, sizeof(report->host.arch), "%.31s", uts.machine);
	}
	report->host.cpus = cpus > 0 ? (unsigned)cpus : 0;
	cpuinfo("model name", report->host.cpu_model, sizeof(report->host.cpu_model));
	describe_virt(report->host.virt, sizeof(report->host.virt));
}

int host__stolen_ns(uint64_t *ns)
{
	FILE *file = fopen("/proc/stat", "re");
	uint64_t steal = 0;
	int n;

	if (!file)
		return -errno;
	/* cpu user nice system idle iowait irq softirq steal ... */
	n = fscanf(file, "cpu %*u %*u %*u %*u %*u %*u %*u %" SCNu64, &steal);
	fclose(file);
	if (n != 1)
		return -EBADMSG;
	*ns = steal * (1000000000u / (uint64_t)sysconf(_SC_CLK_TCK));
	return 0;
}

bool host__in_initial_pid_namespace(void)
{
	char name[64];
	ssize_t n = readlink("/proc/self/ns/pid", name, sizeof(name) - 1);

	if (n < 0)
		return false;
	name[n] = '\0';
	return !strcmp(name, "pid:[4026531836]"); /* PROC_PID_INIT_INO */
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t monotonic_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

uint64_t realtime_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

void stolen_clock__start(struct stolen_clock *clock)
{
	clock->began_ns = monotonic_ns();
	clock->stolen_ns = 0;
	clock->known = !host__stolen_ns(&clock->stolen_ns);
}

struct maybe stolen_clock__share(const struct stolen_clock *clock)
{
	double cpus = (double)sysconf(_SC_NPROCESSORS_ONLN);
	uint64_t now = 0;

	if (!clock->known || host__stolen_ns(&now) || monotonic_ns() <= clock->began_ns)
		return (struct maybe){ 0 };
	return (struct maybe){ true, (double)(now - clock->stolen_ns) /
					     ((double)(monotonic_ns() - clock->began_ns) * cpus) };
}

uint64_t own_cpu_ns(void)
{
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}
