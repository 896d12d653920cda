# The page holds, word for word, the tables that a program prints.
# Usage: cmake -D PAGE=… -D PROGRAM=… -P sharing_table.cmake
file(READ ${PAGE} page)
execute_process(COMMAND ${PROGRAM} OUTPUT_VARIABLE printed COMMAND_ERROR_IS_FATAL ANY)
string(FIND "${page}" "\n${printed}\n" position)
if(position EQUAL -1)
    message(FATAL_ERROR "the tables of ${PAGE} differ from what ${PROGRAM} prints:\n${printed}")
endif()
