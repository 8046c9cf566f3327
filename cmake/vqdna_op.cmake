# vqdna_op(name [kernels...]): an operation is four files with one stem, and more cl/KERNELS.cl where its kernels fill two. A kernel
# file may include another of cl/. Embeds the kernels, lists the case table, fails at configure time if a file is missing.
set_property(GLOBAL PROPERTY VQDNA_OPS "")
set_property(GLOBAL PROPERTY VQDNA_KERNELS "")

function(vqdna_op name)
    foreach(file cl/${name}.cl src/ops/${name}.h src/ops/${name}.c src/check/cases_${name}.c)
        if(NOT EXISTS ${PROJECT_SOURCE_DIR}/${file})
            message(FATAL_ERROR "operation ${name} lacks ${file}")
        endif()
    endforeach()
    foreach(kernels ${ARGN})
        if(NOT EXISTS ${PROJECT_SOURCE_DIR}/cl/${kernels}.cl)
            message(FATAL_ERROR "operation ${name} lacks cl/${kernels}.cl")
        endif()
    endforeach()
    set_property(GLOBAL APPEND PROPERTY VQDNA_OPS ${name})
    set_property(GLOBAL APPEND PROPERTY VQDNA_KERNELS ${name} ${ARGN})
endfunction()

# Writes the table of kernel sources (device floor) and the table of case tables (check floor).
function(vqdna_ops_done)
    get_property(ops GLOBAL PROPERTY VQDNA_OPS)
    set(embedded ${CMAKE_BINARY_DIR}/kernels.c)
    set(inputs ${PROJECT_SOURCE_DIR}/cl/prelude.cl)
    get_property(kernels GLOBAL PROPERTY VQDNA_KERNELS)
    foreach(stem ${kernels})
        list(APPEND inputs ${PROJECT_SOURCE_DIR}/cl/${stem}.cl)
    endforeach()
    file(GLOB all CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/cl/*.cl)
    add_custom_command(
        OUTPUT ${embedded}
        COMMAND ${CMAKE_COMMAND} "-DINPUTS=${inputs}" -DOUTPUT=${embedded} -P ${PROJECT_SOURCE_DIR}/cmake/embed.cmake
        DEPENDS ${all} ${PROJECT_SOURCE_DIR}/cmake/embed.cmake
        VERBATIM)
    target_sources(vq_device PRIVATE ${embedded})

    set(text "#include \"check/case.h\"\n\n")
    set(rows "")
    foreach(op ${ops})
        string(APPEND text "extern const vq_case_table vq_cases_${op};\n")
        string(APPEND rows "    &vq_cases_${op},\n")
    endforeach()
    string(APPEND text "\nconst vq_case_table *const vq_case_tables[] = {\n${rows}    0,\n};\n")
    file(GENERATE OUTPUT ${CMAKE_BINARY_DIR}/case_tables.c CONTENT "${text}")
    target_sources(vq_check PRIVATE ${CMAKE_BINARY_DIR}/case_tables.c)
endfunction()
