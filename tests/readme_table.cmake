# The README holds, word for word, the tables that a program prints.
# Usage: cmake -D README=… -D PROGRAM=… -P readme_table.cmake
file(READ ${README} readme)
execute_process(COMMAND ${PROGRAM} OUTPUT_VARIABLE printed COMMAND_ERROR_IS_FATAL ANY)
string(FIND "${readme}" "\n${printed}\n" position)
if(position EQUAL -1)
    message(FATAL_ERROR "the README's tables differ from what ${PROGRAM} prints:\n${printed}")
endif()
