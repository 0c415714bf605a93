# troupe_library(NAME SOURCES... [LINK targets...]): a static library of ours.
function(troupe_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC troupe_options ${ARG_LINK})
endfunction()

# troupe_quiet_promises(TARGET SOURCES...): GCC 12 takes the empty kj::Maybe in which a promise keeps
# its value until there is one for a value that is read, and warns of memory that was not initialised.
# The sources of TARGET where it does so, and only they, go without that warning.
function(troupe_quiet_promises target)
  set_source_files_properties(${ARGN} TARGET_DIRECTORY ${target} PROPERTIES
    COMPILE_OPTIONS $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
endfunction()
