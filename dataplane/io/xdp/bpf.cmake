# anser_bpf_skeleton(<library> <dir> <name>)
# Compiles <dir>/<name>.bpf.c for the kernel and gives it to the library as a header: the program
# is part of ours and nothing is read from a file when it runs. bpftool's second step keeps the
# types that maps are described by and drops what else a debugger would want. What bpftool
# writes is not ours to check.
function(anser_bpf_skeleton library directory name)
	set(source ${CMAKE_CURRENT_SOURCE_DIR}/${directory}/${name}.bpf.c)
	set(include ${CMAKE_CURRENT_BINARY_DIR}/bpf)
	set(out ${include}/dataplane/${directory})
	file(MAKE_DIRECTORY ${out})
	# asm/types.h of Debian lies in a directory that is named after this machine.
	set(flags -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror -I${PROJECT_SOURCE_DIR}
		-ffile-prefix-map=${PROJECT_SOURCE_DIR}=.)
	if(CMAKE_LIBRARY_ARCHITECTURE)
		list(APPEND flags -idirafter /usr/include/${CMAKE_LIBRARY_ARCHITECTURE})
	endif()
	add_custom_command(
		OUTPUT ${out}/${name}.skel.h
		COMMAND ${BPF_CLANG} ${flags} -MD -MF ${out}/${name}.d -MT ${out}/${name}.skel.h
			-c ${source} -o ${out}/${name}.raw.o
		COMMAND ${BPFTOOL} gen object ${out}/${name}.o ${out}/${name}.raw.o
		COMMAND sh -c "{ echo // NOLINTBEGIN && \"$1\" gen skeleton \"$2.o\" name ${name} && echo // NOLINTEND$<SEMICOLON> } >\"$2.skel.h\""
			sh ${BPFTOOL} ${out}/${name}
		DEPENDS ${source}
		DEPFILE ${out}/${name}.d
		COMMENT "Compiling ${name}.bpf.c for the kernel"
		VERBATIM)
	target_sources(${library} PRIVATE ${out}/${name}.skel.h)
	target_include_directories(${library} SYSTEM PRIVATE ${include})
endfunction()
