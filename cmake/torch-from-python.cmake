# For development, through CMAKE_PROJECT_TOP_LEVEL_INCLUDES: finds the LibTorch inside a Python package.
# The order is that of scripts/setup: what CMAKE_PREFIX_PATH or Torch_DIR name, then the torch of the active Python,
# then the virtual environment that scripts/setup makes.
if(NOT Torch_DIR AND NOT DEFINED ENV{Torch_DIR})
    # Only looked for: where no language is enabled yet, a package that is loaded gives its programs no run path.
    find_file(
        named_torch TorchConfig.cmake
        HINTS ${CMAKE_PREFIX_PATH} ENV CMAKE_PREFIX_PATH
        PATH_SUFFIXES Torch cmake/Torch lib/cmake/Torch share/cmake/Torch
        NO_DEFAULT_PATH NO_CACHE)
    if(NOT named_torch)
        foreach(python IN ITEMS python3 "${CMAKE_SOURCE_DIR}/build/venv/bin/python3")
            execute_process(
                COMMAND ${python} -c "import torch; print(torch.utils.cmake_prefix_path)"
                OUTPUT_VARIABLE prefix
                OUTPUT_STRIP_TRAILING_WHITESPACE
                ERROR_QUIET
                RESULT_VARIABLE status)
            if(status EQUAL 0)
                message(STATUS "LibTorch: from the Python package of ${python}")
                set(Torch_DIR "${prefix}/Torch" CACHE PATH "The directory of TorchConfig.cmake" FORCE)
                break()
            endif()
        endforeach()
    endif()
endif()
