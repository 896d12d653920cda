# xtensor 0.26 moved its headers into subfolders. Sets OUT to 1 when the `xtensor` target's headers are laid out so,
# to 0 otherwise. Looks into the target's own include directories: its version is not known where a parent project
# brought xtensor in, and another xtensor may stand on the compiler's default path.
function(xtensor_torch_find_xtensor_layout out)
    get_target_property(directories xtensor INTERFACE_INCLUDE_DIRECTORIES)
    foreach(directory IN LISTS directories)
        # Out of $<BUILD_INTERFACE:…>, and of $<$<CONFIG:Release>:…> as Conan writes it, with one directory or more.
        string(REGEX REPLACE "^\\$<(BUILD_INTERFACE|\\$<CONFIG:[^>]*>):" "" directory "${directory}")
        string(REGEX REPLACE ">$" "" directory "${directory}")
        if(EXISTS "${directory}/xtensor/containers/xarray.hpp")
            set(${out} 1 PARENT_SCOPE)
            return()
        elseif(EXISTS "${directory}/xtensor/xarray.hpp")
            set(${out} 0 PARENT_SCOPE)
            return()
        endif()
    endforeach()
    message(FATAL_ERROR "xtensor-torch: the target `xtensor` has no xtensor headers in its include directories "
                        "(${directories}); point xtensor_DIR to an xtensor 0.24.3 or newer.")
endfunction()
