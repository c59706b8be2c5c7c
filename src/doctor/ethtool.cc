#include "doctor/ethtool.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstring>
#include <vector>

namespace weir::doctor {
namespace {

/// A command whose answer is longer than its structure; the kernel wants it aligned as 64-bit words.
template <class Head>
class Long {
  public:
    Long(uint32_t command, size_t extra) : words_((sizeof(Head) + extra + 7) / 8) { head()->cmd = command; }
    Head* head() { return reinterpret_cast<Head*>(words_.data()); }

  private:
    std::vector<uint64_t> words_;
};

std::string text_of(const char* bytes, size_t size) {
    return {bytes, strnlen(bytes, size)};
}

}  // namespace

Result<Ethtool> Ethtool::open() {
    UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket) return fail_with(errno, "cannot open a socket");
    return Ethtool(std::move(socket));
}

bool Ethtool::ask(const std::string& interface, void* command) const {
    ifreq request{};
    interface.copy(request.ifr_name, IFNAMSIZ - 1);
    request.ifr_data = static_cast<char*>(command);
    return ::ioctl(socket_.get(), SIOCETHTOOL, &request) == 0;
}

std::string Ethtool::driver(const std::string& interface) const {
    ethtool_drvinfo info{};
    info.cmd = ETHTOOL_GDRVINFO;
    return ask(interface, &info) ? text_of(info.driver, sizeof info.driver) : "";
}

std::map<std::string, bool> Ethtool::features(const std::string& interface) const {
    Long<ethtool_sset_info> size(ETHTOOL_GSSET_INFO, sizeof(uint32_t));
    size.head()->sset_mask = 1ull << ETH_SS_FEATURES;
    if (!ask(interface, size.head()) || size.head()->sset_mask == 0) return {};
    const uint32_t count = size.head()->data[0];

    Long<ethtool_gstrings> names(ETHTOOL_GSTRINGS, size_t{count} * ETH_GSTRING_LEN);
    names.head()->string_set = ETH_SS_FEATURES;
    names.head()->len = count;
    Long<ethtool_gfeatures> states(ETHTOOL_GFEATURES, (count + 31) / 32 * sizeof(ethtool_get_features_block));
    states.head()->size = (count + 31) / 32;
    if (!ask(interface, names.head()) || !ask(interface, states.head())) return {};

    std::map<std::string, bool> features;
    const auto* name = reinterpret_cast<const char*>(names.head()->data);
    for (uint32_t i = 0; i < count; i++, name += ETH_GSTRING_LEN)
        features[text_of(name, ETH_GSTRING_LEN)] = states.head()->features[i / 32].active >> i % 32 & 1;
    return features;
}

Ethtool::Queues Ethtool::receive_queues(const std::string& interface) const {
    ethtool_channels channels{};
    channels.cmd = ETHTOOL_GCHANNELS;
    if (!ask(interface, &channels)) return {};
    return {channels.rx_count + channels.combined_count, std::max(channels.max_rx, channels.max_combined)};
}

}  // namespace weir::doctor
