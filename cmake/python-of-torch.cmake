# Sets OUT to the Python whose torch is the LibTorch that was found: operators are loaded into the LibTorch that they
# were linked to, or not at all. Where there is none, OUT is any Python; tests that run it then say so and are skipped.
function(xtensor_torch_find_python_of_torch out)
    file(REAL_PATH "${Torch_DIR}/../../.." linked)
    set(${out} python3 PARENT_SCOPE)
    foreach(python IN ITEMS python3 "${PROJECT_SOURCE_DIR}/build/venv/bin/python3")
        execute_process(
            COMMAND ${python} -c "import importlib.util as u; print(u.find_spec('torch').submodule_search_locations[0])"
            OUTPUT_VARIABLE found
            OUTPUT_STRIP_TRAILING_WHITESPACE
            ERROR_QUIET
            RESULT_VARIABLE status)
        if(status EQUAL 0)
            file(REAL_PATH "${found}" found)
            if(found STREQUAL linked)
                set(${out} ${python} PARENT_SCOPE)
                return()
            endif()
        endif()
    endforeach()
endfunction()

# Sets OUT to the first Python that has NumPy; where there is none, to any Python, as above.
function(xtensor_torch_find_python_of_numpy out)
    set(${out} python3 PARENT_SCOPE)
    foreach(python IN ITEMS python3 "${PROJECT_SOURCE_DIR}/build/venv/bin/python3")
        execute_process(COMMAND ${python} -c "import numpy" RESULT_VARIABLE status OUTPUT_QUIET ERROR_QUIET)
        if(status EQUAL 0)
            set(${out} ${python} PARENT_SCOPE)
            return()
        endif()
    endforeach()
endfunction()
