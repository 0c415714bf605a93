# troupe_planted(LIBRARY): the target LIBRARY_planted is LIBRARY with the bugs of
# runtime/base/planted.h. Only the sources that ask for one are compiled a second time. They are
# linked as objects, so that the linker takes nothing of them from the archive.
function(troupe_planted library)
  set(asking)
  get_target_property(folder ${library} SOURCE_DIR)
  get_target_property(sources ${library} SOURCES)
  foreach(source IN LISTS sources)
    get_filename_component(path "${source}" ABSOLUTE BASE_DIR "${folder}")
    file(STRINGS "${path}" found REGEX "include \"runtime/base/planted\\.h\"")
    if(found)
      list(APPEND asking "${path}")
    endif()
  endforeach()

  add_library(${library}_planted INTERFACE)
  target_compile_definitions(${library}_planted INTERFACE TROUPE_PLANTED_BUGS)
  if(asking)
    add_library(${library}_asking OBJECT EXCLUDE_FROM_ALL ${asking})
    target_compile_definitions(${library}_asking PRIVATE TROUPE_PLANTED_BUGS)
    target_link_libraries(${library}_asking PRIVATE ${library}
                          $<TARGET_PROPERTY:${library},LINK_LIBRARIES>)
    target_sources(${library}_planted INTERFACE $<TARGET_OBJECTS:${library}_asking>)
  endif()
  target_link_libraries(${library}_planted INTERFACE ${library})
endfunction()
