# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# convoy's only makefile: `make help` lists the targets.
#
#	V=1		show the commands
#	CC=clang CLANG=clang-16		another compiler; another clang for bpf/
#	CROSS_COMPILE=aarch64-linux-gnu-
#	WERROR=0	warnings do not stop the build
#	SAN=1		with AddressSanitizer and UBSan, in build-asan/; SAN=thread: build-tsan/
#	COVERAGE=1	instrumented for gcov, in build-cov/
#	ZSTD=0		recordings are compressed with zlib even where libzstd is there
#	LIBDW=0		stacks of waiters are not unwound even where libdw is there; 1: also with STATIC=1
#	STATIC=1	binaries that need no library on the target
#	PREFIX, DESTDIR	where to install
#	VERSION=1.2	the version, when this is no git checkout
#
# Sources are found by wildcard. Each of user/ and workloads/ becomes an archive of
# everything but the file with its main(); binaries and tests link what they need of it.

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules --no-builtin-variables

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBEXECDIR ?= $(PREFIX)/libexec
DATADIR ?= $(PREFIX)/share
MANDIR ?= $(DATADIR)/man

ifneq ($(filter default undefined,$(origin CC)),)
CC := $(if $(CROSS_COMPILE),$(CROSS_COMPILE)gcc,cc)
endif
ifneq ($(filter default undefined,$(origin AR)),)
AR := $(CROSS_COMPILE)ar
endif
CLANG ?= clang
LLVM_STRIP ?= llvm-strip
PKG_CONFIG ?= $(CROSS_COMPILE)pkg-config
INSTALL ?= install
WERROR ?= 1
export CC CLANG LLVM_STRIP PKG_CONFIG

Q := $(if $(filter 1,$(V)),,@)
say = $(if $(Q),@printf '  %-7s %s\n' '$(1)' '$(2)')

# --- variants: each has a directory of its own, so objects never mix ----------------

SAN_FLAGS :=
variant :=
ifeq ($(SAN),thread)
SAN_FLAGS := -fsanitize=thread
variant := -tsan
else ifneq ($(filter-out 0,$(SAN)),)
SAN_FLAGS := -fsanitize=address,undefined -fno-sanitize-recover=undefined
variant := -asan
endif
ifeq ($(COVERAGE),1)
SAN_FLAGS += --coverage
variant := $(variant)-cov
endif

BUILD := build$(variant)
BIN := $(if $(variant),$(BUILD)/)
CONVOY := $(BIN)convoy
CONVOY_WORK := $(BIN)convoy-work

# --- sources ------------------------------------------------------------------------

