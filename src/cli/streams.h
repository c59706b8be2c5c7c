// Standard input and output beside a loop that must not wait for them. Whatever they are (pipes, terminals,
// files), others may share them, so nothing about them is changed: each has a thread of its own that waits
// until it can read or write, and posts to the loop.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "base/result.h"
#include "base/unique_fd.h"

namespace weir::cli {

/// Reads while it lives. A piece is read once the one before has been taken.
class Input {
  public:
    /// On the executor: a piece of text, or an empty one at the end, after which nothing comes.
    using Take = std::function<void(std::string_view)>;

    static Result<std::unique_ptr<Input>> open(int fd, boost::asio::any_io_executor executor, Take take);
    ~Input();

  private:
    struct Shared;
    explicit Input(std::shared_ptr<Shared> shared);

    std::shared_ptr<Shared> shared_;
    std::thread thread_;
};

/// Writes texts while it lives. One that has not been begun when the next comes is left out: whoever reads
/// slowly gets what is true then.
class Output {
  public:
    /// `closed` comes on the executor, once, when nobody reads any more; "" or what went wrong.
    static Result<std::unique_ptr<Output>> open(int fd, boost::asio::any_io_executor executor,
                                                std::function<void(std::string)> closed);
    ~Output();

    void write(std::string text);

  private:
    struct Shared;
    explicit Output(std::shared_ptr<Shared> shared);

    std::shared_ptr<Shared> shared_;
    std::thread thread_;
};

}  // namespace weir::cli
