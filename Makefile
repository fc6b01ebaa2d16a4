# connload: `make help` lists what can be made. Everything made is under build/, or where BUILD says (the tree itself
# may be read-only then).
#
# Objects are kept apart by flavour, so that none is rebuilt for another's sake:
#   release   build/           what is installed
#   debug     build/debug/     under ASan and UBSan; the unit tests are of this flavour
#   crash     build/crash/     dies at the crash point that CONNLOAD_CRASH_AT counts to (base/crash.h)
#   coverage  build/coverage/  counted by gcov
#   fuzz      build/fuzz/      libFuzzer, by clang

VERSION = $(shell sed -n 's/^\#define CONNLOAD_VERSION "\(.*\)"/\1/p' src/base/version.h)

PREFIX = /usr/local
DESTDIR =
BUILD = build
ifeq ($(origin CC),default)
CC = gcc
endif
CLANG = clang
AR = ar
V =
Q = $(if $V,,@)

BINDIR = $(DESTDIR)$(PREFIX)/bin
MANDIR = $(DESTDIR)$(PREFIX)/share/man/man1
DOCDIR = $(DESTDIR)$(PREFIX)/share/doc/connload
BASHDIR = $(DESTDIR)$(PREFIX)/share/bash-completion/completions
ZSHDIR = $(DESTDIR)$(PREFIX)/share/zsh/site-functions
FISHDIR = $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d

