# Installs without looking for LibTorch and xtensor, and compares the tree with the one in PREFIX.
file(REMOVE_RECURSE ${BUILD})
execute_process(
    COMMAND ${CMAKE_COMMAND} -S ${SOURCE} -B ${BUILD} -G ${GENERATOR} -DCMAKE_CXX_COMPILER=${COMPILER}
            -DCMAKE_INSTALL_PREFIX=${DESTINATION} -DXTENSOR_TORCH_WITHOUT_DEPENDENCIES=ON -DCMAKE_DISABLE_FIND_PACKAGE_Torch=ON
            -DCMAKE_DISABLE_FIND_PACKAGE_xtensor=ON COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${BUILD}/prefix COMMAND_ERROR_IS_FATAL ANY)

file(GLOB_RECURSE expected RELATIVE ${PREFIX} ${PREFIX}/*)
file(GLOB_RECURSE installed RELATIVE ${BUILD}/prefix ${BUILD}/prefix/*)
if(NOT installed STREQUAL expected)
    message(FATAL_ERROR "installed are\n${installed}\ninstead of\n${expected}")
endif()
foreach(file IN LISTS expected)
    file(SHA256 ${PREFIX}/${file} theirs)
    file(SHA256 ${BUILD}/prefix/${file} ours)
    if(NOT ours STREQUAL theirs)
        message(FATAL_ERROR "${file} differs")
    endif()
endforeach()
