# The four kinds of targets. Sources are found, not listed: a file belongs to the library of its
# directory, X_test.c beside X.c is the test of X, and main.c is a program's own.

function(anser_target target)
	target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR})
	target_compile_definitions(${target} PRIVATE ANSER_VERSION="${PROJECT_VERSION}")
	target_link_libraries(${target} PRIVATE warnings sanitize hardening)
endfunction()

# Sets sources to those files of a directory that match a pattern, cut down by the arguments
# SOURCES (only these) and EXCEPT (not these) of the caller.
macro(anser_find_sources pattern)
	set(directory ${CMAKE_CURRENT_SOURCE_DIR}/${arg_DIRECTORY})
	file(GLOB sources CONFIGURE_DEPENDS RELATIVE ${directory} ${directory}/${pattern})
	list(REMOVE_ITEM sources "" ${arg_EXCEPT})
	if(arg_SOURCES)
		set(sources ${arg_SOURCES})
	endif()
	list(TRANSFORM sources PREPEND ${directory}/)
endmacro()

# anser_library(<name> [DIRECTORY <dir>] [SOURCES <file>...] [EXCEPT <file>...] NEEDS <library>...)
# An INTERFACE library when there is no source, so that others may name it all the same.
function(anser_library name)
	cmake_parse_arguments(PARSE_ARGV 1 arg "" "DIRECTORY" "SOURCES;EXCEPT;NEEDS")
	anser_find_sources(*.c)
	list(FILTER sources EXCLUDE REGEX "(_test|/main)\\.c$")
	if(sources)
		add_library(${name} STATIC ${sources})
		anser_target(${name})
		target_link_libraries(${name} PUBLIC ${arg_NEEDS})
	else()
		add_library(${name} INTERFACE)
		target_link_libraries(${name} INTERFACE ${arg_NEEDS})
	endif()
endfunction()

# anser_program(<name> [DIRECTORY <dir>] NEEDS <library>...): main() is in main.c.
function(anser_program name)
	cmake_parse_arguments(PARSE_ARGV 1 arg "" "DIRECTORY" "NEEDS")
	anser_find_sources(main.c)
	if(sources)
		add_executable(${name} ${sources})
		anser_target(${name})
		target_link_libraries(${name} PRIVATE ${arg_NEEDS})
		install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
	endif()
endfunction()

# anser_tests([DIRECTORY <dir>] [SOURCES <file>...] [EXCEPT <file>...] NEEDS <library>...)
# One cmocka program for each *_test.c. Those whose name ends in _stress_test have the label
# "stress" and are built by the target stress_tests: they are what runs under ThreadSanitizer.
add_custom_target(stress_tests)
function(anser_tests)
	cmake_parse_arguments(PARSE_ARGV 0 arg "" "DIRECTORY" "SOURCES;EXCEPT;NEEDS")
	anser_find_sources(*_test.c)
	foreach(source IN LISTS sources)
		get_filename_component(name ${source} NAME_WE)
		if(TARGET ${name})
			cmake_path(GET arg_DIRECTORY FILENAME directory)
			set(name ${directory}_${name})
		endif()
		add_executable(${name} ${source})
		anser_target(${name})
		target_compile_definitions(${name} PRIVATE
			ANSER_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
			ANSER_BIN_DIR="${CMAKE_RUNTIME_OUTPUT_DIRECTORY}")
		target_link_libraries(${name} PRIVATE
			${arg_NEEDS} PkgConfig::cmocka Threads::Threads)
		add_test(NAME ${name} COMMAND ${name})
		set_tests_properties(${name} PROPERTIES TIMEOUT 120 LABELS unit PROCESSORS 2 SKIP_RETURN_CODE 77)
		if(name MATCHES "_stress_test$")
			set_tests_properties(${name} PROPERTIES LABELS "unit;stress" TIMEOUT 300)
			add_dependencies(stress_tests ${name})
		endif()
	endforeach()
endfunction()
