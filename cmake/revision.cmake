# The commit that is built becomes one small C++ source of the programs. It is asked for with every build, and written only
# when it has changed: then that source is compiled and two programs are linked. -DMUSTER_REVISION=... says it instead.
if(CMAKE_SCRIPT_MODE_FILE)
    # With .git here, not above: a package that is built within another's repository is not of that commit.
    if(NOT MUSTER_REVISION AND EXISTS ${SOURCE}/.git)
        execute_process(COMMAND git describe --always --dirty --abbrev=12 --exclude=* WORKING_DIRECTORY ${SOURCE}
            OUTPUT_VARIABLE MUSTER_REVISION OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
    endif()
    if(NOT MUSTER_REVISION MATCHES "^[0-9A-Za-z.+~-]+$")
        set(MUSTER_REVISION unknown)
    endif()
    configure_file(${SOURCE}/cmake/revision.cpp.in ${TARGET} @ONLY)
    return()
endif()

set(MUSTER_REVISION "" CACHE STRING "What the programs say they were built from; empty: the commit of the checkout")
set(revision_source ${CMAKE_BINARY_DIR}/base/revision.cpp)
add_custom_target(muster_revision_written BYPRODUCTS ${revision_source} VERBATIM
    COMMAND ${CMAKE_COMMAND} -DSOURCE=${CMAKE_SOURCE_DIR} -DTARGET=${revision_source}
        -DMUSTER_REVISION=${MUSTER_REVISION} -P ${CMAKE_CURRENT_LIST_FILE})
add_library(muster_revision OBJECT ${revision_source})
target_link_libraries(muster_revision PRIVATE muster_options)
add_dependencies(muster_revision muster_revision_written)
