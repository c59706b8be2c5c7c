// The source `file`: a list in a file, watched by inotify(7). Looked at again when its folder tells of the
// file's name: a file that is put in place by rename(2), a symbolic link that is changed, and one that is
// written in place are all seen so. A link's target in another folder is looked at every few seconds.
#include <fcntl.h>
#include <sys/inotify.h>

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstring>
#include <filesystem>

#include "base/read_file.h"
#include "base/unique_fd.h"
#include "discovery/kinds.h"
#include "discovery/value.h"

namespace weir::discovery {
namespace {

namespace asio = boost::asio;

constexpr Setting kSettings[] = {
    required({"path", Takes::text, "the absolute path of a file"}),
};
const Section kSection{"file", kSettings};

constexpr size_t kMostBytes = 16 << 20;
constexpr auto kSettle = std::chrono::milliseconds(20);  // for a writer to go on, from its last write
constexpr auto kLookAnyway = std::chrono::seconds(5);

class File final : public Source {
  public:
    File(const Surroundings& around, std::string path, Listener& listener)
        : clock_(around.clock), path_(std::move(path)), listener_(listener), events_(around.executor) {
        next_ = clock_.after({}, [this] { look(); });
    }

  private:
    void look();
    void watch();
    void wait();
    bool concerns_us(size_t size) const;
    Result<std::string> read() const;

    Clock& clock_;
    const std::string path_;
    Listener& listener_;
    asio::posix::stream_descriptor events_;
    std::array<char, 4096> buffer_;
    Clock::Alarm next_;
    std::optional<Result<std::string>> last_;  // what was read
};

void File::watch() {
    if (events_.is_open()) return;
    UniqueFd events(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    auto folder = std::filesystem::path(path_).parent_path();
    constexpr uint32_t kChanges = IN_CLOSE_WRITE | IN_MODIFY | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE |
                                  IN_DELETE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF;
    // Without it the file is looked at every few seconds all the same.
    if (!events || ::inotify_add_watch(events.get(), folder.c_str(), kChanges) < 0) return;
    events_.assign(events.release());
    wait();
}

void File::wait() {
    events_.async_read_some(asio::buffer(buffer_), [this](boost::system::error_code error, size_t size) {
        if (error == asio::error::operation_aborted) return;
        if (error) return events_.close();
        if (concerns_us(size)) next_ = clock_.after(kSettle, [this] { look(); });
        wait();
    });
}

/// Of what changed in the folder: whether the file did, or events were lost.
bool File::concerns_us(size_t size) const {
    auto name = std::filesystem::path(path_).filename();
    for (size_t at = 0; at + sizeof(inotify_event) <= size;) {
        inotify_event event;
        std::memcpy(&event, buffer_.data() + at, sizeof event);
        const char* about = buffer_.data() + at + sizeof event;
        if (event.len == 0 || name == about) return true;
        at += sizeof event + event.len;
    }
    return false;
}

Result<std::string> File::read() const {
    UniqueFd file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!file) return fail_with(errno, "cannot open {}", path_);
    auto text = read_up_to(kMostBytes + 1, file);
    if (!text) return propagate(text, "cannot read " + path_);
    if (text->size() > kMostBytes) return fail("{} is larger than {} MiB", path_, kMostBytes >> 20);
    return text;
}

void File::look() {
    next_ = clock_.after(kLookAnyway, [this] { look(); });
    watch();
    auto text = read();
    if (last_ && *last_ == text) return;
    last_ = text;
    if (text)
        listener_.found(read_values(*text, path_));
    else
        listener_.failed(text.error());
}

Status check(const model::SourceSpec& spec) {
    auto path = spec.text("path");
    if (!path.starts_with('/') || path.ends_with('/'))
        return fail("'{}' is not the absolute path of a file; begin with '/'", path);
    return {};
}

}  // namespace

Kind file_kind() {
    return {{&kSection, check},
            [](const Surroundings& around, const model::SourceSpec& spec,
               Listener& listener) -> std::unique_ptr<Source> {
                return std::make_unique<File>(around, spec.text("path"), listener);
            }};
}

}  // namespace weir::discovery