# Sources: the folders are the layers (scripts/layers checks them on every build).
CORE_C := $(wildcard src/base/*.c src/model/*.c src/io/*.c src/net/*.c src/sheet/*.c src/api/*.c src/run/*.c src/prior/*.c \
	src/report/*.c src/command/*.c)
MAIN_C := $(wildcard src/*.c)
SANDBOX_C := $(wildcard src/base/*.c src/sandbox/*.c)
PAGE := $(wildcard src/report/page.html src/report/page.css src/report/page.js)
UNIT_C := $(wildcard tests/unit/test_*.c)
FUZZ_C := $(wildcard tests/fuzz/fuzz_*.c)

LIBS = -lcurl -lcsv -lcjson -lz -lutf8proc -lssl -lcrypto -lm
SANDBOX_LIBS = -lmicrohttpd -lcjson -lcsv -lm

WARN = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2
LANGUAGE = -std=c17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64 -Isrc
MACHINE := $(shell { $(CC) -dumpmachine; } 2>/dev/null)
HARDEN = -fstack-protector-strong -fPIE $(if $(filter x86_64% i686%,$(MACHINE)),-fcf-protection) \
	$(if $(filter -O0,$(CFLAGS)),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
HARDEN_LINK = -pie -Wl,-z,relro,-z,now -Wl,--as-needed
SANITIZE = -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: all debug crash coverage memcheck fuzz chaos soak limits bench demo deb lint format test test-build install uninstall completions clean help \
	layers FORCE

all: $(BUILD)/connload $(BUILD)/connload-sandbox layers

# One flavour: its programs, the archives that tests link with, unit tests and fuzz replays.
# $1 folder, $2 compiler flags, $3 linker flags
define flavour
$1/flags: FORCE
	@mkdir -p $1
	@printf '%s\n' '$$(subst ','\'',$$(CC) $$(CPPFLAGS) $2 $$(CFLAGS) $3 $$(LDFLAGS))' | cmp -s - $$@ || \
	    printf '%s\n' '$$(subst ','\'',$$(CC) $$(CPPFLAGS) $2 $$(CFLAGS) $3 $$(LDFLAGS))' >$$@

$1/sources: FORCE
	@mkdir -p $1
	@echo $$(CORE_C) $$(MAIN_C) $$(SANDBOX_C) | cmp -s - $$@ || echo $$(CORE_C) $$(MAIN_C) $$(SANDBOX_C) >$$@

$1/obj/%.o: %.c $1/flags | $(BUILD)/deps.ok
	@mkdir -p $$(@D)
	$$(call say,CC,$$@)
	$$Q$$(CC) $$(CPPFLAGS) $$(LANGUAGE) $$(WARN) $2 $$(CFLAGS) -MMD -MP -c -o $$@ $$<

$$(patsubst %.c,$1/obj/%.o,$$(filter src/sandbox/%,$$(SANDBOX_C))): | $(BUILD)/deps-sandbox.ok

$1/connload: $$(patsubst %.c,$1/obj/%.o,$$(CORE_C) $$(MAIN_C)) $1/flags $1/sources
	$$(call say,LD,$$@)
	$$Q$$(CC) $2 $$(CFLAGS) $3 $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) $$(LIBS)

$1/connload-sandbox: $$(patsubst %.c,$1/obj/%.o,$$(SANDBOX_C)) $1/flags $1/sources
	$$(call say,LD,$$@)
	$$Q$$(CC) $2 $$(CFLAGS) $3 $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) $$(SANDBOX_LIBS)

$1/core.a: $$(patsubst %.c,$1/obj/%.o,$$(CORE_C) $$(filter-out src/main.c,$$(MAIN_C))) $1/sources
	$$Qrm -f $$@ && $$(AR) rcs $$@ $$(filter %.o,$$^)

$1/sandbox.a: $$(patsubst %.c,$1/obj/%.o,$$(filter-out src/sandbox/main.c,$$(SANDBOX_C))) $1/sources
	$$Qrm -f $$@ && $$(AR) rcs $$@ $$(filter %.o,$$^)

$1/unit/test_%: $1/obj/tests/unit/test_%.o $1/core.a
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)
	$$Q$$(CC) $2 $$(CFLAGS) $3 $$(LDFLAGS) -o $$@ $$(filter %.o %.a,$$^) -lcmocka $$(LIBS)

$1/unit/test_sandbox_%: $1/obj/tests/unit/test_sandbox_%.o $1/sandbox.a
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)
	$$Q$$(CC) $2 $$(CFLAGS) $3 $$(LDFLAGS) -o $$@ $$(filter %.o %.a,$$^) -lcmocka $$(SANDBOX_LIBS)

$1/replay/fuzz_%: $1/obj/tests/fuzz/fuzz_%.o $1/obj/tests/fuzz/replay.o $1/core.a
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)
	$$Q$$(CC) $2 $$(CFLAGS) $3 $$(LDFLAGS) -o $$@ $$(filter %.o %.a,$$^) $$(LIBS)

# The page's files are taken in by the assembler; what is compiled when linking knows no -Isrc.
$1/obj/src/report/page.o: $$(PAGE)
$1/obj/src/report/page.o: private override CFLAGS += -fno-lto

-include $$(patsubst %.c,$1/obj/%.d,$$(CORE_C) $$(MAIN_C) $$(SANDBOX_C) $$(UNIT_C) $$(FUZZ_C) tests/fuzz/replay.c)
endef

# For goals that first get what they need and then build: on all processors, unless -j was given.
AGAIN = --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

say = $(if $V,,@printf '  %-4s %s\n' $1 $2)

$(eval $(call flavour,$(BUILD),-O2 -g $$(HARDEN),$$(HARDEN_LINK)))
$(eval $(call flavour,$(BUILD)/debug,-O1 -g $$(SANITIZE),))
$(eval $(call flavour,$(BUILD)/crash,-O2 -g $$(HARDEN) -DCONNLOAD_CRASH_POINTS,$$(HARDEN_LINK)))
$(eval $(call flavour,$(BUILD)/coverage,-O0 -g --coverage -fprofile-abs-path -fprofile-update=atomic,))

# Objects are made on the way to several targets; none is intermediate.
.SECONDARY:

# A missing library ends here, in one line, before the compiler can say it in forty. The sandbox's is its own.
NEEDED_BY = connload
all debug crash: NEEDED_BY = all

$(BUILD)/deps.ok: scripts/need-libs
	$(if $(shell $< $(NEEDED_BY) $(CC) $(CPPFLAGS)),$(error $(shell $< $(NEEDED_BY) $(CC) $(CPPFLAGS))))
	@mkdir -p $(@D) && touch $@

$(BUILD)/deps-sandbox.ok: scripts/need-libs
	$(if $(shell $< sandbox $(CC) $(CPPFLAGS)),$(error $(shell $< sandbox $(CC) $(CPPFLAGS))))
	@mkdir -p $(@D) && touch $@

layers:
	@scripts/layers

debug: $(BUILD)/debug/connload $(BUILD)/debug/connload-sandbox layers

crash: $(BUILD)/crash/connload $(BUILD)/crash/connload-sandbox layers

UNIT = $(patsubst tests/unit/%.c,$(BUILD)/debug/unit/%,$(UNIT_C))
UNIT_RELEASE = $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(UNIT_C))
REPLAY = $(patsubst tests/fuzz/%.c,$(BUILD)/debug/replay/%,$(FUZZ_C))

INTERPOSED = $(patsubst tests/interpose/%.c,$(BUILD)/interpose/%.so,$(wildcard tests/interpose/*.c))

$(BUILD)/interpose/%.so: tests/interpose/%.c
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$Q$(CC) $(LANGUAGE) $(WARN) -O1 -g -fPIC -shared -o $@ $<

# What the scenarios start their programs through.
CHILD = $(BUILD)/child

$(CHILD): tests/scenario/child.c
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$Q$(CC) $(LANGUAGE) $(WARN) -O1 -g -static -o $@ $<

test-build: all debug $(UNIT) $(UNIT_RELEASE) $(REPLAY) $(INTERPOSED) $(CHILD) $(if $(wildcard tests/chaos/run.py),crash)

test:
	@scripts/get-deps build test
	@$(MAKE) $(AGAIN) test-build
	@tests/run

memcheck:
	@scripts/get-deps build test
	@$(MAKE) $(AGAIN) $(UNIT_RELEASE)
	@tests/run memcheck

coverage:
	@scripts/get-deps build test
	@$(MAKE) $(AGAIN) $(BUILD)/coverage/connload $(BUILD)/coverage/connload-sandbox \
	    $(patsubst tests/unit/%.c,$(BUILD)/coverage/unit/%,$(UNIT_C)) \
	    $(patsubst tests/fuzz/%.c,$(BUILD)/coverage/replay/%,$(FUZZ_C)) $(INTERPOSED) $(CHILD)
	@scripts/coverage

chaos:
	@scripts/get-deps build test
	@$(MAKE) $(AGAIN) all crash $(INTERPOSED)
	@tests/chaos/run.py $(CHAOS_ARGS)

soak:
	@scripts/get-deps build test
	@$(MAKE) $(AGAIN) all
	@tests/soak/run.py $(SOAK_ARGS)

# Fuzzing: seconds for each target, one after the other.
FUZZ_SECONDS = 60
FUZZ_FLAGS = -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
FUZZ_OBJ = $(patsubst %.c,$(BUILD)/fuzz/obj/%.o,$(CORE_C) $(filter-out src/main.c,$(MAIN_C)))
FUZZERS = $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(FUZZ_C))

fuzz:
	@scripts/get-deps build fuzz
	@$(MAKE) $(AGAIN) $(FUZZERS)
	@scripts/fuzz $(FUZZ_SECONDS) $(FUZZERS)

$(BUILD)/fuzz/obj/%.o: %.c | $(BUILD)/deps.ok
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$Q$(CLANG) $(CPPFLAGS) $(LANGUAGE) $(WARN) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c -o $@ $<

$(BUILD)/fuzz/obj/src/report/page.o: $(PAGE)

$(BUILD)/fuzz/core.a: $(FUZZ_OBJ)
	$Qrm -f $@ && $(AR) rcs $@ $^

$(BUILD)/fuzz/fuzz_%: $(BUILD)/fuzz/obj/tests/fuzz/fuzz_%.o $(BUILD)/fuzz/core.a
	$(call say,LD,$@)
	$Q$(CLANG) $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS)

-include $(patsubst %.c,$(BUILD)/fuzz/obj/%.d,$(CORE_C) $(MAIN_C) $(FUZZ_C))

# What the law for limits that nobody named makes of every kind of limit, simulated: a table.
limits:
	@scripts/get-deps build test
	@$(MAKE) $(AGAIN) $(BUILD)/unit/test_limits
	@$(BUILD)/unit/test_limits table

lint:
	@scripts/get-deps build lint
	@CC='$(CC)' CLANG='$(CLANG)' CFLAGS='$(LANGUAGE) $(WARN)' scripts/lint

format:
	@scripts/get-deps lint
	clang-format -i $$(find src tests scripts -name '*.[ch]')

bench:
	@scripts/get-deps build bench
	@$(MAKE) $(AGAIN) all
	@scripts/bench/run

demo:
	@scripts/get-deps build
	@$(MAKE) $(AGAIN) all
	@scripts/demo

deb:
	@scripts/get-deps build deb
	@VERSION='$(VERSION)' scripts/deb

completions: $(foreach program,connload connload-sandbox,$(BUILD)/completions/$(program) \
	$(BUILD)/completions/_$(program) $(BUILD)/completions/$(program).fish)

$(BUILD)/completions/_%: $(BUILD)/%
	@mkdir -p $(@D)
	$Q$< --completion zsh >$@

$(BUILD)/completions/%.fish: $(BUILD)/%
	@mkdir -p $(@D)
	$Q$< --completion fish >$@

$(BUILD)/completions/%: $(BUILD)/%
	@mkdir -p $(@D)
	$Q$< --completion bash >$@

install: all completions
	install -d "$(BINDIR)" "$(MANDIR)" "$(DOCDIR)/examples" "$(BASHDIR)" "$(ZSHDIR)" "$(FISHDIR)"
	install -m 755 $(BUILD)/connload $(BUILD)/connload-sandbox "$(BINDIR)"
	install -m 644 src/connload.1 src/connload-sandbox.1 "$(MANDIR)"
	sed -i 's|/usr/share/doc|$(PREFIX)/share/doc|' "$(MANDIR)/connload.1"
	install -m 644 README.md LICENSE "$(DOCDIR)"
	install -m 644 src/CHANGELOG.md "$(DOCDIR)/NEWS.md"
	sed -i -e '/make demo/!s|samples/|examples/|g' -e 's|](src/CHANGELOG.md)|](NEWS.md)|g' \
	    -e 's,\[\([^]]*\)\](\(\(src\|tests\)/[^)]*\)),\1 (`\2` in the source),g' "$(DOCDIR)/README.md"
	install -m 644 $(BUILD)/completions/connload $(BUILD)/completions/connload-sandbox "$(BASHDIR)"
	install -m 644 $(BUILD)/completions/_connload $(BUILD)/completions/_connload-sandbox "$(ZSHDIR)"
	install -m 644 $(BUILD)/completions/connload.fish $(BUILD)/completions/connload-sandbox.fish "$(FISHDIR)"
	to=$$(cd "$(DOCDIR)/examples" && pwd) && cd samples && find . -type d -exec install -d "$$to"/{} \; \
	    -o -type f -perm /111 -exec install -m 755 {} "$$to"/{} \; \
	    -o -type f -exec install -m 644 {} "$$to"/{} \;

uninstall:
	rm -f "$(BINDIR)/connload" "$(BINDIR)/connload-sandbox"
	rm -f "$(MANDIR)/connload.1" "$(MANDIR)/connload-sandbox.1"
	rm -f "$(BASHDIR)/connload" "$(ZSHDIR)/_connload" "$(FISHDIR)/connload.fish"
	rm -f "$(BASHDIR)/connload-sandbox" "$(ZSHDIR)/_connload-sandbox" "$(FISHDIR)/connload-sandbox.fish"
	rm -rf "$(DOCDIR)"

clean:
	rm -rf $(BUILD)

help:
	@echo 'make            build/connload and build/connload-sandbox'
	@echo 'make demo       provisions samples/desk.csv against the sandbox, gets what it needs first'
	@echo 'make test       all tests; the last line counts them'
	@echo 'make lint       compilers, static analysis, format, layers, function length and complexity'
	@echo 'make format     lays out all sources by .clang-format'
	@echo 'make install    into PREFIX ($(PREFIX)), under DESTDIR; uninstall takes it away again'
	@echo 'make deb        the Debian packages, in build/deb/, and how to install them'
	@echo 'make debug      build/debug/, under ASan and UBSan'
	@echo 'make crash      build/crash/, with the crash points that the crash harness uses'
	@echo 'make chaos      kills and faults at random, long; CHAOS_ARGS are passed on'
	@echo 'make soak       a million rows with 1 % of every fault but one, long; SOAK_ARGS are passed on'
	@echo 'make fuzz       each fuzz target for FUZZ_SECONDS ($(FUZZ_SECONDS))'
	@echo 'make memcheck   the unit tests under valgrind; make test does so, too'
	@echo 'make coverage   lines and branches that the tests reach, and those they do not'
	@echo 'make limits     what becomes of limits that nobody named, simulated, as a table'
	@echo 'make bench      connload beside bare libcurl and other tools, as a table'
	@echo 'make clean      removes build/'
	@echo 'Variables: CC CFLAGS CPPFLAGS LDFLAGS PREFIX DESTDIR, BUILD=DIR builds there, V=1 shows the commands'
