#include "bench/twin.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "base/unique_fd.h"
#include "engine/xdp/abi.h"
#include "engine/xdp/capture_abi.h"
#include "lab/bpf_map.h"
#include "lab/rtnl.h"

#include "datapath.skel.h"

namespace weir::bench {
namespace {

using Bytes = std::vector<uint8_t>;

constexpr uint64_t kJiffies = 1'000'000;  // the same in every run
constexpr size_t kRoom = 65536, kHeadroom = 256;

bpf_map_info info_of(int map) {
    bpf_map_info info{};
    uint32_t length = sizeof info;
    lab::check(bpf_obj_get_info_by_fd(map, &info, &length), "cannot ask about a BPF map");
    return info;
}

/// bpf_csum_diff().
uint64_t sum_of_change(const uint64_t* arguments) {
    uint64_t sum = static_cast<uint32_t>(arguments[4]);
    for (bool out : {true, false}) {
        const auto* words = memory_at<const uint8_t>(arguments[out ? 0 : 2]);
        for (uint32_t at = 0; at < static_cast<uint32_t>(arguments[out ? 1 : 3]); at += sizeof(uint32_t)) {
            uint32_t word = 0;
            std::memcpy(&word, words + at, sizeof word);
            sum += out ? ~word : word;
        }
    }
    while (sum >> 32) sum = (sum & 0xffffffff) + (sum >> 32);
    return sum;
}

/// The maps that a program uses, and those of the programs that it may jump to.
void collect_maps(int program, std::set<uint32_t>& seen, std::vector<UniqueFd>& into) {
    for (auto& map : lab::maps_of(program)) {
        if (!seen.insert(map.info.id).second) continue;
        int fd = into.emplace_back(std::move(map.fd)).get();
        if (map.info.type != BPF_MAP_TYPE_PROG_ARRAY) continue;
        for (uint32_t place = 0; auto next = lab::program_in(fd, place); place++)
            collect_maps(next.get(), seen, into);
    }
}

/// The kernel cuts the names of maps that hold variables, from the left.
bool is_same(const bpf_map* map, const bpf_map_info& info) {
    std::string_view mine = bpf_map__name(map), other = info.name;
    return mine == other || (mine.starts_with('.') && other.ends_with(mine));
}

}  // namespace

uint32_t Steps::calls() const {
    uint32_t sum = functions;
    for (const auto& [name, times] : helpers) sum += static_cast<uint32_t>(times);
    return sum;
}

/// The kernel's part of it.
class Twin::Side : public Kernel {
  public:
    explicit Side(int program);
    ~Side() override;
    Side(const Side&) = delete;
    Side& operator=(const Side&) = delete;

    Steps run(const Bytes& frame);

    uint64_t resolve(uint8_t kind, int map, uint32_t offset) override;
    uint64_t call(int helper, const uint64_t* arguments) override;
    Instructions tail_call(int map, uint32_t index) override;

  private:
    struct Rows {
        uint8_t* begin;
        size_t length, row, count;
        bool mapped;
    };
    using Key = std::pair<int, Bytes>;

    const Rows& rows_of(int map);
    uint64_t look_up(int map, const uint8_t* key);
    void forget_value(int map, const uint8_t* key);
    void write_back();
    uint64_t copy(const uint64_t* arguments, bool in) const;
    static Instructions instructions_of(const bpf_program* program);

