# weir_bpf(TARGET FILE.bpf.c): compiles a BPF program with clang, strips its DWARF (BTF stays), and gives TARGET the
# bpftool skeleton as <FILE.skel.h>. The object is inside the binary: no compiler is needed at run time. Behind
# these, a DIRECTORY with its HEADERs, which are taken in the place of weir's; the results lie there, too.
find_program(BPF_CLANG NAMES clang-19 clang REQUIRED)
find_program(BPF_STRIP NAMES llvm-strip-19 llvm-strip REQUIRED)
find_program(BPFTOOL bpftool REQUIRED HINTS /usr/sbin)

function(weir_bpf target source)
  get_filename_component(name ${source} NAME)
  string(REGEX REPLACE "\\.bpf\\.c$" "" name ${name})
  set(headers ${ARGN})
  set(first ${CMAKE_BINARY_DIR})
  if(headers)
    list(POP_FRONT headers first)
  endif()
  set(dir ${first}/bpf)
  set(object ${dir}/${name}.bpf.o)
  set(skeleton ${dir}/${name}.skel.h)
  file(MAKE_DIRECTORY ${dir})
  add_custom_command(
    OUTPUT ${skeleton}
    COMMAND ${BPF_CLANG} -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Wno-unused-parameter -Werror
            -I${first} -I${CMAKE_SOURCE_DIR}/src -I${CMAKE_SOURCE_DIR} -I/usr/include/${CMAKE_LIBRARY_ARCHITECTURE}
            -MD -MT ${skeleton} -MF ${object}.d
            -c ${CMAKE_SOURCE_DIR}/${source} -o ${object}
    COMMAND ${BPF_STRIP} -g ${object}
    COMMAND ${BPFTOOL} gen skeleton ${object} name ${name}_bpf > ${skeleton}
    DEPENDS ${CMAKE_SOURCE_DIR}/${source} ${headers}
    DEPFILE ${object}.d
    COMMENT "BPF ${source}"
    VERBATIM)
  add_custom_target(${target}_${name}_skeleton DEPENDS ${skeleton})
  add_dependencies(${target} ${target}_${name}_skeleton)
  target_sources(${target} PRIVATE ${skeleton})
  target_include_directories(${target} SYSTEM PUBLIC ${dir})
endfunction()
