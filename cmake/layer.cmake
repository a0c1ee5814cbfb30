# p11gate_layer(NAME SOURCES file... [LINKS target...] [USES target...])
#
# One folder, one static library, one include directory. LINKS are the layers and packages whose
# headers this one may include; they are PRIVATE, so a header of a layer that is not named here is
# not found. USES are layers whose types stand in this layer's own headers: who includes
# this layer's headers sees those as well.
function(p11gate_layer name)
    cmake_parse_arguments(layer "" "" "SOURCES;LINKS;USES" ${ARGN})
    add_library(${name} STATIC ${layer_SOURCES})
    target_include_directories(${name} PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
    target_link_libraries(${name} PRIVATE p11gate_flags ${layer_LINKS} PUBLIC ${layer_USES})
endfunction()