    std::unique_ptr<datapath_bpf, lab::FreedBy<datapath_bpf::destroy>> object_;
    std::map<int, Rows> arrays_;
    std::map<Key, Bytes> values_;  // of hash tables, as this packet has met them
    std::vector<Bytes> old_;
    uint8_t* memory_ = nullptr;  // below 4 GB, because a program's pointers to its packet have 32 bits
    xdp_md* context_ = nullptr;
    Steps steps_;
};

Twin::Side::Side(int program) : object_(datapath_bpf::open()) {
    if (!object_) lab::give_up("cannot open the datapath's object");
    std::set<uint32_t> seen;
    std::vector<UniqueFd> maps;
    collect_maps(program, seen, maps);
    bpf_map* mine = nullptr;
    bpf_object__for_each_map(mine, object_->obj) {
        auto other =
            std::ranges::find_if(maps, [&](const auto& map) { return is_same(mine, info_of(map.get())); });
        if (other == maps.end() || bpf_map__type(mine) == BPF_MAP_TYPE_PROG_ARRAY) continue;
        lab::check(bpf_map__reuse_fd(mine, other->get()), "cannot share a map");
    }
    bpf_program* each = nullptr;
    bpf_object__for_each_program(each, object_->obj)
        bpf_program__set_autoload(each, each == object_->progs.weir || each == object_->progs.weir_general);
    lab::check(datapath_bpf::load(object_.get()), "cannot load the datapath again");
    const uint32_t place = WEIR_AS_IT_IS;
    const int general = bpf_program__fd(object_->progs.weir_general);
    lab::check(bpf_map_update_elem(bpf_map__fd(object_->maps.programs), &place, &general, BPF_ANY),
               "cannot join the programs");
    memory_ = static_cast<uint8_t*>(
        mmap(nullptr, kRoom, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0));
    if (memory_ == MAP_FAILED) lab::give_up("no memory below 4 GB");
    context_ = reinterpret_cast<xdp_md*>(memory_ + kRoom - sizeof(xdp_md));
}

Twin::Side::~Side() {
    for (const auto& [map, rows] : arrays_)
        if (rows.mapped)
            munmap(rows.begin, rows.length);
        else
            delete[] rows.begin;
    munmap(memory_, kRoom);
}

Instructions Twin::Side::instructions_of(const bpf_program* program) {
    return {bpf_program__insns(program), bpf_program__insn_cnt(program)};
}

Steps Twin::Side::run(const Bytes& frame) {
    steps_ = {};
    auto start = static_cast<uint32_t>(reinterpret_cast<uint64_t>(memory_ + kHeadroom));
    std::ranges::copy(frame, memory_ + kHeadroom);
    *context_ = {};
    context_->data = start;
    context_->data_end = start + static_cast<uint32_t>(frame.size());
    Machine machine(*this);
    steps_.verdict = static_cast<uint32_t>(
        machine.run(instructions_of(object_->progs.weir), reinterpret_cast<uint64_t>(context_)));
    steps_.instructions = machine.instructions();
    steps_.functions = machine.functions();
    auto* data = memory_at<uint8_t>(context_->data);
    steps_.frame.assign(data, data + (context_->data_end - context_->data));
    write_back();
    return steps_;
}

const Twin::Side::Rows& Twin::Side::rows_of(int map) {
    if (auto known = arrays_.find(map); known != arrays_.end()) return known->second;
    auto info = info_of(map);
    size_t row = (info.value_size + 7U) & ~7U, length = row * info.max_entries;
    if (info.type == BPF_MAP_TYPE_PERCPU_ARRAY)
        return arrays_[map] = {new uint8_t[length](), length, row, info.max_entries, false};
    int access = info.map_flags & BPF_F_RDONLY_PROG ? PROT_READ : PROT_READ | PROT_WRITE;
    void* begin = mmap(nullptr, length, access, MAP_SHARED, map, 0);
    if (begin == MAP_FAILED) lab::give_up("cannot map '{}' into memory", info.name);
    return arrays_[map] = {static_cast<uint8_t*>(begin), length, row, info.max_entries, true};
}

uint64_t Twin::Side::resolve(uint8_t kind, int map, uint32_t offset) {
    if (kind == BPF_PSEUDO_MAP_FD) return static_cast<uint64_t>(map);
    if (kind == BPF_PSEUDO_MAP_VALUE) return reinterpret_cast<uint64_t>(rows_of(map).begin) + offset;
    lab::give_up("a reference of kind {} in the program", kind);
}

uint64_t Twin::Side::look_up(int map, const uint8_t* key) {
    auto info = info_of(map);
    if (info.type == BPF_MAP_TYPE_ARRAY || info.type == BPF_MAP_TYPE_PERCPU_ARRAY) {
        uint32_t index = 0;
        std::memcpy(&index, key, sizeof index);
        const auto& rows = rows_of(map);
        return index < rows.count ? reinterpret_cast<uint64_t>(rows.begin + index * rows.row) : 0;
    }
    steps_.helpers["hash lookup"]++;
    Bytes value(info.value_size);
    if (bpf_map_lookup_elem(map, key, value.data())) return 0;
    auto [at, fresh] = values_.try_emplace({map, Bytes(key, key + info.key_size)}, value);
    return reinterpret_cast<uint64_t>(at->second.data());
}

/// The kernel's row is newer now; the program may still read the old one, as it may in the kernel.
void Twin::Side::forget_value(int map, const uint8_t* key) {
    if (auto old = values_.extract({map, Bytes(key, key + info_of(map).key_size)}))
        old_.push_back(std::move(old.mapped()));
}

/// Programs write to the rows that they have looked up.
void Twin::Side::write_back() {
    for (auto& [key, value] : values_)
        bpf_map_update_elem(key.first, key.second.data(), value.data(), BPF_EXIST);
    values_.clear();
    old_.clear();
}

/// bpf_xdp_load_bytes() and bpf_xdp_store_bytes().
uint64_t Twin::Side::copy(const uint64_t* arguments, bool in) const {
    auto offset = static_cast<uint32_t>(arguments[1]), size = static_cast<uint32_t>(arguments[3]);
    if (uint64_t{offset} + size > context_->data_end - context_->data) return static_cast<uint64_t>(-EINVAL);
    auto* frame = memory_at<uint8_t>(context_->data) + offset;
    auto* other = memory_at<uint8_t>(arguments[2]);
    std::copy_n(in ? other : frame, size, in ? frame : other);
    return 0;
}

uint64_t Twin::Side::call(int helper, const uint64_t* arguments) {
    auto map = static_cast<int>(arguments[0]);
    const auto* key = memory_at<const uint8_t>(arguments[1]);
    auto noted = [&](const char* name) -> Side& {
        steps_.helpers[name]++;
        return *this;
    };
    auto forget = [&] { forget_value(map, key); };
    switch (helper) {
        case BPF_FUNC_map_lookup_elem: /* of arrays it is inlined */
            return look_up(map, key);
        case BPF_FUNC_get_smp_processor_id:
            return 0;
        case BPF_FUNC_jiffies64:
            return kJiffies;
        case BPF_FUNC_map_update_elem:
            noted("hash update");
            forget();
            return static_cast<uint64_t>(
                bpf_map_update_elem(map, key, memory_at<const void>(arguments[2]), arguments[3]));
        case BPF_FUNC_map_delete_elem:
            noted("hash delete");
            forget();
            return static_cast<uint64_t>(bpf_map_delete_elem(map, key));
        case BPF_FUNC_xdp_adjust_head:
            noted("adjust_head");
            context_->data += static_cast<uint32_t>(arguments[1]);
            return 0;
        case BPF_FUNC_xdp_adjust_tail:
            noted("adjust_tail");
            context_->data_end += static_cast<uint32_t>(arguments[1]);
            return 0;
        case BPF_FUNC_csum_diff:
            noted("csum_diff");
            return sum_of_change(arguments);
        case BPF_FUNC_xdp_load_bytes:
            return noted("load_bytes").copy(arguments, false);
        case BPF_FUNC_xdp_store_bytes:
            return noted("store_bytes").copy(arguments, true);
        default:
            lab::give_up("the interpreter does not know the BPF helper {}", helper);
    }
}

Instructions Twin::Side::tail_call(int map, uint32_t index) {
    uint32_t id = 0;
    if (bpf_map_lookup_elem(map, &index, &id)) return {};
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, object_->obj) {
        bpf_prog_info info{};
        uint32_t length = sizeof info;
        if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &length) == 0 && info.id == id)
            return instructions_of(program);
    }
    return {};
}

Twin::Twin(int program) : side_(std::make_unique<Side>(program)) {}

Twin::~Twin() = default;

Steps Twin::run(const std::vector<uint8_t>& frame) {
    return side_->run(frame);
}

}  // namespace weir::bench
