# Three INTERFACE targets that every target of ours links PRIVATE: warnings, sanitize, hardening.
include(CheckCCompilerFlag)

set(common_warnings
	-Wall -Wextra -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes
	-Wmissing-prototypes -Wold-style-definition -Wpointer-arith -Wcast-qual -Wwrite-strings
	-Wundef -Wvla -Wformat=2 -Wswitch-enum -Wnull-dereference -Wdouble-promotion
	-Wredundant-decls -Wdate-time)
set(gcc_warnings
	-Wcast-align=strict -Wduplicated-cond -Wduplicated-branches -Wlogical-op
	-Wjump-misses-init -Wimplicit-fallthrough=5 -Wformat-signedness -Wstack-usage=16384)
set(clang_warnings
	-Wcast-align -Wcomma -Wassign-enum -Wconditional-uninitialized
	-Wunreachable-code-aggressive -Wextra-semi-stmt -Wimplicit-fallthrough -Wloop-analysis
	-Watomic-implicit-seq-cst -Wshorten-64-to-32 -Wframe-larger-than=16384)

# Adds those of the flags to an INTERFACE target that this compiler knows. The check runs with
# -Werror because clang only warns of warning flags that it does not know.
function(add_known_flags target)
	foreach(flag IN LISTS ARGN)
		string(MAKE_C_IDENTIFIER "known${flag}" known)
		set(CMAKE_REQUIRED_FLAGS -Werror)
		check_c_compiler_flag(${flag} ${known})
		if(${known})
			target_compile_options(${target} INTERFACE ${flag})
		endif()
	endforeach()
endfunction()

set(CMAKE_REQUIRED_QUIET ON)

add_library(warnings INTERFACE)
add_known_flags(warnings ${common_warnings})
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
	add_known_flags(warnings ${gcc_warnings})
else()
	add_known_flags(warnings ${clang_warnings})
endif()
if(WERROR)
	target_compile_options(warnings INTERFACE -Werror)
endif()

add_library(sanitize INTERFACE)
if(SANITIZE STREQUAL "address")
	set(sanitizers -fsanitize=address,undefined -fno-sanitize-recover=all)
elseif(SANITIZE STREQUAL "thread")
	set(sanitizers -fsanitize=thread)
elseif(NOT SANITIZE STREQUAL "")
	message(FATAL_ERROR "SANITIZE is \"${SANITIZE}\"; it can be address, thread or empty")
endif()
if(sanitizers)
	target_compile_options(sanitize INTERFACE ${sanitizers})
	target_link_options(sanitize INTERFACE ${sanitizers})
	# Their frames hold red zones: the stack warnings do not mean the same there.
	target_compile_options(warnings INTERFACE
		$<$<C_COMPILER_ID:GNU>:-Wno-stack-usage> $<$<C_COMPILER_ID:Clang>:-Wno-frame-larger-than>)
endif()
if(FUZZ)
	target_compile_options(sanitize INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(COVERAGE)
	target_compile_options(sanitize INTERFACE --coverage)
	target_compile_definitions(sanitize INTERFACE UNDER_COVERAGE=1)
	target_link_options(sanitize INTERFACE --coverage)
endif()

# No NDEBUG: asserts stay on in release builds.
set(CMAKE_C_FLAGS_DEBUG "-O1 -g")
set(CMAKE_C_FLAGS_RELEASE "-O2 -g")

add_library(hardening INTERFACE)
# Everything ends in programs, so PIE for the libraries as well: cheaper than PIC.
target_compile_options(hardening INTERFACE -fPIE)
target_link_options(hardening INTERFACE -pie)
add_known_flags(hardening -fno-common -fvisibility=hidden -fno-omit-frame-pointer)
# glibc's memfd_create(), recvmmsg(), accept4() and the like. Empty, so that a file may repeat it.
target_compile_definitions(hardening INTERFACE _GNU_SOURCE=)
if(CMAKE_BUILD_TYPE STREQUAL "Release")
	add_known_flags(hardening -fstack-protector-strong -fstack-clash-protection -fcf-protection)
	target_compile_definitions(hardening INTERFACE _FORTIFY_SOURCE=3 ANSER_RELEASE)
	target_link_options(hardening INTERFACE -Wl,-z,relro -Wl,-z,now)
endif()
