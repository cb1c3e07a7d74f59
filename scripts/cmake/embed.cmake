# Writes a C source that holds files: cmake -D OUT=<file.c> -D HEADER=<header> -D PREFIX=<prefix>
# -D FILES=<file;...> -P embed.cmake. The file index.html becomes <prefix>_index_html and
# <prefix>_index_html_size, which the header declares.
set(text "#include \"${HEADER}\"\n")
foreach(file IN LISTS FILES)
	file(READ ${file} octets HEX)
	string(LENGTH "${octets}" digits)
	math(EXPR size "${digits} / 2")
	string(REGEX REPLACE "(..)" "0x\\1," octets "${octets}")
	get_filename_component(name ${file} NAME)
	string(MAKE_C_IDENTIFIER "${PREFIX}_${name}" name)
	string(APPEND text "const unsigned char ${name}[] = {${octets}};\nconst size_t ${name}_size = ${size};\n")
endforeach()
file(WRITE ${OUT} "${text}")
