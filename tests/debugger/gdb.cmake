# GDB prints views by debugger/xtensor_torch_gdb.py.
# Usage: cmake -D PROGRAM=… -D PRINTERS=… -P gdb.cmake
find_program(GDB gdb)
if(NOT GDB)
    message("skipped: no gdb was found")
    return()
endif()
execute_process(COMMAND ${GDB} -nx -batch -ex "python print('has python')" OUTPUT_VARIABLE found ERROR_QUIET)
if(NOT found MATCHES "has python")
    message("skipped: this gdb has no Python")
    return()
endif()
# Symbols of LibTorch's libraries are not needed, and take long to load.
set(commands "source ${PRINTERS}" "set auto-solib-add off" "set startup-with-shell off" "set print elements 8"
    "break stop_here" run up "print matrix" "print transposed" "print numbers" "print scalar" "print halves" "print empty" kill)
list(TRANSFORM commands PREPEND "--eval-command=")
execute_process(COMMAND ${GDB} -nx -batch ${commands} ${PROGRAM} OUTPUT_VARIABLE printed ERROR_VARIABLE errors)
set(expected
    [[$1 = view of float, shape [2, 3], strides [3, 1] = {[0, 0] = 0, [0, 1] = 1, [0, 2] = 2, [1, 0] = 3, [1, 1] = 4, [1, 2] = 5}
$2 = view of const float, shape [3, 2], strides [1, 3] = {[0, 0] = 0, [0, 1] = 3, [1, 0] = 1, [1, 1] = 4, [2, 0] = 2, [2, 1] = 5}
$3 = view of long, shape [1000], strides [1] = {[0] = 0, [1] = 1, [2] = 2, [3] = 3, [4] = 4, [5] = 5, [6] = 6, [7] = 7...}
$4 = view of double, shape [], strides [] = {[] = 1}
$5 = view of c10::Half, shape [2], strides [1] = {[0] = 1.5, [1] = 1.5}
$6 = view of float, shape [0, 3], strides [0, 0]
]])
string(FIND "${printed}" "${expected}" position)
if(position EQUAL -1 AND errors MATCHES "ptrace|Operation not permitted")
    message("skipped: this system does not let gdb run a program: ${errors}")
elseif(position EQUAL -1)
    message("${printed}\n${errors}")
    message(FATAL_ERROR "gdb did not print this:\n${expected}")
endif()
