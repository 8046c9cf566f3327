# What `cmake --install` leaves behind, and a Debian package of it by CPack.
include(CMakePackageConfigHelpers)

install(TARGETS vqdna EXPORT vqdnaTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} PUBLIC_HEADER DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT vqdnaTargets NAMESPACE vqdna:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/vqdna)
configure_package_config_file(cmake/vqdnaConfig.cmake.in vqdnaConfig.cmake INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/vqdna)
write_basic_package_version_file(vqdnaConfigVersion.cmake COMPATIBILITY SameMinorVersion)

# The prefix is said from where the file lies, so that it is right wherever `cmake --install --prefix`, DESTDIR or a package puts it.
string(REGEX REPLACE "[^/]+" ".." up "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
set(pc_prefix "\${pcfiledir}/${up}")
set(pc_libdir "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
set(pc_includedir "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
    set(pc_prefix "${CMAKE_INSTALL_PREFIX}")
    set(pc_libdir "${CMAKE_INSTALL_LIBDIR}")
endif()
if(IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
    set(pc_includedir "${CMAKE_INSTALL_INCLUDEDIR}")
endif()
configure_file(cmake/vqdna.pc.in vqdna.pc @ONLY)

install(FILES ${PROJECT_BINARY_DIR}/vqdnaConfig.cmake ${PROJECT_BINARY_DIR}/vqdnaConfigVersion.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/vqdna)
install(FILES ${PROJECT_BINARY_DIR}/vqdna.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES LICENSE README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES tests/api/example_predictor.c DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT "vqdna developers")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "learn the genome's own vocabulary on any OpenCL device")
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "pocl-opencl-icd, libclfft2")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
include(CPack)
