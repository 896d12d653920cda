# Runs a program and compares everything that it prints with a file.
# Usage: cmake [-D EMULATOR="…;…"] -D PROGRAM=… [-D ARGUMENTS="…;…"] -D EXPECTED=… -P compare_output.cmake
execute_process(COMMAND ${EMULATOR} ${PROGRAM} ${ARGUMENTS} OUTPUT_VARIABLE printed COMMAND_ERROR_IS_FATAL ANY)
file(READ ${EXPECTED} expected)
if(printed MATCHES "^skipped: ")
    message("${printed}")
elseif(NOT printed STREQUAL expected)
    get_filename_component(name ${EXPECTED} NAME_WE)
    file(WRITE ${name}.printed.txt "${printed}")
    message("${printed}")
    message(FATAL_ERROR "this is not what ${EXPECTED} says; it is in ${CMAKE_BINARY_DIR}/${name}.printed.txt")
endif()
