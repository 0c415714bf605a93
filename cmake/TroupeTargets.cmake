# troupe_library(NAME SOURCES... [LINK targets...]): a static library of ours.
function(troupe_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC troupe_options ${ARG_LINK})
endfunction()