main_of = $(if $(wildcard $(1)/*.c),$(shell grep -lw '^int main' $(wildcard $(1)/*.c)))
user_main := $(call main_of,user)
work_main := $(call main_of,workloads)
user_src := $(filter-out $(user_main),$(wildcard user/*.c))
work_src := $(filter-out $(work_main),$(wildcard workloads/*.c))
# What convoy itself links of workloads/: data and look-ups, no jobs.
shared_src := $(filter workloads/catalog.c workloads/cpulist.c workloads/parse_number.c,$(work_src))
work_src := $(filter-out $(shared_src),$(work_src))
bpf_src := $(wildcard bpf/*.bpf.c)

# tests/DIR/test_*.c is a test, tests/DIR/*.sh too, unless it is sourced (lib*.sh).
# Other C files: in tests/unit they are linked into every unit test, in tests/root
# each is a helper program, to be found in $CONVOY_TESTS.
unit_test_src := $(wildcard tests/unit/test_*.c)
unit_help_src := $(filter-out $(unit_test_src),$(wildcard tests/unit/*.c))
root_test_src := $(wildcard tests/root/test_*.c)
root_help_src := $(filter-out $(root_test_src),$(wildcard tests/root/*.c))
# tests/truth/*.c are programs that wait a known time, each linked with truth.c.
truth_lib_src := tests/truth/truth.c
truth_src := $(filter-out $(truth_lib_src),$(wildcard tests/truth/*.c))
# tests/fuzz/fuzz_*.c are fuzz targets, each of them linked with driver.c a test, too.
fuzz_src := $(wildcard tests/fuzz/fuzz_*.c)
fuzz_help_src := tests/unit/recording_fixture.c
scripts = $(foreach f,$(wildcard $(1)/*.sh),$(if $(filter lib%,$(notdir $(f))),,$(f)))

to_obj = $(patsubst %.c,$(BUILD)/%.o,$(1))
user_obj := $(call to_obj,$(user_src)) $(patsubst bpf/%.bpf.c,$(BUILD)/bpf/%.o,$(bpf_src))
work_obj := $(call to_obj,$(work_src))
shared_obj := $(call to_obj,$(shared_src))
unit_help_obj := $(call to_obj,$(unit_help_src))
main_obj := $(call to_obj,$(user_main) $(work_main))

unit_bin := $(patsubst %.c,$(BUILD)/%,$(unit_test_src))
root_bin := $(patsubst %.c,$(BUILD)/%,$(root_test_src))
help_bin := $(patsubst %.c,$(BUILD)/%,$(root_help_src))
truth_bin := $(patsubst %.c,$(BUILD)/%,$(truth_src))
fuzz_bin := $(patsubst %.c,$(BUILD)/%,$(fuzz_src))
unit_tests = $(unit_bin) $(fuzz_bin) $(call scripts,tests/unit)
root_tests = $(root_bin) $(call scripts,tests/root) $(call scripts,tests/truth)

# --- flags --------------------------------------------------------------------------

triple := $(firstword $(shell $(CC) -dumpmachine 2>/dev/null) $(shell uname -m)-)
cpu := $(firstword $(subst -, ,$(triple)))
# libbpf's names for them (bpf_tracing.h)
ARCH := $(strip $(if $(filter x86_64 i%86,$(cpu)),x86, $(if $(filter aarch64%,$(cpu)),arm64, \
	$(if $(filter arm%,$(cpu)),arm, $(if $(filter riscv%,$(cpu)),riscv, \
	$(if $(filter s390%,$(cpu)),s390, $(if $(filter powerpc% ppc%,$(cpu)),powerpc, \
	$(if $(filter loongarch%,$(cpu)),loongarch,$(cpu)))))))))
bpf_target := $(if $(filter s390% powerpc64 ppc64,$(cpu)),bpfeb,bpfel)

pkg = $(shell $(PKG_CONFIG) $(if $(filter 1,$(STATIC)),--static) $(1) 2>/dev/null)
# libzstd is wanted, not needed: without it recordings are compressed with zlib.
ZSTD ?= $(shell $(PKG_CONFIG) --exists libzstd 2>/dev/null && echo 1)
zstd := $(if $(filter 1,$(ZSTD)),libzstd)
zstd_flags := $(if $(zstd),-DHAVE_ZSTD)
# libdw too: without it locks have no call-sites. Linked statically it needs libraries that
# its package does not bring.
LIBDW ?= $(if $(filter 1,$(STATIC)),,$(shell $(PKG_CONFIG) --exists libdw 2>/dev/null && echo 1))
libdw := $(if $(filter 1,$(LIBDW)),libdw)
libdw_flags := $(if $(libdw),-DHAVE_LIBDW)
pkg_cflags := $(call pkg,--cflags libbpf $(libdw) libelf zlib jansson $(zstd))
user_libs := $(call pkg,--libs libbpf $(libdw) libelf zlib jansson $(zstd)) -lm
work_libs := $(call pkg,--libs jansson) -lm
# There is no static cmocka everywhere; tests stay dynamic.
test_libs = $(shell $(PKG_CONFIG) --libs cmocka libbpf $(libdw) libelf zlib jansson $(zstd) 2>/dev/null) -lm

warnings := -Wall -Wextra -Wshadow -Wwrite-strings -Wundef -Wformat=2
warnings += -Wstrict-prototypes -Wmissing-prototypes
warnings += $(if $(filter 1,$(WERROR)),-Werror)

# _GNU_SOURCE as a source would define it: doing both is no redefinition.
includes := -iquote . -iquote user -iquote workloads -iquote bpf -iquote $(BUILD)/gen
all_cppflags = -D_GNU_SOURCE= $(includes) $(zstd_flags) $(libdw_flags) $(pkg_cflags) $(CPPFLAGS)
all_cflags = -std=gnu11 -O2 -g -fPIE -pthread $(warnings) \
	$(if $(SAN_FLAGS),$(SAN_FLAGS) -fno-omit-frame-pointer, \
		-fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2) $(CFLAGS)
pie := $(if $(filter 1,$(STATIC)),-static-pie,-pie)
all_ldflags = -pthread -Wl,-z,relro,-z,now $(SAN_FLAGS) $(CFLAGS) $(LDFLAGS)

# -mcpu=v3: 32-bit jumps, atomics; any kernel that has the probes we need (5.15).
bpf_cflags = -target $(bpf_target) -mcpu=v3 -g -O2 -std=gnu11 -fno-stack-protector \
	-Wall -Wextra -Wno-unused-parameter $(if $(filter 1,$(WERROR)),-Werror) \
	-D__TARGET_ARCH_$(ARCH) -iquote . -iquote bpf -iquote vmlinux $(pkg_cflags) \
	-ffile-prefix-map=$(CURDIR)=. $(BPF_CFLAGS)

# Only the sources that say CONVOY_VERSION or CONVOY_LIBEXECDIR are compiled with
# them, and anew when they change.
VERSION ?= $(shell tools/version.sh)
config_src = $(if $(wildcard user/*.c workloads/*.c),$(shell grep -lE 'CONVOY_(VERSION|LIBEXECDIR)' \
	$(wildcard user/*.c workloads/*.c)))
config_obj := $(call to_obj,$(config_src))
config_flags = -DCONVOY_VERSION='"$(version)"' -DCONVOY_LIBEXECDIR='"$(LIBEXECDIR)/convoy"'

# --- when root works in somebody else's checkout (sudo make) -------------------------
#
# Then what builds, formats or cleans is handed to a make of the owner's, and only the
# goals below run here. They build through $(owned_make) too.

foreign := $(shell tools/owner.sh foreign && echo yes)
root_goals := deps deps-ci demo check check-root install uninstall help
# Parallel, unless the caller said how many jobs.
jobs = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc 2>/dev/null || echo 1))
owned_make = tools/owner.sh run $(MAKE) --no-print-directory $(jobs)

ifneq ($(foreign),)
owner_goals := $(filter-out $(root_goals),$(or $(MAKECMDGOALS),all))
ifneq ($(owner_goals),)
.PHONY: $(owner_goals) owner-goals
$(owner_goals): owner-goals
	@:
owner-goals:
	+@$(owned_make) $(owner_goals)
endif

else # the rest of the build is the owner's

version := $(VERSION)

ifneq ($(filter clean,$(MAKECMDGOALS)),)
.NOTPARALLEL:
endif

# --- fuzzing ---
#
# With libFuzzer where clang has it, else with driver.c and more inputs than in `check`.

FUZZ_SECONDS ?= 600
FUZZ_INPUTS ?= 20000000
fuzz_dir := build-fuzz
libfuzzer = $(shell mkdir -p $(fuzz_dir) && \
	echo 'int LLVMFuzzerTestOneInput(void); int LLVMFuzzerTestOneInput(void) { return 0; }' | \
	$(CLANG) -fsanitize=fuzzer -x c -o $(fuzz_dir)/probe - 2>/dev/null && echo 1)

fuzz: $(fuzz_bin) ## look for inputs that break the reader, FUZZ_SECONDS (600) each
	$(Q)$(if $(libfuzzer),$(foreach f,$(fuzz_src),$(call run_libfuzzer,$(notdir $(f:.c=))) &&) true, \
		$(foreach f,$(fuzz_bin),timeout $(FUZZ_SECONDS) $(f) $(FUZZ_INPUTS) || [ $$? = 124 ] &&) true)

# What is fuzzed is compiled anew, for clang to count where an input gets to.
fuzz_user_src := $(wildcard user/recording*.c user/ledger*.c user/lock*.c \
	user/record_docs*.c user/words.c user/round_words.c) $(addprefix user/, \
	analysis.c metrics.c classify.c thread_table.c syscalls.c work_result.c)
run_libfuzzer = mkdir -p $(fuzz_dir)/$(1) && $(BUILD)/tests/fuzz/$(1) --seeds $(fuzz_dir)/$(1) && \
	$(CLANG) $(all_cppflags) -std=gnu11 -O1 -g -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=undefined -o $(fuzz_dir)/$(1).bin tests/fuzz/$(1).c \
		$(fuzz_help_src) $(fuzz_user_src) $(BUILD)/libuser.a $(BUILD)/libshared.a \
		$(test_libs) && \
	$(fuzz_dir)/$(1).bin -max_total_time=$(FUZZ_SECONDS) -max_len=65536 -timeout=60 \
		-artifact_prefix=$(fuzz_dir)/ $(fuzz_dir)/$(1)

.PHONY: all tests fuzz lint format format-check clean FORCE

all: $(CONVOY) $(CONVOY_WORK) ## build convoy and convoy-work (the default)

tests: $(unit_bin) $(fuzz_bin) $(root_bin) $(help_bin) $(truth_bin) ## build all test programs

format: ## lay out the C sources as .clang-format says
	$(Q)tools/format.sh

format-check: ## say which C sources are laid out differently
	$(Q)tools/format.sh --check

lint: format-check ## format-check, shellcheck, licence lines
	$(Q)tools/lint.sh

clean: ## remove everything that was built
	$(Q)rm -rf build build-asan build-tsan build-cov build-asan-cov build-tsan-cov build-fuzz
	$(Q)rm -f convoy convoy-work

# One stamp for flags and lists of sources: whatever changes them rebuilds.
define stamp
$(CC) $(all_cppflags) $(all_cflags)
$(pie) $(all_ldflags) $(user_libs) $(work_libs)
$(CLANG) $(bpf_cflags) $(LLVM_STRIP)
$(user_main) $(work_main) $(user_src) $(work_src) $(shared_src) $(bpf_src) $(unit_help_src)
endef
define config_stamp
$(config_flags) $(config_src)
endef
update = mkdir -p $(@D); printf '%s\n' '$(subst ','\'',$(subst $(newline), ,$(1)))' >$@.new; \
	if cmp -s $@.new $@; then rm -f $@.new; else mv -f $@.new $@; fi
define newline


endef

$(BUILD)/.flags: FORCE | $(BUILD)/.deps
	@$(call update,$(stamp))
$(BUILD)/.config: FORCE
	@$(call update,$(config_stamp))
FORCE:

# Asked once in a build directory: a plain word instead of a compiler's on a missing header.
$(BUILD)/.deps:
	@tools/deps --check build || { echo 'make deps installs it' >&2; exit 1; }
	@mkdir -p $(@D) && touch $@

# --- C ---

$(BUILD)/%.o: %.c $(BUILD)/.flags | $(BUILD)/gen/syscall_names.h
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(all_cppflags) $(object_flags) $(all_cflags) -MMD -MP -c -o $@ $<

$(config_obj): object_flags = $(config_flags)
$(config_obj): $(BUILD)/.config

# The numbers and names of system calls, for user/: #include "syscall_names.h".
$(BUILD)/gen/syscall_names.h: tools/syscall-names.sh $(BUILD)/.flags
	$(call say,GEN,$@)
	@mkdir -p $(@D)
	$(Q)tools/syscall-names.sh $(CC) $(CPPFLAGS) $(CFLAGS) >$@

# --- BPF ---
#
# bpf/NAME.bpf.c becomes $(BUILD)/bpf/NAME.bpf.o, and that, wrapped by tools/embed.S,
# read-only data of convoy from convoy_bpf_NAME_start to convoy_bpf_NAME_end, for
# bpf_object__open_mem(). Not by bpftool: its package is called differently
# everywhere and often belongs to one kernel.
#
# DWARF is stripped, BTF and its line numbers stay.

$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c $(BUILD)/.flags
	$(call say,BPF,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(bpf_cflags) -MMD -MP -c -o $@ $<
	$(Q)if command -v $(LLVM_STRIP) >/dev/null; then $(LLVM_STRIP) -g $@; fi

symbol = convoy_bpf_$(shell printf '%s' '$*' | tr -c '[:alnum:]' _)

.SECONDARY: $(bpf_src:bpf/%.c=$(BUILD)/bpf/%.o)
$(BUILD)/bpf/%.o: $(BUILD)/bpf/%.bpf.o tools/embed.S
	$(call say,EMBED,$<)
	$(Q)$(CC) $(CFLAGS) -x assembler-with-cpp -DSYMBOL=$(symbol) -DCONTENT='"$<"' -c -o $@ tools/embed.S

# --- archives and binaries ---

define archive
	$(call say,AR,$@)
	@rm -f $@
	$(Q)$(AR) rcs $@ $(filter %.o,$^)
endef

$(BUILD)/libuser.a: $(user_obj) $(BUILD)/.flags
	$(archive)
$(BUILD)/libwork.a: $(work_obj) $(BUILD)/.flags
	$(archive)
$(BUILD)/libshared.a: $(shared_obj) $(BUILD)/.flags
	$(archive)

$(CONVOY): $(call to_obj,$(user_main)) $(BUILD)/libuser.a $(BUILD)/libshared.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(pie) $(all_ldflags) -o $@ $^ $(user_libs)

$(CONVOY_WORK): $(call to_obj,$(work_main)) $(BUILD)/libwork.a $(BUILD)/libshared.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(pie) $(all_ldflags) -o $@ $^ $(work_libs)

# Every test can call anything of either binary but its main().
$(unit_bin): $(BUILD)/%: $(BUILD)/%.o $(unit_help_obj)
$(fuzz_bin): $(BUILD)/%: $(BUILD)/%.o $(call to_obj,tests/fuzz/driver.c $(fuzz_help_src))
$(root_bin) $(help_bin): $(BUILD)/%: $(BUILD)/%.o
$(root_bin): $(call to_obj,tests/unit/stderr_fixture.c)
$(unit_bin) $(fuzz_bin) $(root_bin) $(help_bin): $(BUILD)/libuser.a $(BUILD)/libwork.a $(BUILD)/libshared.a
	$(call say,LINK,$@)
	$(Q)$(CC) -pie $(all_ldflags) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(test_libs)

# These wait, and need nothing to do so.
$(truth_bin): $(BUILD)/%: $(BUILD)/%.o $(call to_obj,$(truth_lib_src))
	$(call say,LINK,$@)
	$(Q)$(CC) -pie $(all_ldflags) -o $@ $(filter %.o,$^)

-include $(patsubst %.o,%.d,$(filter-out $(BUILD)/bpf/%,$(user_obj)) $(work_obj) $(shared_obj) \
	$(main_obj) $(unit_help_obj) $(call to_obj,$(unit_test_src) $(root_test_src) $(root_help_src) \
	$(fuzz_src) tests/fuzz/driver.c $(truth_src) $(truth_lib_src))) \
	$(bpf_src:bpf/%.c=$(BUILD)/bpf/%.d)

endif # owner

# --- what may need root --------------------------------------------------------------

.PHONY: deps deps-ci demo check check-root install uninstall help

deps: ## install what the build and the tests need (else print how)
	@tools/deps

deps-ci: ## deps, and sanitizers, valgrind, clang-format, shellcheck, stress-ng
	@tools/deps ci

demo: ## install what is missing, build, run the default matrix
	@tools/deps --check build 2>/dev/null || tools/deps build
	+@$(owned_make) all
	@./$(CONVOY) run; status=$$?; tools/owner.sh give-back; exit $$status

# Seconds that one file of tests may take.
UNIT_LIMIT ?= 120
ROOT_LIMIT ?= 300
run_tests = CONVOY='$(CURDIR)/$(CONVOY)' CONVOY_WORK='$(CURDIR)/$(CONVOY_WORK)' \
	CONVOY_SRC='$(CURDIR)' CONVOY_TESTS='$(CURDIR)/$(BUILD)/tests/root' \
	tools/run-tests $(1); status=$$?; tools/owner.sh give-back; exit $$status

check: ## install what is missing, build, run all tests (live ones need root)
	@tools/deps --check test 2>/dev/null || tools/deps test
	+@$(owned_make) all tests
	@$(call run_tests,-t $(UNIT_LIMIT) $(unit_tests) -t $(ROOT_LIMIT) $(root_tests))

check-root: ## the live tests only, on this kernel, as root
	@tools/deps --check test 2>/dev/null || tools/deps test
	+@$(owned_make) all tests
	@$(call run_tests,-t $(ROOT_LIMIT) $(root_tests))

man := $(wildcard docs/convoy.8)
schema := $(wildcard docs/*.schema.json)
guides := $(wildcard docs/recording-format.md docs/reading-a-report.md)
# The jobs in other languages: workloads/LANGUAGE/ is installed beside convoy-work.
languages := $(notdir $(patsubst %/,%,$(sort $(dir $(wildcard workloads/*/*.py workloads/*/*.rb)))))
sources_of = $(wildcard workloads/$(1)/*.py workloads/$(1)/*.rb)

install: ## install under PREFIX (/usr/local), below DESTDIR if given
	+@$(owned_make) all
	$(Q)$(INSTALL) -d '$(DESTDIR)$(BINDIR)' '$(DESTDIR)$(LIBEXECDIR)/convoy'
	$(Q)$(INSTALL) -m 755 $(CONVOY) '$(DESTDIR)$(BINDIR)/convoy'
	$(Q)$(INSTALL) -m 755 $(CONVOY_WORK) '$(DESTDIR)$(LIBEXECDIR)/convoy/convoy-work'
	$(Q)$(foreach l,$(languages),$(INSTALL) -d '$(DESTDIR)$(LIBEXECDIR)/convoy/$(l)' && \
		$(INSTALL) -m 644 $(call sources_of,$(l)) '$(DESTDIR)$(LIBEXECDIR)/convoy/$(l)' &&) true
ifneq ($(man),)
	$(Q)$(INSTALL) -d '$(DESTDIR)$(MANDIR)/man8'
	$(Q)$(INSTALL) -m 644 $(man) '$(DESTDIR)$(MANDIR)/man8/convoy.8'
endif
ifneq ($(schema),)
	$(Q)$(INSTALL) -d '$(DESTDIR)$(DATADIR)/convoy'
	$(Q)$(INSTALL) -m 644 $(schema) '$(DESTDIR)$(DATADIR)/convoy'
endif
ifneq ($(guides),)
	$(Q)$(INSTALL) -d '$(DESTDIR)$(DATADIR)/doc/convoy'
	$(Q)$(INSTALL) -m 644 $(guides) '$(DESTDIR)$(DATADIR)/doc/convoy'
endif

uninstall: ## remove what install put there
	$(Q)rm -f '$(DESTDIR)$(BINDIR)/convoy' '$(DESTDIR)$(MANDIR)/man8/convoy.8'
	$(Q)rm -f '$(DESTDIR)$(LIBEXECDIR)/convoy/convoy-work'
	$(Q)$(foreach l,$(languages),rm -f $(patsubst workloads/%,'$(DESTDIR)$(LIBEXECDIR)/convoy/%', \
		$(call sources_of,$(l))) && \
		{ rmdir '$(DESTDIR)$(LIBEXECDIR)/convoy/$(l)' 2>/dev/null || true; } &&) true
	$(Q)rm -f $(patsubst docs/%,'$(DESTDIR)$(DATADIR)/convoy/%',$(schema))
	$(Q)rm -f $(patsubst docs/%,'$(DESTDIR)$(DATADIR)/doc/convoy/%',$(guides))
	$(Q)rmdir '$(DESTDIR)$(LIBEXECDIR)/convoy' '$(DESTDIR)$(DATADIR)/convoy' \
		'$(DESTDIR)$(DATADIR)/doc/convoy' 2>/dev/null || true

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' Makefile
