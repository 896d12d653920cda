# The README's first code block is an example, and the block after it is what the program prints.
# Usage: cmake -D README=… -D SOURCE=… -D PROGRAM=… -P readme.cmake
function(read_block language out)
    string(FIND "${readme}" "```${language}\n" start)
    string(SUBSTRING "${readme}" ${start} -1 rest)
    string(REGEX REPLACE "^```${language}\n" "" rest "${rest}")
    string(FIND "${rest}" "```" end)
    string(SUBSTRING "${rest}" 0 ${end} block)
    set(${out} "${block}" PARENT_SCOPE)
endfunction()

file(READ ${README} readme)
file(READ ${SOURCE} source)
execute_process(COMMAND ${PROGRAM} OUTPUT_VARIABLE printed COMMAND_ERROR_IS_FATAL ANY)

read_block(cpp code)
read_block(text output)
if(NOT code STREQUAL source)
    message(FATAL_ERROR "the README's first code block differs from ${SOURCE}")
endif()
if(NOT output STREQUAL printed)
    message(FATAL_ERROR "the README shows another output than that prints:\n${printed}")
endif()
