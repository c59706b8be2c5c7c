// The XDP engine: every forwarding method, in the kernel. What is attached and pinned goes on forwarding
// without the daemon; a new one adopts it. Everything runs on the executor's one thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "engine/capture.h"
#include "engine/engine.h"
#include "engine/xdp/attachment.h"
#include "engine/xdp/claims.h"
#include "engine/xdp/detour.h"
#include "engine/xdp/tables.h"
#include "net/neighbours.h"

namespace weir::engine::xdp {

class Xdp final : public Engine, public Capturing, public model::FlowStore {
  public:
    /// `pins` is a directory on a BPF file system (one is mounted at /sys/fs/bpf where that has none); what
    /// is pinned there is adopted. `on_change` is called when unreachable() may have changed.
    static Result<std::unique_ptr<Xdp>> open(const boost::asio::any_io_executor& executor,
                                             const std::string& pins, std::function<void()> on_change);
    ~Xdp() override;

    /// The health that the adopted datapath stands for; empty when nothing was adopted.
    model::HealthMap recovered() const;

    Status apply(const model::Plan& plan) override;
    const std::map<model::TargetKey, std::string>& unreachable() const override { return unreachable_; }
    Observation observe() override;
    Observation observe(const std::vector<model::TargetKey>& targets) override;
    Result<Verdict> trace(const Flow& flow) override;
    net::Opened open_passage(const model::TargetKey& target, net::Carrier carrier, net::Port port) override;

    Status start_capture(const CaptureFilter& filter, Sink sink) override;
    uint64_t stop_capture() override;

    size_t buckets() const override { return tables_->buckets(); }
    void read_changes(size_t first, size_t count, std::vector<model::ToldFlow>& out) override {
        tables_->read_changes(first, count, out);
    }
    void read_all(size_t first, size_t count, std::vector<model::ToldFlow>& out) override {
        tables_->read_all(first, count, out);
    }
    model::TakenFlows take(const model::TargetKey& target, unsigned bucket_bits,
                           std::span<const model::SharedFlow> flows, unsigned share) override {
        return tables_->take(target, bucket_bits, flows, share);
    }
    uint64_t from_peers() const override { return tables_->from_peers(); }

  private:
    using Clock = std::chrono::steady_clock;
    using Ways = std::unordered_map<net::Ip, Result<Hop>, IpHash>;

    Xdp(const boost::asio::any_io_executor& executor, std::string pins, std::function<void()> on_change);
    Status use(int program);
    void attach(const model::Interface& interface, int program);
    Status attach_all();
    void take_back_from_others();
    void note_failure(const std::string& interface, const std::string& why);
    void attach_what_failed();
    void look_around();
    bool find_ways();
    Result<Hop> find_way(const net::Ip& backend) const;
    std::optional<std::string> why_no_way(const model::Frontend& frontend, const net::Ip& backend) const;
    net::Link device_towards(const net::Ip& backend, const net::Link& interface) const;
    std::optional<net::Ip> probe_source(const net::Link& device, const model::TargetKey& target) const;
    Ports ports(bool only_up) const;
    Status show_ports();
    std::map<model::TargetKey, std::string> find_unreachable() const;
    void forget_adopted_later();
    void scan_later();
    void listen_for_claims();
    void read_captured_later();
    void look_after_filters();

    boost::asio::steady_timer scan_timer_;
    boost::asio::steady_timer adopted_timer_;
    boost::asio::steady_timer capture_timer_;
    Clock::time_point next_beat_, next_look_;
    std::string pins_;
    std::function<void()> on_change_;
    std::unique_ptr<net::Neighbours> neighbours_;
    std::unique_ptr<Detour> detour_;
    std::unique_ptr<Tables> tables_;
    std::map<std::string, Attachment> attachments_;  // by interface
    std::map<std::string, std::string> failures_;    // why an interface has none, or not the probes' filters
    Ports up_;                                       // attached, with a link that was up
    Claims claims_;
    model::Plan plan_;                                     // the last that was applied
    Ways ways_;                                            // to each backend of plan_
    SharedHops hops_ = std::make_shared<const Hops>();     // those of them that there are
    std::map<model::TargetKey, std::string> unreachable_;  // by them
    Hops adopted_;                                         // until the neighbours are known
    std::shared_ptr<bool> alive_ =
        std::make_shared<bool>(true);  // what waits looks here before it touches *this
};

}  // namespace weir::engine::xdp
