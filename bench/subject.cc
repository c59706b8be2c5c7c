#include "bench/subject.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include <array>

#include "bench/measure.h"
#include "lab/failure.h"
#include "repeat.skel.h"

namespace weir::bench {
namespace {

/// Programs call each other only where both, or neither, take frames in fragments.
repeat_bpf* load(bool fragments) {
    auto* object = repeat_bpf::open();
    if (!object) lab::give_up("cannot open the wrapper");
    for (auto* program : {object->progs.repeat, object->progs.swap_macs})
        if (!fragments) bpf_program__set_flags(program, 0);
    if (repeat_bpf::load(object) == 0) return object;
    repeat_bpf::destroy(object);
    lab::give_up("cannot load the wrapper: {}", std::strerror(errno));
}

}  // namespace

void Subject::Unload::operator()(repeat_bpf* object) const {
    repeat_bpf::destroy(object);
}

Subject::Subject() : object_(load(true)) {}

Subject::Subject(int program, int growth) : Subject() {
    growth_ = growth;
    if (put(program)) return;
    object_.reset(load(false));
    if (!put(program)) lab::give_up("cannot jump into the program: {}", std::strerror(errno));
}

Subject Subject::floor() {
    Subject subject;
    if (!subject.put(bpf_program__fd(subject.object_->progs.swap_macs)))
        lab::give_up("cannot jump to the floor");
    return subject;
}

bool Subject::put(int program) {
    const uint32_t key = 0;
    return bpf_map_update_elem(bpf_map__fd(object_->maps.subject), &key, &program, BPF_ANY) == 0;
}

Sample Subject::run(bench_traffic traffic, int repeat) {
    auto& shared = *object_->bss;
    shared.traffic = traffic;
    shared.progress.next = traffic.order == BENCH_NEVER_AGAIN ? next_fresh_ : 0;
    if (shared.progress.random == 0) shared.progress.random = 0x9e3779b9;
    shared.runs = shared.unchanged = shared.wrong_length = 0;
    std::array<uint8_t, BENCH_LENGTH> frame{};
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.data(), .data_size_in = frame.size(),
                .repeat = repeat);
    double start = cpu_seconds();
    lab::check(bpf_prog_test_run_opts(bpf_program__fd(object_->progs.repeat), &options),
               "cannot run the program");
    double nanoseconds = (cpu_seconds() - start) * 1e9 / repeat;
    if (traffic.order == BENCH_NEVER_AGAIN) next_fresh_ = shared.progress.next;
    return {nanoseconds, options.retval, shared.runs, shared.unchanged, shared.wrong_length};
}

UniqueFd find_program(const std::string& reference) {
    int fd = reference.starts_with('/') ? bpf_obj_get(reference.c_str())
                                        : bpf_prog_get_fd_by_id(static_cast<uint32_t>(std::stoul(reference)));
    return UniqueFd(lab::check(fd, "no loaded program {}", reference));
}

}  // namespace weir::bench
