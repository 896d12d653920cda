# Hides every copy of the package TOO_OLD but the one that its cache entry names, and leaves the others' search alone:
# find_package would go on to the good copy that the system has.
macro(find_too_old method package)
    if("${package}" STREQUAL "${TOO_OLD}")
        find_package(${package} ${ARGN} NO_DEFAULT_PATH BYPASS_PROVIDER)
    endif()
endmacro()
cmake_language(SET_DEPENDENCY_PROVIDER find_too_old SUPPORTED_METHODS FIND_PACKAGE)
