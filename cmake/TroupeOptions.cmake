# Compiler flags for all of our code, through one interface target.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

option(TROUPE_SANITIZE "Build with the address and undefined-behaviour sanitizers" OFF)
option(TROUPE_FUZZ "Build the fuzz targets alone, with clang: sanitizers and libFuzzer" OFF)
option(TROUPE_WERROR "Treat warnings as errors" OFF)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CCACHE}")
endif()

add_library(troupe_options INTERFACE)
target_compile_options(troupe_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wold-style-cast -g1)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 takes the empty kj::Maybe in which a promise keeps its value until there is one for a
  # value that is read: a false warning wherever a promise holds a variant.
  target_compile_options(troupe_options INTERFACE -Wno-maybe-uninitialized)
endif()
# The generated Cap'n Proto headers are found from the build folder, ours from the root.
target_include_directories(troupe_options INTERFACE "${CMAKE_SOURCE_DIR}" "${CMAKE_BINARY_DIR}")
target_compile_definitions(troupe_options INTERFACE TROUPE_VERSION="${PROJECT_VERSION}")
if(TROUPE_WERROR)
  target_compile_options(troupe_options INTERFACE -Werror)
endif()
if(TROUPE_SANITIZE)
  # CAF's headers bind null references on purpose and hide vtables: null and vptr stay off.
  target_compile_options(troupe_options INTERFACE
    -fsanitize=address,undefined -fno-sanitize=null,vptr -fno-omit-frame-pointer)
  target_link_options(troupe_options INTERFACE -fsanitize=address,undefined)
endif()
if(TROUPE_FUZZ)
  # Every finding ends the process: libFuzzer keeps the input of one that ends. Warnings are for
  # the compiler that we ship with; clang's -Wconversion has another meaning.
  target_compile_options(troupe_options INTERFACE
    -w -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize=null,vptr
    -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  target_link_options(troupe_options INTERFACE -fsanitize=address,undefined)
endif()

find_program(MOLD mold)
if(MOLD)
  target_link_options(troupe_options INTERFACE -fuse-ld=mold)
endif()

# The allocator of programs that run actors: what one thread allocates another frees, all day long,
# which glibc's malloc is slow at (compare: scripts/bench commands). The sanitizers bring their own.
add_library(troupe_allocator INTERFACE)
if(NOT TROUPE_SANITIZE)
  target_link_libraries(troupe_allocator INTERFACE PkgConfig::JEMALLOC)
endif()
