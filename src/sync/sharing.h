// Shares this balancer's flows with others, as the configuration's `sync:` says (doc/sync.md): the member of
// the group, its sockets and its clock. On the executor's one thread, which outlives this object.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>

#include "model/config.h"
#include "sync/member.h"
#include "sync/socket.h"

namespace weir::sync {

class Sharing final : public Reporting {
  public:
    /// `on_rank`: is_outranked() has changed.
    Sharing(const boost::asio::any_io_executor& executor, OnNews on_news, std::function<void()> on_rank = {});
    ~Sharing() override;

    /// Where the flows are: outlives this object. Before the first set(); without it nothing is shared.
    void use(model::FlowStore& store) { store_ = &store; }

    /// Has the configuration's group and peers from now on. What is known of those that stay is kept. Fails
    /// where the sockets cannot be opened; they are tried again.
    Status set(const model::Config& config);

    /// Tells the peers that it goes, and is done. `silent`: another daemon goes on at once.
    void stop(bool silent = false);

    Report report() const override;

    // As Member has them; where nothing is shared nobody else is there.
    bool knows_flows() const;
    void stand(bool ready);
    bool is_outranked() const { return member_ && member_->is_outranked(); }

  private:
    class Line;

    void step_later();
    void step();
    Status open();
    void look_after_socket(Time now);

    boost::asio::steady_timer timer_;
    OnNews on_news_;
    std::function<void()> on_rank_;
    bool ready_ = false;
    bool was_outranked_ = false;
    model::FlowStore* store_ = nullptr;
    model::Sync settings_;
    std::unique_ptr<Line> line_;
    std::unique_ptr<Member> member_;  // speaks by the line
    Time next_look_{};
    std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace weir::sync
