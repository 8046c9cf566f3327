# The program: sees include/vqdna.h and its own floors only, and goes through the shared library like any other user of it.
file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/cli/*.c ${PROJECT_SOURCE_DIR}/src/report/*.c)
add_executable(vqdna-cli ${sources})
file(RELATIVE_PATH to_library "/${CMAKE_INSTALL_BINDIR}" "/${CMAKE_INSTALL_LIBDIR}")
if(IS_ABSOLUTE "${CMAKE_INSTALL_BINDIR}" OR IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
    set(library_path "${CMAKE_INSTALL_FULL_LIBDIR}")
else()
    set(library_path "$ORIGIN/${to_library}")
endif()
set_target_properties(vqdna-cli PROPERTIES OUTPUT_NAME vqdna INSTALL_RPATH "${library_path}")
target_include_directories(vqdna-cli PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
target_link_libraries(vqdna-cli PRIVATE vqdna PkgConfig::JANSSON PkgConfig::HTSLIB PkgConfig::XXHASH m)
install(TARGETS vqdna-cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES ${PROJECT_SOURCE_DIR}/src/cli/vqdna.bash
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME vqdna)

# Man pages, where scdoc is at hand. What several of them say of their inputs stands once.
find_program(SCDOC scdoc)
if(SCDOC)
    file(GLOB pages CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/cli/*.scd)
    set(manuals "")
    foreach(page ${pages})
        get_filename_component(manual ${page} NAME_WLE)
        add_custom_command(
            OUTPUT ${CMAKE_BINARY_DIR}/man/${manual}
            COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/man
            COMMAND sh -c "sed -e '/^@inputs@/{r ${PROJECT_SOURCE_DIR}/src/cli/inputs.man' -e 'd}' '${page}' | ${SCDOC} > '${CMAKE_BINARY_DIR}/man/${manual}'"
            DEPENDS ${page} ${PROJECT_SOURCE_DIR}/src/cli/inputs.man
            VERBATIM)
        list(APPEND manuals ${CMAKE_BINARY_DIR}/man/${manual})
    endforeach()
    add_custom_target(manuals ALL DEPENDS ${manuals})
    install(FILES ${manuals} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
endif()
