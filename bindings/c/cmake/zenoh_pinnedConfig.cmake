# zenoh_pinned::zenoh_pinned, the shared library, and zenoh_pinned::static; both with the headers.

get_filename_component(_zenoh_pinned_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)

if(NOT TARGET zenoh_pinned::zenoh_pinned)
  add_library(zenoh_pinned::zenoh_pinned SHARED IMPORTED)
  set_target_properties(zenoh_pinned::zenoh_pinned PROPERTIES
    IMPORTED_LOCATION "${_zenoh_pinned_prefix}/lib/libzenoh_pinned.so"
    INTERFACE_INCLUDE_DIRECTORIES "${_zenoh_pinned_prefix}/include")
endif()

if(NOT TARGET zenoh_pinned::static)
  add_library(zenoh_pinned::static STATIC IMPORTED)
  set_target_properties(zenoh_pinned::static PROPERTIES
    IMPORTED_LOCATION "${_zenoh_pinned_prefix}/lib/libzenoh_pinned.a"
    INTERFACE_INCLUDE_DIRECTORIES "${_zenoh_pinned_prefix}/include"
    INTERFACE_LINK_LIBRARIES "gcc_s;pthread;dl;m")
endif()

unset(_zenoh_pinned_prefix)
