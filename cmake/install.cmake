include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(package_dir ${CMAKE_INSTALL_DATADIR}/cmake/xtensor-torch)
install(
    TARGETS xtensor-torch
    EXPORT xtensor-torch-targets
    FILE_SET HEADERS
    FILE_SET rooms)
install(
    EXPORT xtensor-torch-targets
    NAMESPACE xtensor-torch::
    DESTINATION ${package_dir})
configure_package_config_file(cmake/xtensor-torch-config.cmake.in xtensor-torch-config.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(
    xtensor-torch-config-version.cmake
    COMPATIBILITY SameMinorVersion
    ARCH_INDEPENDENT)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/xtensor-torch-config.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/xtensor-torch-config-version.cmake
              cmake/xtensor-torch-xtensor-layout.cmake
        DESTINATION ${package_dir})

# Relative to itself, so that the installed tree may move.
set(pkgconfig_dir ${CMAKE_INSTALL_DATADIR}/pkgconfig)
cmake_path(RELATIVE_PATH CMAKE_INSTALL_FULL_INCLUDEDIR BASE_DIRECTORY ${CMAKE_INSTALL_FULL_DATADIR}/pkgconfig
           OUTPUT_VARIABLE to_include)
configure_file(cmake/xtensor-torch.pc.in xtensor-torch.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/xtensor-torch.pc DESTINATION ${pkgconfig_dir})

install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES debugger/xtensor_torch_gdb.py debugger/xtensor-torch.natvis DESTINATION ${CMAKE_INSTALL_DATADIR}/xtensor-torch)
